#ifndef DAYBOOK_SRC_PUBLISHING_ATTRIBUTES_H_
#define DAYBOOK_SRC_PUBLISHING_ATTRIBUTES_H_

#include <array>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/integration_event.h"

namespace daybook::internal {

// The attributes that are text, as CloudEvents names them. `time` and `datacontenttype` are not
// among them.
struct Attribute {
  const char* name;
  std::string IntegrationEvent::*member;
};
inline constexpr std::array<Attribute, 11> kAttributes = {{
    {"id", &IntegrationEvent::id},
    {"source", &IntegrationEvent::source},
    {"type", &IntegrationEvent::type},
    {"subject", &IntegrationEvent::subject},
    {"dataschema", &IntegrationEvent::data_schema},
    {"partitionkey", &IntegrationEvent::partition_key},
    {"sequence", &IntegrationEvent::sequence},
    {"correlationid", &IntegrationEvent::correlation_id},
    {"causationid", &IntegrationEvent::causation_id},
    {"traceparent", &IntegrationEvent::traceparent},
    {"tracestate", &IntegrationEvent::tracestate},
}};
inline constexpr std::string_view kSpecVersion = "1.0";

// RFC 3339, UTC.
std::string FormatTime(RecordedTime time);
absl::StatusOr<RecordedTime> ParseTime(std::string_view text);

// The media type of JSON, with or without parameters.
bool IsJson(std::string_view content_type);
// As it is compared: without parameters, in lower case.
std::string MediaType(std::string_view content_type);

bool IsUriReference(std::string_view text);

absl::Status NotACloudEvent(std::string_view why);
// kInvalidArgument: one that is required is not there.
absl::Status CheckReceived(std::string_view spec_version, const IntegrationEvent& event);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_PUBLISHING_ATTRIBUTES_H_
