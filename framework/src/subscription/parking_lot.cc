#include "subscription/parking_lot.h"

#include <algorithm>
#include <cassert>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

absl::Status TooMany(int64_t limit, std::string_view what) {
  return MakeStatus(absl::StatusCode::kResourceExhausted,
                    absl::StrCat("more than ", limit, " ", ToAbsl(what),
                                 " would be parked; discard some, or replay them, and resume"));
}

absl::Status InFlight() {
  return MakeStatus(absl::StatusCode::kUnavailable,
                    "it is being replayed at this moment; try again");
}

}  // namespace

void ParkingLot::Load(std::vector<ParkedRecord> rows, Position checkpoint) {
  for (ParkedRecord& row : rows) {
    const Position position = row.position;
    if (position > checkpoint) {
      to_remove_.insert(position);
      continue;
    }
    ++records_;
    lanes_[row.lane].rows.emplace(position, std::move(row));
  }
}

absl::Status ParkingLot::RoomFor(int64_t records, bool new_lane) const {
  if (records_ + records > limits_.records) return TooMany(limits_.records, "records");
  if (new_lane && lanes() + 1 > limits_.lanes) return TooMany(limits_.lanes, "lanes");
  return absl::OkStatus();
}

void ParkingLot::Add(ParkedRecord row) {
  const Position position = row.position;
  ++records_;
  added_.push_back(row);
  to_remove_.erase(position);
  to_write_[position] = row;
  lanes_[row.lane].rows.emplace(position, std::move(row));
}

// ---- Replays -----------------------------------------------------------------------------------

absl::Status ParkingLot::Replay(std::string_view lane) {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) {
    return MakeStatus(absl::StatusCode::kNotFound,
                      absl::StrCat("nothing is parked in lane '", ToAbsl(lane), "'"));
  }
  if (found->second.replaying) {
    return MakeStatus(absl::StatusCode::kFailedPrecondition, "the lane is being replayed already");
  }
  Start(found);
  return absl::OkStatus();
}

void ParkingLot::ReplayAll() {
  for (auto lane = lanes_.begin(); lane != lanes_.end(); ++lane) {
    if (!lane->second.replaying) Start(lane);
  }
}

void ParkingLot::Start(Lanes::iterator lane) {
  lane->second.replaying = true;
  MakeReady(lane, next_turn_++);
}

void ParkingLot::MakeReady(Lanes::iterator lane, uint64_t turn) {
  lane->second.turn = turn;
  ready_.emplace(turn, lane);
}

Dispatch ParkingLot::TakeReady() {
  const Lanes::iterator lane = ready_.begin()->second;
  ready_.erase(ready_.begin());
  lane->second.in_flight = true;
  const ParkedRecord& front = lane->second.rows.begin()->second;
  in_flight_.emplace(front.position, lane);
  return {.position = front.position, .attempt = front.attempts + 1};
}

ParkingLot::Lanes::iterator ParkingLot::TakeInFlight(Position position) {
  const auto found = in_flight_.find(position);
  const Lanes::iterator lane = found->second;
  in_flight_.erase(found);
  lane->second.in_flight = false;
  return lane;
}

void ParkingLot::PutBack(Position position) {
  const Lanes::iterator lane = TakeInFlight(position);
  MakeReady(lane, lane->second.turn);
}

void ParkingLot::Fail(Position position, const absl::Status& why, RecordedTime wall) {
  const Lanes::iterator lane = TakeInFlight(position);
  lane->second.replaying = false;
  ParkedRecord& row = lane->second.rows.at(position);
  ++row.attempts;
  row.reason = why;
  row.tried_at = wall;
  to_write_[position] = row;
}

bool ParkingLot::Finish(Position position) {
  const Lanes::iterator lane = TakeInFlight(position);
  RemoveRow(lane->second, position);
  if (lane->second.rows.empty()) {
    RemoveLane(lane);
    return true;
  }
  MakeReady(lane, next_turn_++);
  return false;
}

void ParkingLot::RemoveRow(Lane& lane, Position position) {
  lane.rows.erase(position);
  --records_;
  to_write_.erase(position);
  to_remove_.insert(position);
}

void ParkingLot::RemoveLane(Lanes::iterator lane) {
  assert(!lane->second.in_flight);
  ready_.erase(lane->second.turn);
  lanes_.erase(lane);
}

// ---- Discards ----------------------------------------------------------------------------------

absl::StatusOr<Position> ParkingLot::DiscardRecord(Position position) {
  const auto lane = std::find_if(lanes_.begin(), lanes_.end(), [position](const auto& one) {
    return one.second.rows.contains(position);
  });
  if (lane == lanes_.end()) {
    return MakeStatus(absl::StatusCode::kNotFound,
                      absl::StrCat("no record is parked at position ", position.value()));
  }
  if (IsInFlight(position)) return InFlight();
  RemoveRow(lane->second, position);
  if (lane->second.rows.empty()) RemoveLane(lane);
  return position;
}

absl::StatusOr<Position> ParkingLot::DiscardLane(std::string_view lane) {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) {
    return MakeStatus(absl::StatusCode::kNotFound,
                      absl::StrCat("nothing is parked in lane '", ToAbsl(lane), "'"));
  }
  if (found->second.in_flight) return InFlight();
  auto& rows = found->second.rows;
  const Position last = rows.rbegin()->first;
  while (!rows.empty()) RemoveRow(found->second, rows.begin()->first);
  RemoveLane(found);
  return last;
}

// ---- The file ----------------------------------------------------------------------------------

void ParkingLot::Collect(Position checkpoint, EngineWrite& write) {
  const auto end = to_write_.upper_bound(checkpoint);
  for (auto row = to_write_.begin(); row != end; ++row) {
    write.parked.push_back(std::move(row->second));
  }
  to_write_.erase(to_write_.begin(), end);
  write.unparked.assign(to_remove_.begin(), to_remove_.end());
  to_remove_.clear();
}

void ParkingLot::TakeBack(EngineWrite& write) {
  for (ParkedRecord& row : write.parked) {
    const Position position = row.position;
    if (!to_remove_.contains(position)) to_write_.try_emplace(position, std::move(row));
  }
  for (const Position position : write.unparked) {
    if (!to_write_.contains(position)) to_remove_.insert(position);
  }
}

void ParkingLot::CollectReset(Position to, EngineWrite& write) {
  for (const auto& [key, lane] : lanes_) {
    for (auto row = lane.rows.upper_bound(to); row != lane.rows.end(); ++row) {
      to_remove_.insert(row->first);
    }
  }
  Collect(to, write);
}

void ParkingLot::DropBeyond(Position to) {
  to_write_.clear();
  for (auto lane = lanes_.begin(); lane != lanes_.end();) {
    auto& rows = lane->second.rows;
    const auto first = rows.upper_bound(to);
    records_ -= std::distance(first, rows.end());
    rows.erase(first, rows.end());
    const auto next = std::next(lane);
    if (rows.empty()) RemoveLane(lane);
    lane = next;
  }
}

}  // namespace daybook::internal
