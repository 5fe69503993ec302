#ifndef DAYBOOK_SRC_JSON_H_
#define DAYBOOK_SRC_JSON_H_

#include <string_view>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace daybook::internal {

// Unknown fields are left out. kInvalidArgument: what is wrong with it. It may be nested a hundred
// levels deep: for more, Protobuf's parser takes longer than anybody would wait.
absl::Status ParseJson(std::string_view json, google::protobuf::Message& message);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_JSON_H_
