#include "daybook/event_handlers.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "daybook/subscription.h"
#include "make_status.h"
#include "serialize.h"
#include "to_absl.h"

namespace daybook::internal {

using google::protobuf::Message;

absl::StatusOr<std::unique_ptr<Message>> Parse(const RecordedEvent& event,
                                               const Message& prototype) {
  std::unique_ptr<Message> message(prototype.New());
  if (ParseSilently(event.payload(), *message)) return message;
  return Permanent(
      MakeStatus(absl::StatusCode::kDataLoss,
                 absl::StrCat(ToAbsl(event.stream()), ", version ", event.version().value(), ", ",
                              ToAbsl(event.type()), ": its payload cannot be decoded")));
}

}  // namespace daybook::internal
