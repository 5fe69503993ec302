#include "subscription/engine_model.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace daybook::internal {
namespace {

using absl::StatusCode;
using std::chrono::nanoseconds;

constexpr std::chrono::seconds kWritePause(1);

nanoseconds LongestPause(const Backoff& backoff, int failures) {
  nanoseconds pause = backoff.first;
  for (int i = 1; i < failures; ++i) pause = std::min<nanoseconds>(pause * 2, backoff.longest);
  return pause;
}

}  // namespace

EngineModel::EngineModel(const EngineOptions& options, const EngineState& state)
    : options_(options),
      read_to_(state.checkpoint),
      paused_(state.paused),
      written_checkpoint_(state.checkpoint),
      written_paused_(state.paused) {
  for (const ParkedRecord& row : state.parked) {
    parked_[row.position] = {row.lane, row.attempts, row.reason.code()};
  }
  written_rows_ = parked_;
}

Position EngineModel::checkpoint() const {
  return live_.empty() ? read_to_ : live_.begin()->first - 1;
}

bool EngineModel::IsParked(const std::string& lane) const {
  return std::any_of(parked_.begin(), parked_.end(),
                     [&](const auto& row) { return row.second.lane == lane; });
}

std::set<std::string> EngineModel::ParkedLanes() const {
  std::set<std::string> lanes;
  for (const auto& [position, row] : parked_) lanes.insert(row.lane);
  return lanes;
}

Position EngineModel::Front(const std::string& lane) const {
  return std::find_if(parked_.begin(), parked_.end(),
                      [&](const auto& row) { return row.second.lane == lane; })
      ->first;
}

bool EngineModel::IsFirst(Position position) const {
  const std::string& lane = live_.at(position).lane;
  return std::none_of(live_.begin(), live_.find(position),
                      [&](const auto& one) { return one.second.lane == lane; });
}

bool EngineModel::idle() const {
  return live_.empty() && in_flight_.empty() && parked_.empty() && answers_.empty() &&
         !reset_to_.has_value() && !writing_;
}

void EngineModel::Stop(StatusCode why) {
  if (stopped_ == StatusCode::kOk) stopped_ = why;
}

// ---- What the engine hears ---------------------------------------------------------------------

void EngineModel::OnPage(const std::vector<EngineRecord>& records, Position looked) {
  for (const EngineRecord& record : records) {
    if (!IsParked(record.lane)) {
      live_[record.position] = {.lane = record.lane};
    } else if (static_cast<int64_t>(parked_.size()) < options_.limits.records) {
      parked_[record.position] = {record.lane, 0, StatusCode::kAborted};
      ++parks_;
    } else {
      if (replaying_.empty()) Stop(StatusCode::kResourceExhausted);
      return;
    }
    beyond_.insert(record.position);
    read_to_ = record.position;
  }
  read_to_ = std::max(read_to_, looked);
}

void EngineModel::NoteOutage(const Outcome& outcome, EngineTime now) {
  const bool probed = std::exchange(probing_, false);
  if (outcome.verdict == Verdict::kEverything && (!outage_ || probed)) {
    outage_ = true;
    ++outage_failures_;
    outage_at_ = now;
  } else if (outcome.verdict != Verdict::kEverything && outcome.verdict != Verdict::kGone &&
             probed) {
    outage_ = false;
    outage_failures_ = 0;
  }
}

void EngineModel::OnCompletion(Position position, const Outcome& outcome, EngineTime now) {
  Must(in_flight_.erase(position) == 1, "a completion of what is not in flight");
  NoteOutage(outcome, now);
  if (parked_.contains(position)) return CompleteParked(position, outcome);
  Live& live = live_.at(position);
  live.in_flight = false;
  live.failed_at.reset();
  if (outcome.verdict == Verdict::kDone) {
    live_.erase(position);
  } else if (outcome.verdict != Verdict::kEverything) {
    FailLive(position, outcome, now);
  }
}

void EngineModel::FailLive(Position position, const Outcome& outcome, EngineTime now) {
  Live& live = live_.at(position);
  if (outcome.verdict == Verdict::kHalt) return Stop(outcome.why.code());
  if (outcome.verdict == Verdict::kNotNow) {
    live.failed_at = now;
    live.pause = LongestPause(options_.retry.outage, 1);
    return;
  }
  ++live.attempts;
  if (outcome.verdict == Verdict::kFailed && live.attempts < options_.retry.max_attempts) {
    live.failed_at = now;
    live.pause = LongestPause(options_.retry.backoff, live.attempts);
    return;
  }
  if (!options_.park) return Stop(outcome.why.code());
  const std::string lane = live.lane;
  Rows rows;
  for (const auto& [at, one] : live_) {
    if (one.lane != lane) continue;
    rows[at] = {lane, one.attempts, at == position ? outcome.why.code() : StatusCode::kAborted};
  }
  if (static_cast<int64_t>(parked_.size() + rows.size()) > options_.limits.records ||
      static_cast<int64_t>(ParkedLanes().size()) + 1 > options_.limits.lanes) {
    return Stop(StatusCode::kResourceExhausted);
  }
  for (const auto& [at, row] : rows) live_.erase(at);
  parks_ += static_cast<int64_t>(rows.size());
  parked_.merge(rows);
}

void EngineModel::CompleteParked(Position position, const Outcome& outcome) {
  Row& row = parked_.at(position);
  const std::string lane = row.lane;
  switch (outcome.verdict) {
    case Verdict::kEverything:
      return;
    case Verdict::kFailed:
    case Verdict::kNotNow:
    case Verdict::kNever:
    case Verdict::kHalt:
      ++row.attempts;
      row.code = outcome.why.code();
      replaying_.erase(lane);
      return;
    case Verdict::kGone:
      ++dropped_;
      [[fallthrough]];
    case Verdict::kDone:
      parked_.erase(position);
      if (!IsParked(lane)) replaying_.erase(lane);
  }
}

StatusCode EngineModel::Replay(const std::string& lane) {
  if (!IsParked(lane)) return StatusCode::kNotFound;
  return replaying_.insert(lane).second ? StatusCode::kOk : StatusCode::kFailedPrecondition;
}

void EngineModel::OnControl(const Control& control) {
  discarded_last_.clear();
  DueAnswer answer{StatusCode::kOk, Position(0)};
  switch (control.kind) {
    case Control::kPause:
      paused_ = true;
      break;
    case Control::kResume:
      paused_ = false;
      outage_at_.reset();
      if (stopped_ != StatusCode::kOk) {
        for (auto& [position, live] : live_) live.attempts = 0;
      }
      stopped_ = StatusCode::kOk;
      break;
    case Control::kReset:
      if (!reset_to_.has_value()) {
        reset_to_ = control.position;
        reset_id_ = control.id;
        return;
      }
      answer.code = StatusCode::kUnavailable;
      break;
    case Control::kReplayLane:
      answer.code = Replay(control.lane);
      break;
    case Control::kReplayAll:
      replaying_ = ParkedLanes();
      break;
    case Control::kDiscardRecord:
    case Control::kDiscardLane:
      return Discard(control);
  }
  answers_[control.id] = answer;
}

void EngineModel::Discard(const Control& control) {
  std::set<Position> gone;
  for (const auto& [position, row] : parked_) {
    if (control.kind == Control::kDiscardLane ? row.lane == control.lane
                                              : position == control.position) {
      gone.insert(position);
    }
  }
  if (gone.empty()) {
    answers_[control.id] = {StatusCode::kNotFound, Position(0)};
    return;
  }
  for (const Position position : gone) {
    if (!in_flight_.contains(position)) continue;
    answers_[control.id] = {StatusCode::kUnavailable, Position(0)};
    return;
  }
  const std::string lane = parked_.at(*gone.begin()).lane;
  for (const Position position : gone) parked_.erase(position);
  if (!IsParked(lane)) replaying_.erase(lane);
  answers_[control.id] = {StatusCode::kOk, *gone.rbegin()};
  discarded_[control.id] = discarded_last_ = std::move(gone);
}

void EngineModel::OnWritten(bool written, EngineTime now) {
  Must(writing_, "an end of no write");
  writing_ = false;
  dirty_since_.reset();
  if (!written) {
    for (auto& [id, answer] : answers_in_write_) {
      if (id != reset_id_ || !writing_reset_) answers_[id] = {answer.code, Position(0)};
    }
    write_failed_at_ = now;
    return;
  }
  write_failed_at_.reset();
  written_checkpoint_ = expected_checkpoint_;
  written_paused_ = expected_paused_;
  written_rows_ = expected_rows_;
  if (writing_reset_) ApplyReset();
}

void EngineModel::ApplyReset() {
  read_to_ = *std::exchange(reset_to_, std::nullopt);
  live_.clear();
  beyond_.clear();
  parked_.erase(parked_.upper_bound(read_to_), parked_.end());
  std::erase_if(replaying_, [this](const std::string& lane) { return !IsParked(lane); });
  stopped_ = StatusCode::kOk;
  // What it reads again has not been discarded after all.
  for (auto& [id, answer] : answers_) answer.due = Position(0);
  for (auto& [id, gone] : discarded_) gone.erase(gone.upper_bound(read_to_), gone.end());
}

// ---- What it asks for --------------------------------------------------------------------------

void EngineModel::OnDispatch(const Dispatch& dispatch, EngineTime now) {
  const Position position = dispatch.position;
  Must(!Held(), "handed out although it is held back");
  Must(static_cast<int64_t>(in_flight_.size()) < options_.max_in_flight, "too many in flight");
  Must(!outage_ || in_flight_.empty(), "in an outage, one goes alone");
  Must(!outage_ || !outage_at_.has_value() ||
           now - *outage_at_ >= LongestPause(options_.retry.outage, outage_failures_) / 2,
       "handed out while the line stands still");
  Must(in_flight_.insert(position).second, "handed out twice at the same time");
  probing_ = outage_;
  if (dispatch.record == nullptr) {
    Must(parked_.contains(position), "a replay of what is not parked");
    const Row& row = parked_.at(position);
    Must(replaying_.contains(row.lane), "a replay that nobody asked for");
    Must(Front(row.lane) == position, "a replay that does not begin at the front of its lane");
    Must(dispatch.attempt == row.attempts + 1, "the attempts are miscounted");
    return;
  }
  Must(live_.contains(position), "handed out though it is done, or parked");
  Live& live = live_.at(position);
  Must(!IsParked(live.lane), "a live record of a parked lane was handed out");
  Must(IsFirst(position), "handed out before an earlier record of its lane");
  Must(dispatch.attempt == live.attempts + 1, "the attempts are miscounted");
  Must(!live.failed_at.has_value() || now - *live.failed_at >= live.pause / 2,
       "tried again too soon");
  beyond_.erase(beyond_.begin(), beyond_.upper_bound(checkpoint()));
  Must(std::distance(beyond_.begin(), beyond_.upper_bound(position)) <= options_.window,
       "handed out beyond the window");
  live.in_flight = true;
}

EngineModel::Rows EngineModel::RowsUpTo(Position position) const {
  return Rows(parked_.begin(), parked_.upper_bound(position));
}

void EngineModel::OnWrite(const EngineWrite& write) {
  Must(!writing_, "two writes at a time");
  writing_ = true;
  writing_reset_ = reset_to_.has_value() && in_flight_.empty();
  Must(write.checkpoint == (writing_reset_ ? *reset_to_ : checkpoint()),
       "the checkpoint is not the position before the lowest unfinished record");
  Must(write.paused == paused_, "the pause is not written as it is");
  expected_checkpoint_ = write.checkpoint;
  expected_paused_ = paused_;
  expected_rows_ = RowsUpTo(write.checkpoint);
  answers_in_write_.clear();
  for (auto answer = answers_.begin(); answer != answers_.end();) {
    const auto next = std::next(answer);
    if (writing_reset_ || answer->second.due <= write.checkpoint) {
      answers_in_write_.insert(answers_.extract(answer));
    }
    answer = next;
  }
  if (writing_reset_) answers_in_write_[reset_id_] = {StatusCode::kOk, Position(0)};
  Must(write.answers.size() == answers_in_write_.size(), "not the answers that were due");
  for (const Answer& answer : write.answers) {
    const auto expected = answers_in_write_.find(answer.id);
    Must(expected != answers_in_write_.end(), "an answer to what was not asked");
    Must(expected->second.code == answer.status.code(), "a wrong answer");
  }
}

void EngineModel::AtRest(const Engine& engine, EngineTime now) {
  Must(engine.checkpoint() == checkpoint(), "the checkpoint is wrong");
  Must(engine.read_to() == read_to_, "how far it has read is wrong");
  Must(engine.in_flight() == static_cast<int64_t>(in_flight_.size()), "in_flight() is wrong");
  Must(engine.paused() == paused_, "paused() is wrong");
  Must(engine.stopped().code() == stopped_, "stopped() is wrong");
  Must(engine.outage().ok() == !outage_, "outage() is wrong");
  Must(engine.parked_records() == static_cast<int64_t>(parked_.size()), "parked_records()");
  Must(engine.parked_lanes() == static_cast<int64_t>(ParkedLanes().size()), "parked_lanes()");
  Must(engine.dropped() == dropped_, "dropped() is wrong");
  const std::optional<Unfinished> lowest = engine.LowestUnfinished();
  Must(lowest.has_value() == !live_.empty(), "LowestUnfinished() is wrong");
  Must(!lowest.has_value() || (lowest->position == live_.begin()->first &&
                               lowest->lane == live_.begin()->second.lane &&
                               lowest->in_flight == live_.begin()->second.in_flight),
       "LowestUnfinished() is wrong");
  beyond_.erase(beyond_.begin(), beyond_.upper_bound(checkpoint()));
  Must(static_cast<int64_t>(beyond_.size()) <= options_.window, "read beyond the window");
  Must(engine.NextTimer() > now, "the timer spins");
  NothingIsLeftToDispatch(now);
  NothingIsLeftToWrite(now);
}

void EngineModel::NothingIsLeftToDispatch(EngineTime now) const {
  if (Held() || static_cast<int64_t>(in_flight_.size()) >= options_.max_in_flight) return;
  if (outage_ && (!in_flight_.empty() ||
                  (outage_at_.has_value() &&
                   now - *outage_at_ < LongestPause(options_.retry.outage, outage_failures_)))) {
    return;
  }
  for (const std::string& lane : replaying_) {
    Must(in_flight_.contains(Front(lane)), "a replay stands still");
  }
  std::set<std::string> seen;
  for (const auto& [position, live] : live_) {
    if (!seen.insert(live.lane).second || live.in_flight) continue;
    Must(live.failed_at.has_value() && now - *live.failed_at < live.pause, "a lane stands still");
  }
}

bool EngineModel::IsDirty() const {
  return checkpoint() != written_checkpoint_ || paused_ != written_paused_ ||
         RowsUpTo(checkpoint()) != written_rows_;
}

void EngineModel::NothingIsLeftToWrite(EngineTime now) {
  if (writing_ || (write_failed_at_.has_value() && now - *write_failed_at_ < kWritePause)) return;
  Must(!reset_to_.has_value() || !in_flight_.empty(), "a reset is not written");
  for (const auto& [id, answer] : answers_) {
    Must(answer.due > checkpoint(), "an answer is not written");
  }
  if (!IsDirty()) {
    dirty_since_.reset();
    return;
  }
  if (!dirty_since_.has_value()) dirty_since_ = now;
  Must(now - *dirty_since_ < options_.checkpoint_interval, "the checkpoint is not written in time");
}

}  // namespace daybook::internal
