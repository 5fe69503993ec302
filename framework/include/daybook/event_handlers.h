// Typed handlers: one callback for each type of event.
//
//   daybook::EventHandlers handlers;
//   handlers.On([](const OrderShipped& event, const daybook::RecordedEvent& at) -> absl::Status {
//     ...
//   });
//   handlers.On([&](const OrderCancelled&) { ++cancelled; });

#ifndef DAYBOOK_EVENT_HANDLERS_H_
#define DAYBOOK_EVENT_HANDLERS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event.h"
#include "google/protobuf/message.h"

namespace daybook {

namespace internal {

// The event that a callback takes behind `Before...`.
template <typename... Before>
struct EventAfter {
  template <typename R, typename C, typename E, typename... Rest>
  static E Of(R (C::*)(Before..., const E&, Rest...) const);
  template <typename R, typename C, typename E, typename... Rest>
  static E Of(R (C::*)(Before..., const E&, Rest...));
  template <typename R, typename E, typename... Rest>
  static E Of(R (*)(Before..., const E&, Rest...));

  template <typename F>
  static auto In(const F& callback) {
    if constexpr (std::is_class_v<F>) {
      return std::type_identity<decltype(Of(&F::operator()))>();
    } else {
      return std::type_identity<decltype(Of(callback))>();
    }
  }
};

// The names under which events of the type may be found in the log: its own and the former ones.
std::vector<std::string> StoredNames(const google::protobuf::Descriptor& type);

// kDataLoss, marked Permanent: the payload cannot be decoded.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> Parse(
    const RecordedEvent& event, const google::protobuf::Message& prototype);

// Callbacks by the type of event. They take `Before...`, then the event, then, if they like, the
// record; and return a status or nothing.
template <typename... Before>
class HandlerTable {
 public:
  template <typename E, typename F>
  void Add(F callback) {
    static_assert(std::is_base_of_v<google::protobuf::Message, E>, "events are Protobuf messages");
    const auto shared = std::make_shared<const Callback>(
        [callback = std::move(callback)](Before... before, const google::protobuf::Message& message,
                                         const RecordedEvent& at) mutable {
          return Call(callback, before..., static_cast<const E&>(message), at);
        });
    const google::protobuf::Message& prototype = E::default_instance();
    for (const std::string& name : StoredNames(*prototype.GetDescriptor())) {
      by_name_.insert_or_assign(name, Entry{.prototype = &prototype, .callback = shared});
    }
  }

  absl::Status Handle(Before... before, const RecordedEvent& event) const {
    const auto found = by_name_.find(event.type());
    if (found == by_name_.end()) return absl::OkStatus();
    const auto message = Parse(event, *found->second.prototype);
    if (!message.ok()) return message.status();
    return (*found->second.callback)(before..., **message, event);
  }

  std::vector<std::string> types() const {
    std::vector<std::string> types;
    for (const auto& [name, entry] : by_name_) types.push_back(name);
    return types;
  }

 private:
  using Callback = std::function<absl::Status(Before..., const google::protobuf::Message&,
                                              const RecordedEvent&)>;
  struct Entry {
    const google::protobuf::Message* prototype;
    std::shared_ptr<const Callback> callback;
  };

  template <typename F, typename E>
  static absl::Status Call(F& callback, Before... before, const E& event, const RecordedEvent& at) {
    if constexpr (std::is_invocable_r_v<absl::Status, F&, Before..., const E&,
                                        const RecordedEvent&>) {
      return callback(before..., event, at);
    } else if constexpr (std::is_invocable_r_v<absl::Status, F&, Before..., const E&>) {
      return callback(before..., event);
    } else if constexpr (std::is_invocable_v<F&, Before..., const E&, const RecordedEvent&>) {
      callback(before..., event, at);
      return absl::OkStatus();
    } else {
      callback(before..., event);
      return absl::OkStatus();
    }
  }

  std::map<std::string, Entry, std::less<>> by_name_;
};

}  // namespace internal

// Parses a record by its type's name, present or former, and calls the callback for it. Set it up
// from one thread; then Handle() may be called from several, as far as the callbacks may.
class EventHandlers {
 public:
  // Handles events of type E, which is deduced from a callback that is not generic. `callback`
  // takes (const E&, const RecordedEvent&) or (const E&), and returns an absl::Status or nothing.
  // It is kept, and lives as long as the last copy of this object. A second callback for a type
  // replaces the first. An empty std::function is found out only by the first record, which fails.
  template <typename E, typename F>
  EventHandlers& On(F callback) {
    table_.Add<E>(std::move(callback));
    return *this;
  }
  template <typename F>
  EventHandlers& On(F callback) {
    using E = typename decltype(internal::EventAfter<>::In(callback))::type;
    return On<E, F>(std::move(callback));
  }

  // What the callback returned. OK for a type without one. kDataLoss, marked Permanent: the payload
  // cannot be decoded. What the callback throws passes through here; a Subscription catches it.
  // Cost: one look-up by name, and the decoding of the payload.
  absl::Status Handle(const RecordedEvent& event) const { return table_.Handle(event); }

  // The names under which its events may be found in the log.
  std::vector<std::string> types() const { return table_.types(); }

 private:
  internal::HandlerTable<> table_;
};

}  // namespace daybook

#endif  // DAYBOOK_EVENT_HANDLERS_H_
