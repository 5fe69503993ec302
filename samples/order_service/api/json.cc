#include "api/json.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"

namespace shop {

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message, JsonStyle style) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.add_whitespace = style == JsonStyle::kReadable;
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!printed.ok()) return absl::InternalError(printed.ToString());
  return json;
}

absl::Status FromJson(std::string_view text, google::protobuf::Message* message) {
  if (text.empty()) return absl::OkStatus();
  const auto parsed =
      google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, message);
  if (parsed.ok()) return absl::OkStatus();
  // The parser's message quotes what it was given, which may be anything at all.
  return absl::InvalidArgumentError(
      absl::StrCat("the body is not a ", message->GetDescriptor()->name(), " in JSON"));
}

}  // namespace shop
