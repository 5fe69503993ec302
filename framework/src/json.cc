#include "json.h"

#include "google/protobuf/util/json_util.h"
#include "make_status.h"
#include "utf8.h"

namespace daybook::internal {
namespace {

using google::protobuf::util::JsonStringToMessage;

constexpr int kMaxDepth = 100;

// Protobuf's parser takes strings in single quotes too.
bool IsTooDeep(std::string_view json) {
  int depth = 0;
  char quote = '\0';
  for (size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (quote != '\0') {
      if (c == '\\') ++at;
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

absl::Status ParseJson(std::string_view json, google::protobuf::Message& message) {
  const auto wrong = [](std::string_view why) { return MakeInvalid(why); };
  if (!IsUtf8(json)) return wrong("it is not UTF-8");
  if (IsTooDeep(json)) return wrong("it is nested deeper than 100 levels");
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  if (JsonStringToMessage({json.data(), json.size()}, &message, options).ok()) {
    return absl::OkStatus();
  }
  return wrong("it is not the JSON of one");
}

}  // namespace daybook::internal
