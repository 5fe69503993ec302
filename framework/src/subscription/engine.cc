#include "subscription/engine.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

#include "make_status.h"

namespace daybook::internal {
namespace {

constexpr std::chrono::seconds kWritePause(1);

absl::Status Behind() {
  return absl::Status(absl::StatusCode::kAborted, "an earlier record of its lane is parked");
}

}  // namespace

Engine::Engine(const EngineOptions& options, EngineState state)
    : options_(options),
      random_(options.seed),
      read_to_(state.checkpoint),
      lot_(options.limits),
      dropped_(state.dropped),
      paused_(state.paused),
      written_checkpoint_(state.checkpoint),
      written_paused_(state.paused) {
  lot_.Load(std::move(state.parked), state.checkpoint);
}

// ---- What happened -----------------------------------------------------------------------------

void Engine::OnPage(std::vector<EngineRecord> records, Position looked, RecordedTime wall) {
  assert(static_cast<int64_t>(records.size()) <= Wanted() || records.empty());
  for (EngineRecord& record : records) {
    assert(record.position > read_to_ && "a feed goes forwards");
    const Position position = record.position;
    if (!lot_.Holds(record.lane)) {
      window_.Add(std::move(record));
    } else if (absl::Status room = lot_.RoomFor(1, false); room.ok()) {
      lot_.Add({.position = position,
                .lane = std::move(record.lane),
                .reason = Behind(),
                .parked_at = wall});
      if (window_.empty()) {
        ++passed_;
      } else {
        window_.AddFinished(position);
      }
    } else {
      // It and what follows is read again: when a replay has made room, or after a resume.
      if (!lot_.IsReplaying()) Stop(std::move(room));
      return;
    }
    read_to_ = position;
  }
  read_to_ = std::max(read_to_, looked);
}

void Engine::OnCompletion(Position position, const Outcome& outcome, EngineTime now,
                          RecordedTime wall) {
  --in_flight_;
  NoteOutage(outcome, now);
  if (lot_.IsInFlight(position)) {
    CompleteParked(position, outcome, wall);
  } else {
    CompleteLive(position, outcome, now, wall);
  }
}

// Those that were in flight when it began say nothing new.
void Engine::NoteOutage(const Outcome& outcome, EngineTime now) {
  const bool probed = std::exchange(probing_, false);
  if (outcome.verdict == Verdict::kEverything) {
    if (!outage_.ok() && !probed) return;
    outage_ = outcome.why;
    ++outage_failures_;
    outage_until_ = now + Pause(options_.retry.outage, outage_failures_);
  } else if (probed && outcome.verdict != Verdict::kGone) {
    outage_ = absl::OkStatus();
    outage_failures_ = 0;
  }
}

void Engine::CompleteLive(Position position, const Outcome& outcome, EngineTime now,
                          RecordedTime wall) {
  Window::Entry& entry = window_.At(position);
  switch (outcome.verdict) {
    case Verdict::kDone:
    case Verdict::kGone:
      passed_ += window_.Finish(entry);
      return;
    case Verdict::kEverything:
      entry.last_error = outcome.why;
      window_.MakeReady(entry);
      return;
    case Verdict::kNotNow:
      entry.last_error = outcome.why;
      window_.BackOff(entry, now + Pause(options_.retry.outage, 1));
      return;
    case Verdict::kHalt:
      entry.last_error = outcome.why;
      window_.MakeReady(entry);
      Stop(outcome.why);
      return;
    case Verdict::kFailed:
    case Verdict::kNever:
      Fail(entry, outcome, now, wall);
  }
}

void Engine::Fail(Window::Entry& entry, const Outcome& outcome, EngineTime now, RecordedTime wall) {
  ++entry.attempts;
  entry.last_error = outcome.why;
  if (outcome.verdict == Verdict::kFailed && entry.attempts < options_.retry.max_attempts) {
    window_.BackOff(entry, now + Pause(options_.retry.backoff, entry.attempts));
    return;
  }
  absl::Status in_the_way =
      options_.park ? lot_.RoomFor(window_.LaneSize(entry), true) : outcome.why;
  if (in_the_way.ok()) {
    Park(entry, outcome.why, wall);
  } else {
    window_.MakeReady(entry);
    Stop(std::move(in_the_way));
  }
}

// With everything that waits behind it.
void Engine::Park(Window::Entry& entry, const absl::Status& why, RecordedTime wall) {
  const std::string lane(entry.lane->key);
  const Position front = entry.position;
  passed_ += window_.FinishLane(entry, [&](const Window::Entry& one) {
    const bool tried = one.position == front;
    lot_.Add({.position = one.position,
              .lane = lane,
              .reason = tried ? why : Behind(),
              .attempts = one.attempts,
              .parked_at = wall,
              .tried_at = tried ? wall : RecordedTime()});
  });
}

void Engine::CompleteParked(Position position, const Outcome& outcome, RecordedTime wall) {
  switch (outcome.verdict) {
    case Verdict::kEverything:
      lot_.PutBack(position);
      return;
    case Verdict::kFailed:
    case Verdict::kNotNow:
    case Verdict::kNever:
    case Verdict::kHalt:
      lot_.Fail(position, outcome.why, wall);
      flush_now_ = true;
      return;
    case Verdict::kGone:
      ++dropped_;
      [[fallthrough]];
    case Verdict::kDone:
      ++passed_;
      if (lot_.Finish(position)) flush_now_ = true;
  }
}

void Engine::OnWritten(const absl::Status& written, EngineTime now) {
  writing_ = false;
  const bool reset = std::exchange(writing_reset_, false);
  EngineWrite write = std::exchange(in_write_, {});
  if (written.ok()) {
    write_failures_ = 0;
    written_checkpoint_ = write.checkpoint;
    written_paused_ = write.paused;
    if (reset) ApplyReset();
    return;
  }
  lot_.TakeBack(write);
  if (reset) write.answers.pop_back();  // it comes again with the reset
  for (Answer& answer : write.answers) answers_.emplace(Position(0), std::move(answer));
  flush_now_ = true;
  next_write_ = now + kWritePause;
  ++write_failures_;
}

void Engine::OnControl(Control control) {
  Answer answer{.id = std::move(control.id)};
  switch (control.kind) {
    case Control::kPause:
      paused_ = true;
      break;
    case Control::kResume:
      Resume();
      break;
    case Control::kReset:
      if (!reset_to_.has_value()) {
        reset_to_ = control.position;
        reset_answer_ = std::move(answer);
        return;
      }
      answer.status =
          MakeStatus(absl::StatusCode::kUnavailable, "another reset is under way; try again");
      break;
    case Control::kReplayLane:
      answer.status = lot_.Replay(control.lane);
      break;
    case Control::kReplayAll:
      lot_.ReplayAll();
      break;
    case Control::kDiscardRecord:
      return AnswerWhenPassed(lot_.DiscardRecord(control.position), std::move(answer));
    case Control::kDiscardLane:
      return AnswerWhenPassed(lot_.DiscardLane(control.lane), std::move(answer));
  }
  answers_.emplace(Position(0), std::move(answer));
}

// Until then a crash would bring back what was discarded.
void Engine::AnswerWhenPassed(const absl::StatusOr<Position>& discarded, Answer answer) {
  answer.status = discarded.status();
  answers_.emplace(discarded.value_or(Position(0)), std::move(answer));
}

void Engine::Resume() {
  paused_ = false;
  outage_until_ = {};
  if (stopped_.ok()) return;
  stopped_ = absl::OkStatus();
  window_.ForgetAttempts();
}

// ---- What to do --------------------------------------------------------------------------------

bool Engine::MayDispatch() const {
  return !HoldsBack() && in_flight_ < options_.max_in_flight && (outage_.ok() || in_flight_ == 0);
}

std::optional<Dispatch> Engine::NextDispatch(EngineTime now) {
  if (!MayDispatch() || (!outage_.ok() && now < outage_until_)) return std::nullopt;
  window_.EndBackOff(now);
  const bool replay = lot_.HasReady() && (replay_next_ || !window_.HasReady());
  replay_next_ = !replay;
  if (!replay && !window_.HasReady()) return std::nullopt;
  ++in_flight_;
  probing_ = !outage_.ok();
  if (replay) return lot_.TakeReady();
  const Window::Entry& entry = window_.TakeReady(now);
  return Dispatch{
      .position = entry.position, .record = entry.record, .attempt = entry.attempts + 1};
}

int64_t Engine::Wanted() const {
  if (HoldsBack() || (lot_.IsFull() && lot_.IsReplaying())) return 0;
  return std::max<int64_t>(options_.window - window_.size(), 0);
}

std::optional<EngineWrite> Engine::NextWrite(EngineTime now) {
  if (writing_ || now < next_write_) return std::nullopt;
  if (!ResetIsDue()) {
    if (!IsDirty()) {
      dirty_since_ = kNever;
      flush_now_ = false;
      passed_ = 0;
      write_failures_ = 0;
      return std::nullopt;
    }
    dirty_since_ = std::min(dirty_since_, now);
    if (!IsUrgent() && now - dirty_since_ < options_.checkpoint_interval) return std::nullopt;
  }
  in_write_ = Collect();
  writing_ = true;
  flush_now_ = false;
  dirty_since_ = kNever;
  passed_ = 0;
  return in_write_;
}

EngineTime Engine::NextTimer() const {
  EngineTime next = kNever;
  if (MayDispatch()) {
    const bool ready = window_.HasReady() || lot_.HasReady();
    next = std::max(ready ? EngineTime() : window_.next_retry(),
                    outage_.ok() ? EngineTime() : outage_until_);
  }
  if (writing_) return next;
  if (ResetIsDue() || IsUrgent()) return std::min(next, next_write_);
  if (dirty_since_ == kNever) return next;
  return std::min(next, std::max(dirty_since_ + options_.checkpoint_interval, next_write_));
}

bool Engine::IsDirty() const {
  return checkpoint() != written_checkpoint_ || paused_ != written_paused_ ||
         lot_.IsDirty(checkpoint()) || HasDueAnswer();
}

EngineWrite Engine::Collect() {
  writing_reset_ = ResetIsDue();
  EngineWrite write{.checkpoint = writing_reset_ ? *reset_to_ : checkpoint(), .paused = paused_};
  if (writing_reset_) {
    lot_.CollectReset(write.checkpoint, write);
  } else {
    lot_.Collect(write.checkpoint, write);
  }
  const auto end = writing_reset_ ? answers_.end() : answers_.upper_bound(write.checkpoint);
  for (auto answer = answers_.begin(); answer != end; ++answer) {
    write.answers.push_back(std::move(answer->second));
  }
  answers_.erase(answers_.begin(), end);
  if (writing_reset_) write.answers.push_back(reset_answer_);
  return write;
}

void Engine::ApplyReset() {
  read_to_ = *std::exchange(reset_to_, std::nullopt);
  window_.Clear();
  lot_.DropBeyond(read_to_);
  stopped_ = absl::OkStatus();
  // Discards that came in meanwhile: what they took is handled again, or below the checkpoint.
  for (auto& [passed_at, answer] : std::exchange(answers_, {})) {
    answers_.emplace(Position(0), std::move(answer));
  }
}

std::chrono::nanoseconds Engine::Pause(const Backoff& backoff, int failures) {
  std::chrono::nanoseconds pause = backoff.first;
  for (int i = 1; i < failures && pause < backoff.longest; ++i) pause *= 2;
  pause = std::min<std::chrono::nanoseconds>(pause, backoff.longest);
  // Between a half and the whole of it, so that what failed together does not come back together.
  return pause / 2 + pause / 2 * static_cast<int64_t>(random_() % 1024) / 1024;
}

// ---- How it stands -----------------------------------------------------------------------------

std::optional<Unfinished> Engine::LowestUnfinished() const {
  if (window_.empty()) return std::nullopt;
  const Window::Entry& entry = window_.lowest();
  Unfinished unfinished{.position = entry.position,
                        .lane = std::string(entry.lane->key),
                        .attempts = entry.attempts,
                        .in_flight = entry.state == Window::Entry::kInFlight,
                        .recorded = entry.record == nullptr ? RecordedTime() : entry.record->time(),
                        .last_error = entry.last_error};
  if (unfinished.in_flight) {
    unfinished.in_flight_since = entry.time;
  } else if (!outage_.ok()) {
    unfinished.next_try = outage_until_;
  } else if (entry.state == Window::Entry::kBackingOff) {
    unfinished.next_try = entry.time;
  }
  return unfinished;
}

}  // namespace daybook::internal
