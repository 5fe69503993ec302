// Subscriptions: durable readers of the log that hand every record to a handler, at least once.
//
//   daybook::EventHandlers handlers;
//   handlers.On([&](const OrderShipped& event, const daybook::RecordedEvent& at) {
//     return mailer.Tell(at.stream_id(), event.carrier());          // an absl::Status
//   });
//   daybook::Subscription mails(store, {.name = "shipping-mails", .category = "order"}, handlers);
//   if (absl::Status started = mails.Start(); !started.ok()) ...    // its own thread; RAII
//
// A subscription remembers under its name how far it has come: its checkpoint, the position before
// the lowest record that is not done. Records of one lane (a stream, unless `key` says otherwise)
// are handled one at a time and in order; lanes do not wait for each other.
//
// What the answer of a handler causes:
//
//   OK                   the record is done
//   any other status     this record failed. It is tried again after a pause that doubles, while
//                        its lane waits; after `retry.max_attempts`, see `after_last_attempt`
//   an exception         the same, as kInternal
//   Permanent(status)    this record can never work: no further attempt
//   Outage(status)       any record would have failed now (an endpoint is down). Nothing more is
//                        handed out for a pause that doubles, and no attempt is counted
//   Halt(status)         somebody must act first (a program that is too old for its events): the
//                        subscription stops in front of the record, until resumed or started anew
//
// A record that is given up is *parked*, with everything after it in its lane; other lanes go on.
// Operate parked records, and pause, reset or remove subscriptions, with daybook/subscriptions.h.
//
// The same name may be started in several processes: one runs it, the others stand by.

#ifndef DAYBOOK_SUBSCRIPTION_H_
#define DAYBOOK_SUBSCRIPTION_H_

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "daybook/event.h"
#include "daybook/event_handlers.h"
#include "daybook/event_store.h"

namespace daybook {

// Marks a handler's error: no retry would help. REQUIRES: `error` is not OK.
[[nodiscard]] absl::Status Permanent(absl::Status error);

// Marks a handler's error: every record would have met it. REQUIRES: `error` is not OK.
[[nodiscard]] absl::Status Outage(absl::Status error);

// Marks a handler's error: going on would be wrong. REQUIRES: `error` is not OK.
[[nodiscard]] absl::Status Halt(absl::Status error);

// Marks what a command or an append has answered to a handler. What the store can take from nobody
// now (kUnavailable, kUnknown, kResourceExhausted, kPermissionDenied, kFailedPrecondition) is an
// Outage. What the aggregate refuses, with whatever code, and what the store refuses for good
// (tombstoned, out of bounds, bytes that cannot be understood) is Permanent. The rest is a failure
// as any: a lost race, a throw. OK, or what is marked already, stays as it is.
[[nodiscard]] absl::Status FromCommand(absl::Status answer);

// A record that stays for as long as somebody holds it. Shared between threads freely.
using Record = std::shared_ptr<const RecordedEvent>;

// Where a subscription begins when its name is new. Later its checkpoint says where it is.
class StartAt {
 public:
  static constexpr StartAt Beginning() { return StartAt(Position(0)); }
  // Behind what the log holds when the name is first started.
  static constexpr StartAt End() { return StartAt(std::nullopt); }
  // With what follows `position`, which must not be beyond the log's head then.
  static constexpr StartAt After(Position position) { return StartAt(position); }

  std::optional<Position> position() const { return position_; }

 private:
  constexpr explicit StartAt(std::optional<Position> position) : position_(position) {}
  std::optional<Position> position_;
};

// A pause that doubles from `first` to `longest`; each is cut at random by up to a half.
struct Backoff {
  std::chrono::milliseconds first = std::chrono::milliseconds(100);
  std::chrono::milliseconds longest = std::chrono::seconds(30);
};

struct RetryPolicy {
  int max_attempts = 5;  // at least 1
  Backoff backoff = {};
  // Between attempts while nothing works.
  Backoff outage = {.first = std::chrono::seconds(1), .longest = std::chrono::minutes(2)};
};

enum class AfterLastAttempt {
  kPark,  // set the record aside with what follows it in its lane, and go on with other lanes
  kStop,  // stop the subscription in front of it, until it is resumed or started anew
};

// Reaching one stops the subscription rather than dropping anything.
struct ParkingLimits {
  int64_t records = 1000;  // 1 to 4,000
  int64_t lanes = 100;     // 1 to 4,000
};

// A record set aside.
struct ParkedRecord {
  Position position = {};
  std::string lane = {};
  absl::Status reason = {};  // of the last attempt; kAborted if it only stands behind another
  int attempts = 0;
  RecordedTime parked_at = {};
  RecordedTime tried_at = {};  // last; the epoch if never
};

enum class SubscriptionState {
  kNotStarted,  // or ended: by this object; of Subscriptions, by whoever started it
  kStandby,     // another process or object runs it
  kRunning,
  kPaused,
  kOutage,   // the line stands still, for nothing works: see last_error and next_try
  kStopped,  // see last_error; resume it
  // Its loop has not turned for kStuckAfter: a handler or an observer on its thread hangs, or the
  // store does. A handler that hangs elsewhere, on a thread for max_in_flight above 1 or before its
  // completion, stops no loop: see lowest_unfinished->in_work_since.
  kStuck,
};

std::string_view Name(SubscriptionState state);

// How a subscription is. A snapshot.
struct SubscriptionHealth {
  std::string name = {};
  SubscriptionState state = SubscriptionState::kNotStarted;
  absl::Status last_error = absl::OkStatus();  // why it does not move, or failed last

  Position checkpoint = {};  // all up to here is done, or parked
  Position head = {};        // of the log
  int64_t lag = 0;           // positions between the two, whatever their records
  // Age of the oldest record that has been read and is not done; 0 for none.
  std::chrono::microseconds lag_time = {};

  // The lowest record that is not done, if one has been read.
  struct LowestUnfinished {
    Position position = {};
    std::string lane = {};
    int failed_attempts = 0;
    bool in_work = false;  // a handler has it
    std::optional<RecordedTime> in_work_since = {};
    std::optional<RecordedTime> next_try = {};
  };
  std::optional<LowestUnfinished> lowest_unfinished = {};

  int64_t parked_records = 0;
  int64_t parked_lanes = 0;
  int64_t dropped = 0;  // parked records whose events had been deleted when they were replayed

  std::string owner = {};  // "host, process 4711", also if that is another; empty for none
  int64_t epoch = 0;       // rises with each change of the owner
  std::chrono::microseconds lease_age = {};  // since it was renewed

  // When the loop turned last. It turns at least once a second, unless a handler on its thread is
  // at work: then this says since when.
  RecordedTime last_turn = {};
};
inline constexpr std::chrono::seconds kStuckAfter(5);

struct SubscriptionOptions {
  // Under which its checkpoint is kept in the store: 1 to 200 bytes, none below 0x20.
  std::string name = {};

  // Which records: what is given must all hold. `types` are full names of messages; empty with
  // EventHandlers means those that it handles, under their former names too. Types, categories and
  // streams that are stored for the first time later are found when they come.
  std::string category = {};
  std::vector<std::string> types = {};
  std::string stream_prefix = {};

  StartAt start = StartAt::Beginning();

  // The lane of a record; empty: its stream. At most 1,024 bytes. Must not throw, and give the same
  // answer for the same record always.
  std::function<std::string(const RecordedEvent&)> key = {};

  // Records in work at the same time, of different lanes; 0: 1,000 for a handler that completes
  // later, 1 for one that returns its status. At most 10,000 for the former, 256 for the latter:
  // with 1 it runs on the subscription's own thread, and sees records in the order of the log as
  // long as none fails; with more it runs on as many threads.
  int max_in_flight = 0;

  // No lane runs further than so many records beyond the lowest that is not done; then reading
  // stops. Bounds memory, and what is repeated after a crash. 1 to 65,536; at least max_in_flight.
  int window = 4096;

  RetryPolicy retry = {};
  AfterLastAttempt after_last_attempt = AfterLastAttempt::kPark;
  ParkingLimits limits = {};

  // The checkpoint is written after so many records, and after so long. What was handled since is
  // handled again after a crash.
  int checkpoint_every = 1000;
  std::chrono::milliseconds checkpoint_interval = std::chrono::seconds(1);

  // Another process takes over after its owner has not been heard of for so long, and at once from
  // an owner on this machine whose process has ended. Of several subscriptions in one process the
  // shortest counts. 100 ms to an hour.
  std::chrono::milliseconds lease = std::chrono::seconds(5);

  // Observers, called on the subscription's thread: they must be quick, and not throw. A parked
  // record is told of before it is written, and again after a crash that came first.
  std::function<void(const ParkedRecord&)> on_parked = {};
  std::function<void()> on_lost_lease = {};
  std::function<void(SubscriptionState, const absl::Status&)> on_state = {};
};

// Says how the handling of a record ended. Call it once, from any thread, with what a handler would
// have returned; destroyed uncalled it says kInternal. Outlives its subscription safely.
class Completion {
 public:
  explicit Completion(std::function<void(absl::Status)> done) : done_(std::move(done)) {}
  ~Completion();
  Completion(Completion&& other) noexcept : done_(std::exchange(other.done_, nullptr)) {}
  Completion& operator=(Completion&&) = delete;

  void operator()(absl::Status status) {
    if (auto done = std::exchange(done_, nullptr)) done(std::move(status));
  }

 private:
  std::function<void(absl::Status)> done_;
};

// What a subscription does with its records: a callable that takes a RecordedEvent and returns a
// status, or an EventHandlers, or, made by Later, one that completes when it likes.
class Handler {
 public:
  using Function = std::function<absl::Status(const RecordedEvent&)>;
  using LaterFunction = std::function<void(Record, Completion)>;

  template <typename F>
  requires std::is_invocable_r_v<absl::Status, F&, const RecordedEvent&>
  // NOLINTNEXTLINE(google-explicit-constructor): a callable reads as itself
  Handler(F function) : function_(std::move(function)) {}

  // NOLINTNEXTLINE(google-explicit-constructor)
  Handler(EventHandlers handlers);

  // The callable must not block, nor throw: it starts something, and hands the completion on.
  static Handler Later(LaterFunction function) {
    Handler handler;
    handler.later_ = std::move(function);
    return handler;
  }

  // One that cannot work, which Start() and CatchUp() say. REQUIRES: `why` is not OK.
  static Handler Unusable(absl::Status why) {
    Handler handler;
    handler.usable_ = std::move(why);
    return handler;
  }

  // Not OK also for an empty function.
  absl::Status Check() const;

  const Function& function() const { return function_; }
  const LaterFunction& later() const { return later_; }
  // The types it can handle; empty: all.
  const std::vector<std::string>& types() const { return types_; }

 private:
  Handler() = default;

  Function function_;
  LaterFunction later_;
  std::vector<std::string> types_;
  absl::Status usable_ = absl::OkStatus();
};

// A running subscription. Thread-safe. The store must outlive it.
class Subscription {
 public:
  Subscription(EventStore& store, SubscriptionOptions options, Handler handler);

  // Stop().
  ~Subscription();

  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // Begins, on threads of its own. OK also if another process runs the subscription: then this one
  // stands by, and takes over when the other releases its lease, has ended, or is not heard of any
  // more. kInvalidArgument: an option out of bounds (the message says which), or a handler made of
  // an empty function. kFailedPrecondition: it has been started before. Otherwise the statuses of
  // reading and writing the store.
  [[nodiscard]] absl::Status Start();

  // Hands nothing more out, waits for what is in work, writes the checkpoint and releases the
  // lease. A handler that hangs is waited for: Health() tells of it. REQUIRES: not called from a
  // handler or an observer of its own; that aborts, with a message, in every build.
  void Stop();

  // Instead of Start: handles everything up to the head of the log on the caller's thread, and
  // returns. Never sleeps: not OK is what holds it back, at once (the error of a record that would
  // have to wait for its next attempt; kUnavailable: another runs it; kFailedPrecondition: paused).
  // Parked records do not hold it back.
  [[nodiscard]] absl::Status CatchUp();

  // Waits until everything up to `position` is done, or parked. kDeadlineExceeded: it was not; the
  // message ends with the last error, if there is one.
  [[nodiscard]] absl::Status WaitUntil(Position position,
                                       std::chrono::steady_clock::time_point deadline) const;

  SubscriptionHealth Health() const;

  const SubscriptionOptions& options() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace daybook

#endif  // DAYBOOK_SUBSCRIPTION_H_
