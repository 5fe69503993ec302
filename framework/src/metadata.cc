#include "daybook/metadata.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "serialize.h"
#include "to_absl.h"

namespace daybook {

absl::StatusOr<Metadata> MetadataOf(const RecordedEvent& event) {
  Metadata metadata;
  const std::string_view bytes = event.metadata();
  if (!internal::ParseSilently(bytes, metadata)) {
    return internal::MakeStatus(
        absl::StatusCode::kDataLoss,
        absl::StrCat(internal::ToAbsl(event.stream()), ", version ", event.version().value(),
                     ": its metadata is no daybook.Metadata"));
  }
  return metadata;
}

Metadata CausedBy(const RecordedEvent& event) {
  Metadata caused;
  caused.set_causation_id(event.id().ToString());
  if (const absl::StatusOr<Metadata> cause = MetadataOf(event); cause.ok()) {
    caused.set_correlation_id(cause->correlation_id());
    caused.set_traceparent(cause->traceparent());
    caused.set_tracestate(cause->tracestate());
  }
  if (caused.correlation_id().empty()) caused.set_correlation_id(caused.causation_id());
  return caused;
}

}  // namespace daybook
