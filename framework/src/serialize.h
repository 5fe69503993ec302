#ifndef DAYBOOK_SRC_SERIALIZE_H_
#define DAYBOOK_SRC_SERIALIZE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace daybook::internal {

// The message's bytes. kInvalidArgument: more than `max_bytes`, or bytes that could not be read
// back.
absl::StatusOr<std::string> Serialize(const google::protobuf::Message& message, size_t max_bytes);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SERIALIZE_H_
