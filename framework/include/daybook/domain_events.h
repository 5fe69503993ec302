// Hearing of domain events in the same process. With daybook/commit_signal.h, the only headers that
// include Boost.Signals2.
//
//   auto events = daybook::DomainEvents::Start(store);
//   if (!events.ok()) ...
//   boost::signals2::scoped_connection c = (*events)->On<OrderShipped>(
//       [](const OrderShipped& event, const daybook::RecordedEvent& at) {
//         std::cout << at.stream_id() << " left with " << event.carrier() << '\n';
//       });
//
// For display, caches and the like. It remembers nothing: what happens while the process is down is
// not told.

#ifndef DAYBOOK_DOMAIN_EVENTS_H_
#define DAYBOOK_DOMAIN_EVENTS_H_

#include <boost/signals2/connection.hpp>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event.h"
#include "daybook/event_store.h"
#include "google/protobuf/message.h"

namespace daybook {

struct DomainEventsOptions {
  // Told when a slot threw (kInternal), an event could not be decoded (kDataLoss; its slots are not
  // called) or the log could not be read (it is tried again). Called on the signals' thread; must
  // not throw.
  std::function<void(const absl::Status&)> on_problem = {};
};

// Calls typed slots for every event that follows the head at Start, in commit order, whoever
// committed it, in this process or another; each event exactly once. Thread-safe.
//
// Slots run one after another on one thread of its own; a slow slot delays those behind it, never a
// writer. A slot may execute commands, connect and disconnect (itself too). A slot that throws
// harms nobody else.
class DomainEvents {
 public:
  // REQUIRES: the store outlives it.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<DomainEvents>> Start(
      EventStore& store, const DomainEventsOptions& options = {});

  // Stops and joins the thread; a slot that is running finishes. REQUIRES: not called from a slot.
  ~DomainEvents();

  DomainEvents(const DomainEvents&) = delete;
  DomainEvents& operator=(const DomainEvents&) = delete;

  // Calls `slot` for each event of type E, stored under its name or a former one. Keep the result
  // in a boost::signals2::scoped_connection: once disconnect() returns, the slot is not called
  // again, but a call under way may still be running.
  template <typename E>
  [[nodiscard]] boost::signals2::connection On(
      std::function<void(const E&, const RecordedEvent&)> slot) {
    return Connect(
        E::default_instance(),
        [slot = std::move(slot)](const google::protobuf::Message& event, const RecordedEvent& at) {
          slot(static_cast<const E&>(event), at);
        });
  }
  template <typename E>
  [[nodiscard]] boost::signals2::connection On(std::function<void(const E&)> slot) {
    return On<E>([slot = std::move(slot)](const E& event, const RecordedEvent&) { slot(event); });
  }

 private:
  using Slot = std::function<void(const google::protobuf::Message&, const RecordedEvent&)>;
  boost::signals2::connection Connect(const google::protobuf::Message& prototype, Slot slot);

  class Impl;
  explicit DomainEvents(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace daybook

#endif  // DAYBOOK_DOMAIN_EVENTS_H_
