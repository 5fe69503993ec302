#include "serialize.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "make_status.h"

namespace daybook::internal {

absl::StatusOr<std::string> Serialize(const google::protobuf::Message& message, size_t max_bytes) {
  const auto refuse = [&message](const std::string& why) {
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      absl::StrCat(std::string(message.GetDescriptor()->full_name()), ": ", why));
  };
  if (const size_t size = message.ByteSizeLong(); size > max_bytes) {
    return refuse(absl::StrCat(size, " bytes, more than ", max_bytes));
  }
  if (!message.IsInitialized()) {
    return refuse("required fields are missing: " + message.InitializationErrorString());
  }
  std::string bytes = message.SerializePartialAsString();

  // Protobuf writes a string field that is not UTF-8, and refuses to read it.
  const std::unique_ptr<google::protobuf::Message> copy(message.New());
  if (!copy->ParseFromString(bytes)) {
    return refuse("could not be read back; is a string field not UTF-8?");
  }
  return bytes;
}

}  // namespace daybook::internal
