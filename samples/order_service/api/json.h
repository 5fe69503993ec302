// Protobuf messages as JSON.

#ifndef SHOP_API_JSON_H_
#define SHOP_API_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace shop {

enum class JsonStyle {
  kCompact,
  kReadable,  // indented
};

// Says every field, also those that are empty or 0. kInternal: the message cannot be said in JSON.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message,
                                   JsonStyle style = JsonStyle::kCompact);

// kInvalidArgument, with a message for whoever sent it: malformed, an unknown field, a wrong type,
// a number out of its range, nested too deeply. An empty text is an empty message.
absl::Status FromJson(std::string_view text, google::protobuf::Message* message);

}  // namespace shop

#endif  // SHOP_API_JSON_H_
