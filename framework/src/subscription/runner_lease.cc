// How a subscription comes by its lease, keeps it, and lets go of it.

#include <algorithm>
#include <utility>

#include "daybook/status.h"
#include "make_status.h"
#include "status_macros.h"
#include "subscription/outcome.h"
#include "subscription/runner.h"

namespace daybook::internal {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStandbyPoll(100);

EngineOptions EngineOptionsOf(const SubscriptionOptions& options) {
  return {.max_in_flight = options.max_in_flight,
          .window = options.window,
          .retry = options.retry,
          .park = options.after_last_attempt == AfterLastAttempt::kPark,
          .limits = options.limits,
          .checkpoint_every = options.checkpoint_every,
          .checkpoint_interval = options.checkpoint_interval,
          .seed = std::hash<std::string>()(EventId::Generate().ToString())};
}

}  // namespace

// OK too if another has it: then there is no engine.
absl::Status Runner::TakeLease() {
  const EngineTime now = steady_clock::now();
  Beat(now);
  if (removed_or_dead_ || now < try_again_ || outstanding_ > 0) {
    TakeInput();
    return trouble_;
  }
  absl::StatusOr<std::optional<EngineState>> state = TakeRows();
  if (state.ok()) trouble_ = hub_->RefreshHead();
  if (!state.ok() || !trouble_.ok()) {
    trouble_ = state.ok() ? trouble_ : state.status();
    rows_.Forget();
    try_again_ = now + kPauseAfterTrouble;
    return trouble_;
  }
  if (!state->has_value()) {
    try_again_ = now + std::min<milliseconds>(kStandbyPoll, options_.lease / 4);
    return absl::OkStatus();
  }
  engine_.emplace(EngineOptionsOf(options_), **std::move(state));
  if (!begun_.ok()) engine_->OnBroken(begun_);
  ++generation_;
  seen_requests_.clear();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<EngineState>> Runner::TakeRows() {
  absl::StatusOr<std::optional<EngineState>> state = rows_.Take(options_.start, options_.lease);
  if (effects_ == nullptr || !state.ok() || !state->has_value()) return state;
  absl::StatusOr<Position> begun = effects_->Begin(rows_.epoch());
  if (IsConflict(begun.status())) {
    // Somebody else has it by now; or the rows are younger than the effects, for the log was
    // restored or the subscription removed.
    rows_.Forget();
    state = rows_.Take(options_.start, options_.lease, effects_->LastEpoch());
    if (!state.ok() || !state->has_value()) return state;
    begun = effects_->Begin(rows_.epoch());
  }
  if (IsConflict(begun.status()) || IsTransient(begun.status())) return begun.status();
  begun_ = begun.status();
  if (begun.ok()) (*state)->checkpoint = *begun;
  return state;
}

bool Runner::BeginAnew() {
  try_again_ = {};
  return TakeLease().ok() && engine_.has_value();
}

void Runner::DropLease(const absl::Status& why) {
  engine_.reset();
  rows_.Forget();
  if (effects_ != nullptr) effects_->RollBack();
  trouble_ = why;
  if (IsConflict(why)) {
    if (options_.on_lost_lease) options_.on_lost_lease();
  } else if (OutcomeOf(why).verdict != Verdict::kHalt) {
    try_again_ = steady_clock::now() + kPauseAfterTrouble;
  }
}

bool Runner::LeaseHolds(EngineTime now) {
  if (now < hub_->leases().valid_until()) return true;
  absl::Status renewed = hub_->leases().Renew(options_.lease);
  if (renewed.ok()) renewed = rows_.Confirm();
  if (renewed.ok()) return true;
  if (IsConflict(renewed) || effects_ != nullptr) {
    DropLease(renewed);  // nobody should wait for what the effects hold
  } else {
    trouble_ = renewed;
  }
  return false;
}

void Runner::Remove() {
  const absl::Status removed = rows_.Remove({{.id = std::exchange(remove_request_, {})}});
  if (!removed.ok()) return DropLease(removed);
  if (effects_ != nullptr) effects_->RollBack();
  engine_.reset();
  trouble_ = MakeStatus(absl::StatusCode::kFailedPrecondition, "the subscription was removed");
  removed_or_dead_ = true;
}

}  // namespace daybook::internal
