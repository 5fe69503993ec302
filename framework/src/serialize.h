#ifndef DAYBOOK_SRC_SERIALIZE_H_
#define DAYBOOK_SRC_SERIALIZE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "daybook/aggregate.h"  // ParseSilently
#include "google/protobuf/message.h"

namespace daybook::internal {

// The name of the first string field that holds what is not UTF-8, such as "lines.sku"; empty: none
// does.
std::string NotUtf8(const google::protobuf::Message& message);

// The message's bytes. kInvalidArgument: more than `max_bytes`, or bytes that could not be read
// back.
absl::StatusOr<std::string> Serialize(const google::protobuf::Message& message, size_t max_bytes);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SERIALIZE_H_
