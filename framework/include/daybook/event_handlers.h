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
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "daybook/event.h"
#include "google/protobuf/message.h"

namespace daybook {

namespace internal {

// The event that a callback takes first.
template <typename F>
struct EventOf : EventOf<decltype(&F::operator())> {};
template <typename R, typename C, typename E, typename... Rest>
struct EventOf<R (C::*)(const E&, Rest...) const> {
  using type = E;
};
template <typename R, typename C, typename E, typename... Rest>
struct EventOf<R (C::*)(const E&, Rest...)> {
  using type = E;
};
template <typename R, typename E, typename... Rest>
struct EventOf<R (*)(const E&, Rest...)> {
  using type = E;
};

}  // namespace internal

// Parses a record by its type's name, present or former, and calls the callback for it. Set it up
// from one thread; then Handle() may be called from several, as far as the callbacks may.
class EventHandlers {
 public:
  // Handles events of type E, which is deduced from a callback that is not generic. `callback`
  // takes (const E&, const RecordedEvent&) or (const E&), and returns an absl::Status or nothing. A
  // second callback for a type replaces the first.
  template <typename E, typename F>
  EventHandlers& On(F callback) {
    static_assert(std::is_base_of_v<google::protobuf::Message, E>, "events are Protobuf messages");
    Add(E::default_instance(),
        [callback = std::move(callback)](const google::protobuf::Message& message,
                                         const RecordedEvent& at) mutable -> absl::Status {
          return Call(callback, static_cast<const E&>(message), at);
        });
    return *this;
  }
  template <typename F>
  EventHandlers& On(F callback) {
    using E = typename internal::EventOf<F>::type;
    return On<E, F>(std::move(callback));
  }

  // What the callback returned. OK for a type without one. kDataLoss, marked Permanent: the payload
  // cannot be decoded.
  absl::Status Handle(const RecordedEvent& event) const;

  // The names under which its events may be found in the log.
  std::vector<std::string> types() const;

 private:
  using Callback =
      std::function<absl::Status(const google::protobuf::Message&, const RecordedEvent&)>;
  struct Entry {
    const google::protobuf::Message* prototype;
    std::shared_ptr<const Callback> callback;
  };

  template <typename E, typename F>
  static absl::Status Call(F& callback, const E& event, const RecordedEvent& at) {
    if constexpr (std::is_invocable_r_v<absl::Status, F&, const E&, const RecordedEvent&>) {
      return callback(event, at);
    } else if constexpr (std::is_invocable_r_v<absl::Status, F&, const E&>) {
      return callback(event);
    } else if constexpr (std::is_invocable_v<F&, const E&, const RecordedEvent&>) {
      callback(event, at);
      return absl::OkStatus();
    } else {
      callback(event);
      return absl::OkStatus();
    }
  }

  void Add(const google::protobuf::Message& prototype, Callback callback);

  std::map<std::string, Entry, std::less<>> by_name_;
};

}  // namespace daybook

#endif  // DAYBOOK_EVENT_HANDLERS_H_
