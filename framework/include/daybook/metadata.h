// Who and what caused an event: correlation, causation, trace, actor, free headers.
//
//   orders.Execute("42", ship, {.cause = daybook::CausedBy(payment)});
//
// daybook::Metadata is a Protobuf message (daybook/metadata.proto), stored beside each event. It is
// passed, never taken from the thread.

#ifndef DAYBOOK_METADATA_H_
#define DAYBOOK_METADATA_H_

#include "absl/status/statusor.h"
#include "daybook/event.h"
#include "daybook/metadata.pb.h"

namespace daybook {

// What an event's metadata says. Empty for an event stored without. kDataLoss: the bytes are not a
// daybook.Metadata.
[[nodiscard]] absl::StatusOr<Metadata> MetadataOf(const RecordedEvent& event);

// The metadata of what `event` causes: its correlation id handed on (its own id, if it began the
// conversation), its id as the causation id, its trace. Actor and headers are not handed on. Where
// the event's metadata cannot be read, it counts as beginning a conversation.
[[nodiscard]] Metadata CausedBy(const RecordedEvent& event);

}  // namespace daybook

#endif  // DAYBOOK_METADATA_H_
