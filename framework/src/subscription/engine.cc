#include "subscription/engine.h"

#include <algorithm>
#include <cassert>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

constexpr std::chrono::seconds kWritePause(1);

constexpr char kBehind[] = "an earlier record of its lane is parked";

}  // namespace

Engine::Engine(const EngineOptions& options, EngineState state)
    : options_(options),
      random_(options.seed),
      read_to_(state.checkpoint),
      paused_(state.paused),
      written_{state.checkpoint, state.paused} {
  for (ParkedRecord& row : state.parked) {
    ++parked_records_;
    const Position position = row.position;
    parked_[row.lane].rows.emplace(position, std::move(row));
  }
}

// ---- What happened -----------------------------------------------------------------------------

void Engine::OnPage(std::vector<EngineRecord> records, Position looked, RecordedTime wall) {
  for (EngineRecord& record : records) {
    assert(record.position > read_to_ && "a feed goes forwards");
    const Position position = record.position;
    const auto lane = parked_.empty() ? parked_.end() : parked_.find(record.lane);
    if (lane == parked_.end()) {
      AddEntry(std::move(record));
    } else if (HasRoomFor(1, false)) {
      AddParked(lane->second, {.position = position,
                               .lane = lane->first,
                               .reason = absl::Status(absl::StatusCode::kAborted, kBehind),
                               .attempts = 0,
                               .parked_at = wall,
                               .tried_at = {}});
      ++finished_;
    } else {
      return;  // it and what follows is read again, should it go on
    }
    read_to_ = position;
  }
  read_to_ = std::max(read_to_, looked);
}

void Engine::OnCompletion(Position position, const Outcome& outcome, EngineTime now,
                          RecordedTime wall) {
  --in_flight_;
  if (replays_in_flight_.contains(position)) {
    CompleteParked(position, outcome, now, wall);
    return;
  }
  const uint64_t number = NumberOf(position);
  assert(At(number).state == State::kInFlight);
  switch (outcome.verdict) {
    case Verdict::kDone:
    case Verdict::kGone:
      outage_ = absl::OkStatus();
      outage_failures_ = 0;
      Finish(number);
      PopFinished();
      return;
    case Verdict::kEverything:
      At(number).last_error = outcome.why;
      StopLine(outcome.why, now);
      MakeReady(number);
      return;
    case Verdict::kFailed:
    case Verdict::kNever:
      // The line works: it was this record that failed.
      outage_ = absl::OkStatus();
      outage_failures_ = 0;
      Fail(number, outcome, now, wall);
  }
}

void Engine::OnWritten(const absl::Status& written, EngineTime now) {
  writing_ = false;
  if (written.ok()) {
    write_failures_ = 0;
    written_ = {in_write_.checkpoint, in_write_.paused};
    if (writing_reset_) ApplyReset();
  } else {
    // What has changed meanwhile is newer.
    for (ParkedRecord& row : in_write_.parked) {
      if (rows_to_remove_.contains(row.position)) continue;
      const Position position = row.position;
      rows_to_write_.try_emplace(position, std::move(row));
    }
    for (const Position position : in_write_.unparked) {
      if (!rows_to_write_.contains(position)) rows_to_remove_.insert(position);
    }
    if (writing_reset_) in_write_.answers.pop_back();  // it comes again with the reset
    answers_.insert(answers_.begin(), in_write_.answers.begin(), in_write_.answers.end());
    flush_now_ = true;
    next_write_ = now + kWritePause;
    ++write_failures_;
  }
  writing_reset_ = false;
  in_write_ = {};
}

void Engine::OnControl(Control control) {
  absl::Status answer = absl::OkStatus();
  switch (control.kind) {
    case Control::kPause:
      paused_ = true;
      break;
    case Control::kResume:
      Resume();
      break;
    case Control::kReset:
      if (reset_to_.has_value()) {
        answer = MakeStatus(absl::StatusCode::kUnavailable, "another reset is under way");
        break;
      }
      reset_to_ = control.position;
      reset_answer_ = {.id = std::move(control.id)};
      return;
    case Control::kReplayLane: {
      const auto lane = parked_.find(control.lane);
      answer = lane == parked_.end()
                   ? MakeStatus(absl::StatusCode::kNotFound,
                                absl::StrCat("nothing is parked in lane '", control.lane, "'"))
                   : StartReplay(lane);
      break;
    }
    case Control::kReplayAll:
      for (auto lane = parked_.begin(); lane != parked_.end(); ++lane) {
        StartReplay(lane).IgnoreError();  // those under way go on
      }
      break;
    case Control::kDiscardRecord:
    case Control::kDiscardLane:
      answer = Discard(control);
      break;
  }
  answers_.push_back({.id = std::move(control.id), .status = std::move(answer)});
  flush_now_ = true;
}

void Engine::Resume() {
  paused_ = false;
  outage_until_ = {};
  if (stopped_.ok()) return;
  stopped_ = absl::OkStatus();
  for (Entry& entry : entries_) entry.attempts = 0;
}

// ---- What to do --------------------------------------------------------------------------------

std::optional<Dispatch> Engine::NextDispatch(EngineTime now) {
  if (HoldsBack() || in_flight_ >= options_.max_in_flight) return std::nullopt;
  if (!outage_.ok() && (now < outage_until_ || in_flight_ > 0)) return std::nullopt;
  while (!backing_off_.empty() && backing_off_.begin()->first <= now) {
    const uint64_t number = backing_off_.begin()->second;
    backing_off_.erase(backing_off_.begin());
    MakeReady(number);
  }
  if (!replays_ready_.empty() && (replay_next_ || ready_.empty())) {
    const auto lane = parked_.find(replays_ready_.front());
    replays_ready_.pop_front();
    replay_next_ = false;
    lane->second.in_flight = true;
    const ParkedRecord& front = lane->second.rows.begin()->second;
    replays_in_flight_.emplace(front.position, lane);
    ++in_flight_;
    return Dispatch{.position = front.position, .attempt = front.attempts + 1};
  }
  replay_next_ = true;
  if (ready_.empty()) return std::nullopt;
  Entry& entry = At(ready_.top());
  ready_.pop();
  entry.state = State::kInFlight;
  ++in_flight_;
  return Dispatch{
      .position = entry.position, .record = entry.record, .attempt = entry.attempts + 1};
}

int64_t Engine::Wanted() const {
  if (HoldsBack()) return 0;
  return std::max<int64_t>(options_.window - static_cast<int64_t>(entries_.size()), 0);
}

std::optional<EngineWrite> Engine::NextWrite(EngineTime now) {
  if (writing_ || now < next_write_) return std::nullopt;
  if (reset_to_.has_value() && in_flight_ == 0) {
    writing_ = writing_reset_ = true;
    in_write_ = CollectReset();
    return in_write_;
  }
  if (!IsDirty()) {
    dirty_since_ = kNever;
    flush_now_ = false;
    finished_ = 0;
    return std::nullopt;
  }
  dirty_since_ = std::min(dirty_since_, now);
  if (!flush_now_ && finished_ < options_.checkpoint_every &&
      now < dirty_since_ + options_.checkpoint_interval) {
    return std::nullopt;
  }
  writing_ = true;
  flush_now_ = false;
  dirty_since_ = kNever;
  finished_ = 0;
  in_write_ = Collect();
  return in_write_;
}

EngineTime Engine::NextTimer() const {
  EngineTime next = kNever;
  if (!HoldsBack()) {
    const EngineTime open = outage_.ok() ? EngineTime() : outage_until_;
    if (!backing_off_.empty()) next = std::max(backing_off_.begin()->first, open);
    if (!outage_.ok() && in_flight_ == 0 && (!ready_.empty() || !replays_ready_.empty())) {
      next = std::min(next, open);
    }
  }
  if (!writing_) {
    if (flush_now_ || finished_ >= options_.checkpoint_every ||
        (reset_to_.has_value() && in_flight_ == 0)) {
      next = std::min(next, next_write_);
    }
    if (dirty_since_ != kNever) {
      next = std::min(next, std::max(dirty_since_ + options_.checkpoint_interval, next_write_));
    }
  }
  return next;
}

// ---- How it stands -----------------------------------------------------------------------------

Position Engine::checkpoint() const {
  return entries_.empty() ? read_to_ : entries_.front().position - 1;
}

bool Engine::idle() const {
  return in_flight_ == 0 && entries_.empty() && replays_ready_.empty() && !IsDirty() && !writing_ &&
         !reset_to_.has_value();
}

std::optional<Unfinished> Engine::LowestUnfinished() const {
  if (entries_.empty()) return std::nullopt;
  const Entry& entry = entries_.front();
  Unfinished unfinished{.position = entry.position,
                        .lane = std::string(entry.lane->key),
                        .attempts = entry.attempts,
                        .in_flight = entry.state == State::kInFlight,
                        .recorded = entry.record == nullptr ? RecordedTime() : entry.record->time(),
                        .last_error = entry.last_error};
  if (!outage_.ok()) {
    unfinished.next_try = outage_until_;
  } else if (entry.state == State::kBackingOff) {
    unfinished.next_try = entry.next_try;
  }
  return unfinished;
}

// ---- Live records ------------------------------------------------------------------------------

uint64_t Engine::NumberOf(Position position) const {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), position,
                       [](const Entry& entry, Position wanted) { return entry.position < wanted; });
  assert(found != entries_.end() && found->position == position);
  return first_number_ + static_cast<uint64_t>(found - entries_.begin());
}

void Engine::AddEntry(EngineRecord record) {
  const uint64_t number = first_number_ + entries_.size();
  const auto [at, is_new] = lanes_.try_emplace(std::move(record.lane));
  Lane& lane = at->second;
  if (is_new) {
    lane.key = at->first;
    lane.first = number;
  } else {
    At(lane.last).behind = number;
  }
  lane.last = number;
  Entry& entry = entries_.emplace_back();
  entry.record = std::move(record.record);
  entry.position = record.position;
  entry.lane = &lane;
  if (is_new) MakeReady(number);
}

void Engine::MakeReady(uint64_t number) {
  At(number).state = State::kReady;
  ready_.push(number);
}

void Engine::Finish(uint64_t number) {
  Entry& entry = At(number);
  Lane& lane = *entry.lane;
  entry.state = State::kFinished;
  entry.record.reset();
  ++finished_;
  lane.first = entry.behind;
  if (lane.first == kNone) {
    entry.lane = nullptr;
    lanes_.erase(lanes_.find(lane.key));
  } else {
    MakeReady(lane.first);
  }
}

void Engine::PopFinished() {
  while (!entries_.empty() && entries_.front().state == State::kFinished) {
    entries_.pop_front();
    ++first_number_;
  }
}

void Engine::Fail(uint64_t number, const Outcome& outcome, EngineTime now, RecordedTime wall) {
  Entry& entry = At(number);
  ++entry.attempts;
  entry.last_error = outcome.why;
  if (outcome.verdict == Verdict::kFailed && entry.attempts < options_.retry.max_attempts) {
    entry.state = State::kBackingOff;
    entry.next_try = now + Pause(options_.retry.backoff, entry.attempts);
    backing_off_.emplace(entry.next_try, number);
    return;
  }
  if (options_.park) {
    Park(number, outcome.why, wall);
  } else {
    MakeReady(number);
    Stop(outcome.why);
  }
}

// With everything that waits behind it.
void Engine::Park(uint64_t number, const absl::Status& why, RecordedTime wall) {
  const std::string key(At(number).lane->key);
  int64_t records = 0;
  for (uint64_t n = number; n != kNone; n = At(n).behind) ++records;
  if (!HasRoomFor(records, true)) {
    MakeReady(number);
    return;
  }
  ParkedLane& parked = parked_[key];
  for (uint64_t n = number; n != kNone; n = At(n).behind) {
    Entry& entry = At(n);
    const bool front = n == number;
    AddParked(parked, {.position = entry.position,
                       .lane = key,
                       .reason = front ? why : absl::Status(absl::StatusCode::kAborted, kBehind),
                       .attempts = entry.attempts,
                       .parked_at = wall,
                       .tried_at = front ? wall : RecordedTime()});
    entry.state = State::kFinished;
    entry.record.reset();
    entry.lane = nullptr;
    ++finished_;
  }
  lanes_.erase(key);
  PopFinished();
}

void Engine::StopLine(const absl::Status& why, EngineTime now) {
  // Those in flight together fail together, and count once.
  const bool known = !outage_.ok() && now < outage_until_;
  outage_ = why;
  if (known) return;
  ++outage_failures_;
  outage_until_ = now + Pause(options_.retry.outage, outage_failures_);
}

std::chrono::nanoseconds Engine::Pause(const Backoff& backoff, int failures) {
  std::chrono::nanoseconds pause = backoff.first;
  for (int i = 1; i < failures && pause < backoff.longest; ++i) pause *= 2;
  pause = std::min<std::chrono::nanoseconds>(pause, backoff.longest);
  // Between a half and the whole of it, so that what failed together does not come back together.
  return pause / 2 + pause / 2 * static_cast<int64_t>(random_() % 1024) / 1024;
}

// ---- Parked records ----------------------------------------------------------------------------

bool Engine::HasRoomFor(int64_t records, bool new_lane) {
  const bool too_many_records = parked_records_ + records > options_.limits.records;
  const bool too_many_lanes = new_lane && parked_lanes() + 1 > options_.limits.lanes;
  if (!too_many_records && !too_many_lanes) return true;
  Stop(MakeStatus(
      absl::StatusCode::kResourceExhausted,
      too_many_records
          ? absl::StrCat("more than ", options_.limits.records,
                         " records would be parked; replay or discard some, then resume")
          : absl::StrCat("more than ", options_.limits.lanes,
                         " lanes would be parked; replay or discard some, then resume")));
  return false;
}

void Engine::AddParked(ParkedLane& lane, ParkedRecord row) {
  ++parked_records_;
  const Position position = row.position;
  rows_to_write_[position] = row;
  newly_parked_.push_back(row);
  lane.rows.emplace(position, std::move(row));
}

absl::Status Engine::StartReplay(ParkedLanes::iterator lane) {
  if (lane->second.replaying) {
    return MakeStatus(absl::StatusCode::kFailedPrecondition, "the lane is being replayed already");
  }
  lane->second.replaying = true;
  replays_ready_.push_back(lane->first);
  return absl::OkStatus();
}

void Engine::CompleteParked(Position position, const Outcome& outcome, EngineTime now,
                            RecordedTime wall) {
  const auto found = replays_in_flight_.find(position);
  const ParkedLanes::iterator lane = found->second;
  replays_in_flight_.erase(found);
  lane->second.in_flight = false;
  if (outcome.verdict == Verdict::kEverything) {
    StopLine(outcome.why, now);
    replays_ready_.push_front(lane->first);
    return;
  }
  if (outcome.verdict != Verdict::kGone) {
    outage_ = absl::OkStatus();
    outage_failures_ = 0;
  }
  flush_now_ = true;
  if (outcome.verdict == Verdict::kFailed || outcome.verdict == Verdict::kNever) {
    ParkedRecord& row = lane->second.rows.at(position);
    ++row.attempts;
    row.reason = outcome.why;
    row.tried_at = wall;
    rows_to_write_[position] = row;
    lane->second.replaying = false;
    return;
  }
  if (outcome.verdict == Verdict::kGone) ++dropped_;
  RemoveRow(lane, position);
}

// The lane is live again with its last row; until then its next row is ready, if it is replayed.
void Engine::RemoveRow(ParkedLanes::iterator lane, Position position) {
  lane->second.rows.erase(position);
  --parked_records_;
  rows_to_write_.erase(position);
  rows_to_remove_.insert(position);
  if (lane->second.rows.empty()) {
    std::erase(replays_ready_, lane->first);
    parked_.erase(lane);
  } else if (lane->second.replaying && !lane->second.in_flight &&
             std::find(replays_ready_.begin(), replays_ready_.end(), lane->first) ==
                 replays_ready_.end()) {
    replays_ready_.push_back(lane->first);
  }
}

absl::Status Engine::Discard(const Control& control) {
  auto lane = parked_.end();
  if (control.kind == Control::kDiscardLane) {
    lane = parked_.find(control.lane);
  } else {
    lane = std::find_if(parked_.begin(), parked_.end(), [&](const auto& one) {
      return one.second.rows.contains(control.position);
    });
  }
  if (lane == parked_.end()) {
    return MakeStatus(absl::StatusCode::kNotFound, "no such record is parked");
  }
  if (lane->second.in_flight && (control.kind == Control::kDiscardLane ||
                                 lane->second.rows.begin()->first == control.position)) {
    return MakeStatus(absl::StatusCode::kUnavailable,
                      "it is being replayed at this moment; try again");
  }
  if (control.kind == Control::kDiscardRecord) {
    RemoveRow(lane, control.position);
    return absl::OkStatus();
  }
  lane->second.replaying = false;
  std::vector<Position> positions;
  for (const auto& [position, row] : lane->second.rows) positions.push_back(position);
  for (const Position position : positions) RemoveRow(lane, position);
  return absl::OkStatus();
}

// ---- Writing -----------------------------------------------------------------------------------

bool Engine::IsDirty() const {
  return checkpoint() != written_.checkpoint || paused_ != written_.paused ||
         !rows_to_remove_.empty() || !answers_.empty() ||
         (!rows_to_write_.empty() && rows_to_write_.begin()->first <= checkpoint());
}

// A row of a parked record is written with the checkpoint that passes it: before, the record is
// unfinished in the file, and read again after a crash.
EngineWrite Engine::Collect() {
  EngineWrite write{.checkpoint = checkpoint(), .paused = paused_};
  const auto end = rows_to_write_.upper_bound(write.checkpoint);
  for (auto row = rows_to_write_.begin(); row != end; ++row) {
    write.parked.push_back(std::move(row->second));
  }
  rows_to_write_.erase(rows_to_write_.begin(), end);
  write.unparked.assign(rows_to_remove_.begin(), rows_to_remove_.end());
  rows_to_remove_.clear();
  write.answers = std::exchange(answers_, {});
  return write;
}

EngineWrite Engine::CollectReset() {
  EngineWrite write = Collect();
  const Position to = *reset_to_;
  write.checkpoint = to;
  for (auto row = rows_to_write_.begin(); row != rows_to_write_.end() && row->first <= to; ++row) {
    write.parked.push_back(row->second);
  }
  std::erase_if(write.parked, [to](const ParkedRecord& row) { return row.position > to; });
  for (const auto& [key, lane] : parked_) {
    for (auto row = lane.rows.upper_bound(to); row != lane.rows.end(); ++row) {
      write.unparked.push_back(row->first);
    }
  }
  write.answers.push_back(reset_answer_);
  return write;
}

void Engine::ApplyReset() {
  const Position to = *std::exchange(reset_to_, std::nullopt);
  read_to_ = to;
  first_number_ += entries_.size();
  entries_.clear();
  lanes_.clear();
  ready_ = {};
  backing_off_.clear();
  replays_ready_.clear();
  rows_to_write_.clear();
  outage_ = absl::OkStatus();
  outage_failures_ = 0;
  stopped_ = absl::OkStatus();
  for (auto lane = parked_.begin(); lane != parked_.end();) {
    lane->second.replaying = false;
    auto& rows = lane->second.rows;
    const auto first = rows.upper_bound(to);
    parked_records_ -= std::distance(first, rows.end());
    rows.erase(first, rows.end());
    lane = rows.empty() ? parked_.erase(lane) : std::next(lane);
  }
}

}  // namespace daybook::internal
