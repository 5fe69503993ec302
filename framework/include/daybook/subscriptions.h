// Operating the subscriptions of a store: from the process that runs them, or from any other.
//
//   daybook::Subscriptions subscriptions(store);
//   auto all = subscriptions.List();
//   for (const daybook::SubscriptionHealth& one : *all) std::cout << one.name << '\n';
//   absl::Status paused = subscriptions.Pause("shipping-mails");

#ifndef DAYBOOK_SUBSCRIPTIONS_H_
#define DAYBOOK_SUBSCRIPTIONS_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event_store.h"
#include "daybook/subscription.h"

namespace daybook {

// Asks whoever runs a subscription, through rows in the store, and waits for the answer; where
// nobody runs it, does what is asked itself. Thread-safe. The store must outlive it.
//
// What changes something returns OK once that is written. kNotFound: no such subscription, lane or
// parked record. kDeadlineExceeded: it was not answered within `patience` and has been withdrawn;
// or, after twice that, it has been begun and waits for what is in work: the message says which.
// Otherwise the statuses of EventStore::Append.
class Subscriptions {
 public:
  explicit Subscriptions(EventStore& store,
                         std::chrono::milliseconds patience = std::chrono::seconds(30))
      : store_(store), patience_(patience) {}

  // All subscriptions that the store knows, by name, as they stood when they wrote last: at least
  // once a second while anything changes. `lag_time` is not known; `in_work` once it is so for a
  // second. kNotStarted: nobody runs it; one whose process has ended is seen at once where that was
  // on this machine, elsewhere when its lease has run out. kStuck, and then alone `last_turn`, is
  // seen when its process renews the lease next: within a third of that.
  [[nodiscard]] absl::StatusOr<std::vector<SubscriptionHealth>> List();
  [[nodiscard]] absl::StatusOr<SubscriptionHealth> Get(std::string_view name);

  // Hands nothing more out until it is resumed; also after a restart. What is in work ends.
  [[nodiscard]] absl::Status Pause(std::string_view name);

  // Ends a pause, an outage's pause, and the stop after a failed record, whose attempts are counted
  // anew.
  [[nodiscard]] absl::Status Resume(std::string_view name);

  // Goes back, or ahead, to `position`: what follows it is handled (again). Waits for what is in
  // work; drops the parked records beyond it. kFailedPrecondition: it is a projection; rebuild it.
  // kUnavailable: another reset is under way.
  [[nodiscard]] absl::Status Reset(std::string_view name, Position position);

  // Forgets the subscription with its checkpoint and its parked records. One that runs it ends.
  // kFailedPrecondition: it runs, and is the version that a projection shows or fills: rebuild it,
  // or abandon the rebuild. Where nobody runs a projection this forgets only what the log's file
  // tells of it: how far it has come stands in its own.
  [[nodiscard]] absl::Status Remove(std::string_view name);

  // The parked records behind position `after`, in the order of the log.
  [[nodiscard]] absl::StatusOr<std::vector<ParkedRecord>> Parked(std::string_view name,
                                                                 Position after = {},
                                                                 int64_t limit = 1000);

  // Handles the parked records of a lane again, in order, until none is left or the first fails:
  // each gets one attempt, whatever `retry.max_attempts` is. Returns when that has begun. Where
  // nobody runs the subscription, it begins when it is started.
  [[nodiscard]] absl::Status Replay(std::string_view name, std::string_view lane);

  // The same with every lane that has parked records now.
  [[nodiscard]] absl::Status ReplayAll(std::string_view name);

  // Forgets a parked record, or all of a lane: they are never handled. kUnavailable: it is being
  // replayed at this moment.
  [[nodiscard]] absl::Status Discard(std::string_view name, Position position);
  [[nodiscard]] absl::Status DiscardLane(std::string_view name, std::string_view lane);

 private:
  absl::Status Ask(std::string_view name, int kind, Position position = {},
                   std::string_view lane = {});

  EventStore& store_;
  const std::chrono::milliseconds patience_;
};

}  // namespace daybook

#endif  // DAYBOOK_SUBSCRIPTIONS_H_
