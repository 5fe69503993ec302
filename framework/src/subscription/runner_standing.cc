// How a subscription stands: for this process, and in its row for others.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daybook/status.h"
#include "make_status.h"
#include "subscription/rows.h"
#include "subscription/runner.h"

namespace daybook::internal {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kForeignPoll(20);

// Leaves out what moves with every record that is handled well.
bool HasChangedForOthers(const SubscriptionRow& now, const SubscriptionRow& then) {
  const auto failing = [](const SubscriptionRow& row) {
    return row.unfinished_attempts() > 0 ? row.unfinished_position() : 0;
  };
  return now.state() != then.state() || now.last_error().code() != then.last_error().code() ||
         now.unfinished_attempts() != then.unfinished_attempts() || failing(now) != failing(then) ||
         now.parked_records() != then.parked_records();
}

RecordedTime ToWall(EngineTime time) {
  return WallNow() +
         std::chrono::duration_cast<std::chrono::microseconds>(time - steady_clock::now());
}

}  // namespace

SubscriptionHealth Runner::Health() const {
  SubscriptionHealth health;
  {
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

absl::Status Runner::WaitUntil(Position position, EngineTime deadline) const {
  MutexLock lock(mutex_);
  while (done_ < position) {
    const EngineTime now = steady_clock::now();
    if (now >= deadline) {
      return MakeStatus(absl::StatusCode::kDeadlineExceeded,
                        absl::StrCat("subscription '", options_.name, "' has done all up to ",
                                     done_.value(), ", not ", position.value()));
    }
    if (health_.state != SubscriptionState::kStandby) {
      progressed_.WaitUntil(mutex_, deadline);
      continue;
    }
    // Who runs it tells the file only.
    mutex_.Unlock();
    const absl::StatusOr<Row> row = ReadRow(store_, kSubscriptionTable, options_.name);
    const absl::StatusOr<SubscriptionRow> standing =
        row.ok() ? DecodeRow<SubscriptionRow>(*row) : row.status();
    mutex_.Lock();
    if (!standing.ok()) return standing.status();
    if (Position(standing->checkpoint()) >= position) return absl::OkStatus();
    progressed_.WaitUntil(mutex_, std::min(deadline, now + kForeignPoll));
  }
  return absl::OkStatus();
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
    return removed_or_dead_ ? SubscriptionState::kStopped : SubscriptionState::kStandby;
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
  }
  row.set_parked_records(engine_->parked_records());
  row.set_parked_lanes(engine_->parked_lanes());
  row.set_dropped(engine_->dropped());
  row.set_checkpoint_is_elsewhere(effects_ != nullptr);
  return row;
}

void Runner::Publish() {
  SubscriptionHealth health;
  Position done;
  health.name = options_.name;
  health.state = State();
  if (engine_.has_value()) {
    const std::optional<Unfinished> lowest = engine_->LowestUnfinished();
    health.last_error = LastError(lowest);
    health.checkpoint = engine_->checkpoint();
    done = effects_ == nullptr ? health.checkpoint : engine_->written_checkpoint();
    health.parked_records = engine_->parked_records();
    health.parked_lanes = engine_->parked_lanes();
    health.dropped = engine_->dropped();
    if (lowest.has_value()) {
      health.lowest_unfinished = {.position = lowest->position,
                                  .lane = lowest->lane,
                                  .failed_attempts = lowest->attempts,
                                  .in_work = lowest->in_flight};
      if (lowest->next_try.has_value()) {
        health.lowest_unfinished->next_try = ToWall(*lowest->next_try);
      }
      health.lag_time = std::max(std::chrono::microseconds(0), WallNow() - lowest->recorded);
    }
    health.owner = Leases::Description();
    health.lease_age = std::chrono::duration_cast<std::chrono::microseconds>(
        steady_clock::now() - hub_->leases().renewed_at());
  } else {
    health.last_error = trouble_;
    health.checkpoint = Position(rows_.row().checkpoint());
    health.owner = rows_.owner().description();
    if (rows_.owner().renewed_at() != 0) {
      health.lease_age = WallNow() - FromMicros(rows_.owner().renewed_at());
    }
  }
  health.epoch = rows_.epoch();
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
