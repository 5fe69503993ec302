#include "daybook/integration_event.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daybook/cloudevents.pb.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/time_util.h"
#include "json.h"
#include "make_status.h"
#include "publishing/attributes.h"
#include "status_macros.h"
#include "to_absl.h"
#include "utf8.h"

namespace daybook {
namespace internal {

using google::protobuf::Timestamp;
using google::protobuf::util::TimeUtil;

std::string FormatTime(RecordedTime time) {
  return TimeUtil::ToString(TimeUtil::MicrosecondsToTimestamp(time.time_since_epoch().count()));
}

absl::StatusOr<RecordedTime> ParseTime(std::string_view text) {
  Timestamp time;
  if (!TimeUtil::FromString(std::string(text), &time)) {
    return NotACloudEvent("its time is not in the form of RFC 3339");
  }
  return RecordedTime(std::chrono::microseconds(TimeUtil::TimestampToMicroseconds(time)));
}

std::string MediaType(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return absl::AsciiStrToLower(absl::StripAsciiWhitespace(ToAbsl(type)));
}

bool IsJson(std::string_view content_type) {
  const std::string type = MediaType(content_type);
  return type == kJsonContent || type == "text/json" || absl::EndsWith(type, "+json");
}

// RFC 3986, appendix A: the characters only.
bool IsUriReference(std::string_view text) {
  constexpr std::string_view kOthers = "-._~:/?#[]@!$&'()*+,;=%";
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (!absl::ascii_isalnum(c) && kOthers.find(text[i]) == std::string_view::npos) return false;
    if (c == '%' && (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) ||
                     !absl::ascii_isxdigit(text[i + 2]))) {
      return false;
    }
  }
  return !text.empty();
}

absl::Status NotACloudEvent(std::string_view why) {
  return MakeStatus(absl::StatusCode::kInvalidArgument,
                    absl::StrCat("not a CloudEvent: ", ToAbsl(why)));
}

absl::Status CheckReceived(std::string_view spec_version, const IntegrationEvent& event) {
  if (spec_version.empty()) return NotACloudEvent("it has no specversion");
  if (spec_version != kSpecVersion) return NotACloudEvent("its specversion is not 1.0");
  if (event.id.empty()) return NotACloudEvent("it has no id");
  if (event.source.empty()) return NotACloudEvent("it has no source");
  if (event.type.empty()) return NotACloudEvent("it has no type");
  return absl::OkStatus();
}

}  // namespace internal

namespace {

using google::protobuf::util::MessageToJsonString;
using internal::Attribute;
using internal::JsonCloudEvent;
using internal::MakeStatus;
using internal::NotACloudEvent;

absl::Status Unsendable(const IntegrationEvent& event, std::string_view why) {
  return MakeStatus(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("integration event ", event.type, " ", event.id, ": ", internal::ToAbsl(why)));
}

bool IsText(std::string_view text) {
  return internal::IsUtf8(text) &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; });
}

const google::protobuf::FieldDescriptor* FieldOf(const Attribute& attribute) {
  return JsonCloudEvent::descriptor()->FindFieldByName(attribute.name);
}

absl::Status PutData(const IntegrationEvent& event, JsonCloudEvent& json) {
  if (!internal::IsJson(event.data_content_type)) {
    json.set_data_base64(event.data);
    return absl::OkStatus();
  }
  if (internal::ParseJson(event.data, *json.mutable_data()).ok()) return absl::OkStatus();
  return Unsendable(event, "its data is said to be JSON, and is not");
}

absl::StatusOr<std::string> TakeData(const JsonCloudEvent& json) {
  if (!json.has_data()) return json.data_base64();
  if (!json.data_base64().empty()) return NotACloudEvent("it has both data and data_base64");
  const std::string& type = json.datacontenttype();
  if (!type.empty() && !internal::IsJson(type) && json.data().has_string_value()) {
    return json.data().string_value();
  }
  std::string data;
  if (MessageToJsonString(json.data(), &data).ok()) return data;
  return NotACloudEvent("its data cannot be written as JSON again");
}

}  // namespace

absl::Status Check(const IntegrationEvent& event) {
  if (event.id.empty()) return Unsendable(event, "it has no id");
  if (event.type.empty()) return Unsendable(event, "it has no type");
  if (!internal::IsUriReference(event.source)) {
    return Unsendable(event, "its source is not a URI reference");
  }
  if (!IsText(event.data_content_type)) return Unsendable(event, "datacontenttype is not text");
  for (const Attribute& attribute : internal::kAttributes) {
    if (!IsText(event.*attribute.member)) {
      return Unsendable(event,
                        absl::StrCat(attribute.name, " is not text: UTF-8, none below 0x20"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ToCloudEventJson(const IntegrationEvent& event) {
  DAYBOOK_RETURN_IF_ERROR(Check(event));
  JsonCloudEvent json;
  json.set_specversion(std::string(internal::kSpecVersion));
  for (const Attribute& attribute : internal::kAttributes) {
    json.GetReflection()->SetString(&json, FieldOf(attribute), event.*attribute.member);
  }
  if (event.time != RecordedTime()) json.set_time(internal::FormatTime(event.time));
  json.set_datacontenttype(event.data_content_type);
  DAYBOOK_RETURN_IF_ERROR(PutData(event, json));
  std::string text;
  if (MessageToJsonString(json, &text).ok()) return text;
  return Unsendable(event, "it cannot be written as JSON");
}

absl::StatusOr<IntegrationEvent> FromCloudEventJson(std::string_view text) {
  JsonCloudEvent json;
  if (const absl::Status parsed = internal::ParseJson(text, json); !parsed.ok()) {
    return NotACloudEvent(internal::ToStd(parsed.message()));
  }
  IntegrationEvent event;
  for (const Attribute& attribute : internal::kAttributes) {
    event.*attribute.member = json.GetReflection()->GetString(json, FieldOf(attribute));
  }
  event.data_content_type = json.datacontenttype();
  DAYBOOK_RETURN_IF_ERROR(internal::CheckReceived(json.specversion(), event));
  if (!json.time().empty()) {
    DAYBOOK_ASSIGN_OR_RETURN(event.time, internal::ParseTime(json.time()));
  }
  DAYBOOK_ASSIGN_OR_RETURN(event.data, TakeData(json));
  if (json.has_data() && event.data_content_type.empty()) event.data_content_type = kJsonContent;
  return event;
}

Metadata CausedBy(const IntegrationEvent& event) {
  Metadata caused;
  caused.set_correlation_id(event.correlation_id.empty() ? event.id : event.correlation_id);
  caused.set_causation_id(event.id);
  caused.set_traceparent(event.traceparent);
  caused.set_tracestate(event.tracestate);
  return caused;
}

}  // namespace daybook
