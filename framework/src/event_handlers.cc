#include "daybook/event_handlers.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daybook/subscription.h"
#include "former_names.h"
#include "make_status.h"
#include "to_absl.h"

namespace daybook {

using google::protobuf::Message;

void EventHandlers::Add(const Message& prototype, Callback callback) {
  const auto shared = std::make_shared<const Callback>(std::move(callback));
  for (const std::string& name : internal::StoredNames(*prototype.GetDescriptor())) {
    by_name_.insert_or_assign(name, Entry{.prototype = &prototype, .callback = shared});
  }
}

absl::Status EventHandlers::Handle(const RecordedEvent& event) const {
  const auto found = by_name_.find(event.type());
  if (found == by_name_.end()) return absl::OkStatus();
  const std::unique_ptr<Message> message(found->second.prototype->New());
  const std::string_view payload = event.payload();
  if (!message->ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return Permanent(internal::MakeStatus(
        absl::StatusCode::kDataLoss,
        absl::StrCat(internal::ToAbsl(event.stream()), ", version ", event.version().value(), ", ",
                     internal::ToAbsl(event.type()), ": its payload cannot be decoded")));
  }
  return (*found->second.callback)(*message, event);
}

std::vector<std::string> EventHandlers::types() const {
  std::vector<std::string> types;
  for (const auto& [name, entry] : by_name_) types.push_back(name);
  return types;
}

}  // namespace daybook
