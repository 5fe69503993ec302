// How a subscription stands: for this process, and in its row for others.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daybook/status.h"
#include "make_status.h"
#include "status_macros.h"
#include "subscription/outcome.h"
#include "subscription/rows.h"
#include "subscription/runner.h"

namespace daybook::internal {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How soon a wait sees what nobody tells of: another process, a handler that takes its time.
constexpr milliseconds kStandingPoll(20);
// From then on others are told that a record is in work.
constexpr std::chrono::seconds kLong(1);

int64_t LongInWork(const SubscriptionRow& row) {
  return row.unfinished_in_work_since() == 0 ? 0 : row.unfinished_position();
}

// Leaves out what moves with every record that is handled well.
bool HasChangedForOthers(const SubscriptionRow& now, const SubscriptionRow& then) {
  const auto failing = [](const SubscriptionRow& row) {
    return row.unfinished_attempts() > 0 ? row.unfinished_position() : 0;
  };
  return now.state() != then.state() || now.last_error().code() != then.last_error().code() ||
         now.unfinished_attempts() != then.unfinished_attempts() || failing(now) != failing(then) ||
         now.parked_records() != then.parked_records() || LongInWork(now) != LongInWork(then);
}

RecordedTime ToWall(EngineTime time) {
  return WallNow() +
         std::chrono::duration_cast<std::chrono::microseconds>(time - steady_clock::now());
}

}  // namespace

SubscriptionHealth Runner::Health() const {
  SubscriptionHealth health;
  // While the handler has the thread, what was published last may be long ago.
  if (!peephole_.LookIn([&] { health = Look(); })) {
    MutexLock lock(mutex_);
    health = health_;
  }
  health.head = std::max(hub_->head(), health.checkpoint);
  health.lag = health.head - health.checkpoint;
  const EngineTime last_turn{EngineTime::duration(last_turn_.load())};
  if (last_turn != EngineTime()) health.last_turn = ToWall(last_turn);
  if (driver_.load() != std::thread::id() && steady_clock::now() > last_turn + kStuckAfter) {
    health.state = SubscriptionState::kStuck;
  }
  return health;
}

std::optional<StuckRow> Runner::Stuck() const {
  const SubscriptionHealth health = Health();
  if (health.state != SubscriptionState::kStuck) return std::nullopt;
  StuckRow row;
  row.set_subscription(health.name);
  row.set_last_turn(ToMicros(health.last_turn));
  if (health.lowest_unfinished.has_value()) {
    row.set_position(health.lowest_unfinished->position.value());
    row.set_lane(health.lowest_unfinished->lane);
    row.set_attempts(health.lowest_unfinished->failed_attempts);
    if (health.lowest_unfinished->in_work_since.has_value()) {
      row.set_in_work_since(ToMicros(*health.lowest_unfinished->in_work_since));
    }
  }
  return row;
}

absl::Status Runner::WaitUntil(Position position, EngineTime deadline) const {
  while (true) {
    const EngineTime now = steady_clock::now();
    DAYBOOK_ASSIGN_OR_RETURN(const Position done, DoneSomewhere());
    if (done >= position) return absl::OkStatus();
    if (now >= deadline) {
      const absl::Status error = Health().last_error;
      return MakeStatus(absl::StatusCode::kDeadlineExceeded,
                        absl::StrCat("subscription '", options_.name, "' has done all up to ",
                                     done.value(), ", not ", position.value(),
                                     error.ok() ? "" : "; its last error: ", error.message()));
    }
    MutexLock lock(mutex_);
    if (done_ < position) progressed_.WaitUntil(mutex_, std::min(deadline, now + kStandingPoll));
  }
}

// Who runs it elsewhere tells the file only.
absl::StatusOr<Position> Runner::DoneSomewhere() const {
  Position done;
  bool is_elsewhere = false;
  if (!peephole_.LookIn([&] { done = Done(); })) {
    MutexLock lock(mutex_);
    done = done_;
    is_elsewhere = health_.state == SubscriptionState::kStandby ||
                   health_.state == SubscriptionState::kNotStarted;
  }
  if (!is_elsewhere) return done;
  DAYBOOK_ASSIGN_OR_RETURN(const Row row, ReadRow(store_, kSubscriptionTable, options_.name));
  if (!row.value.has_value()) return done;
  DAYBOOK_ASSIGN_OR_RETURN(const auto standing, DecodeRow<SubscriptionRow>(row));
  return std::max(done, Position(standing.checkpoint()));
}

// Why a turn came to nothing although there is something to do.
absl::Status Runner::HeldBackBy() const {
  if (!engine_->stopped().ok()) return engine_->stopped();
  if (!engine_->outage().ok()) return engine_->outage();
  if (!trouble_.ok()) return trouble_;
  if (engine_->paused()) {
    return MakeStatus(absl::StatusCode::kFailedPrecondition,
                      absl::StrCat("subscription '", options_.name, "' is paused; resume it"));
  }
  const std::optional<Unfinished> lowest = engine_->LowestUnfinished();
  return lowest.has_value() ? lowest->last_error : absl::OkStatus();
}

// Others see the row only: a record that fails, or a stop, moves no checkpoint.
bool Runner::TellHowItStands() {
  const EngineTime now = steady_clock::now();
  const bool is_behind =
      effects_ != nullptr && Position(rows_.row().checkpoint()) != engine_->written_checkpoint();
  if (refusals_.empty() &&
      (now < next_row_ || !(is_behind || HasChangedForOthers(Standing(), rows_.row())))) {
    return false;
  }
  next_row_ = now + kRowInterval;
  const EngineWrite write{.checkpoint = engine_->written_checkpoint(),
                          .paused = engine_->paused(),
                          .answers = std::exchange(refusals_, {})};
  const absl::Status written = rows_.Write(write, Standing());
  if (IsConflict(written)) {
    DropLease(written);
  } else {
    trouble_ = written;
  }
  return false;
}

SubscriptionState Runner::State() const {
  if (!engine_.has_value()) {
    if (removed_or_dead_) return SubscriptionState::kStopped;
    if (!is_driven_) return SubscriptionState::kNotStarted;
    if (trouble_.ok() || IsConflict(trouble_)) return SubscriptionState::kStandby;
    const bool halted = OutcomeOf(trouble_).verdict == Verdict::kHalt;
    return halted ? SubscriptionState::kStopped : SubscriptionState::kOutage;
  }
  if (!engine_->stopped().ok()) return SubscriptionState::kStopped;
  if (engine_->paused()) return SubscriptionState::kPaused;
  if (!engine_->outage().ok()) return SubscriptionState::kOutage;
  return SubscriptionState::kRunning;
}

absl::Status Runner::LastError(const std::optional<Unfinished>& lowest) const {
  if (engine_.has_value()) {
    if (!engine_->stopped().ok()) return engine_->stopped();
    if (!engine_->outage().ok()) return engine_->outage();
    if (lowest.has_value() && trouble_.ok()) return lowest->last_error;
  }
  return trouble_;
}

SubscriptionRow Runner::Standing() const {
  const std::optional<Unfinished> lowest = engine_->LowestUnfinished();
  SubscriptionRow row;
  row.set_state(static_cast<int>(State()));
  if (const absl::Status error = LastError(lowest); !error.ok()) {
    EncodeError(error, *row.mutable_last_error());
  }
  if (lowest.has_value()) {
    row.set_unfinished_position(lowest->position.value());
    row.set_unfinished_lane(lowest->lane);
    row.set_unfinished_attempts(lowest->attempts);
    if (lowest->next_try.has_value()) row.set_next_try(ToMicros(ToWall(*lowest->next_try)));
    if (lowest->in_flight && steady_clock::now() > lowest->in_flight_since + kLong) {
      row.set_unfinished_in_work_since(ToMicros(ToWall(lowest->in_flight_since)));
    }
  }
  row.set_parked_records(engine_->parked_records());
  row.set_parked_lanes(engine_->parked_lanes());
  row.set_dropped(engine_->dropped());
  row.set_checkpoint_is_elsewhere(effects_ != nullptr);
  return row;
}

Position Runner::Done() const {
  if (!engine_.has_value()) return Position(0);
  return effects_ == nullptr ? engine_->checkpoint() : engine_->written_checkpoint();
}

SubscriptionHealth Runner::Look() const {
  SubscriptionHealth health{.name = options_.name, .state = State(), .epoch = rows_.epoch()};
  if (engine_.has_value()) {
    LookAtEngine(health);
  } else {
    LookAtRows(health);
  }
  return health;
}

void Runner::LookAtEngine(SubscriptionHealth& health) const {
  const std::optional<Unfinished> lowest = engine_->LowestUnfinished();
  health.last_error = LastError(lowest);
  health.checkpoint = engine_->checkpoint();
  health.parked_records = engine_->parked_records();
  health.parked_lanes = engine_->parked_lanes();
  health.dropped = engine_->dropped();
  health.owner = Leases::Description();
  health.lease_age = std::chrono::duration_cast<std::chrono::microseconds>(
      steady_clock::now() - hub_->leases().renewed_at());
  if (!lowest.has_value()) return;
  health.lag_time = std::max(std::chrono::microseconds(0), WallNow() - lowest->recorded);
  SubscriptionHealth::LowestUnfinished unfinished{.position = lowest->position,
                                                  .lane = lowest->lane,
                                                  .failed_attempts = lowest->attempts,
                                                  .in_work = lowest->in_flight};
  if (lowest->in_flight) unfinished.in_work_since = ToWall(lowest->in_flight_since);
  if (lowest->next_try > steady_clock::now()) unfinished.next_try = ToWall(*lowest->next_try);
  health.lowest_unfinished = std::move(unfinished);
}

void Runner::LookAtRows(SubscriptionHealth& health) const {
  const SubscriptionRow& row = rows_.row();
  health.last_error = trouble_;
  health.checkpoint = Position(row.checkpoint());
  health.parked_records = row.parked_records();
  health.parked_lanes = row.parked_lanes();
  health.dropped = row.dropped();
  if (health.state != SubscriptionState::kStandby) return;
  health.owner = rows_.owner().description();
  if (rows_.owner().renewed_at() != 0) {
    health.lease_age = WallNow() - FromMicros(rows_.owner().renewed_at());
  }
}

void Runner::Publish() {
  SubscriptionHealth health = Look();
  const Position done = Done();
  const SubscriptionState state = health.state;
  const absl::Status error = health.last_error;
  bool changed = false;
  {
    MutexLock lock(mutex_);
    changed = health_.state != state;
    health_ = std::move(health);
    if (done > done_ || (engine_.has_value() && done < done_)) {
      done_ = done;
      progressed_.NotifyAll();
    }
  }
  if (changed && options_.on_state) options_.on_state(state, error);
}

}  // namespace daybook::internal
