#ifndef DAYBOOK_SRC_SUBSCRIPTION_PARKING_LOT_H_
#define DAYBOOK_SRC_SUBSCRIPTION_PARKING_LOT_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "subscription/engine_types.h"

namespace daybook::internal {

// The parked records of a subscription by lane, their replays, and what of all this is not in the
// file yet. A lane is here for as long as it has rows.
class ParkingLot {
 public:
  explicit ParkingLot(const ParkingLimits& limits) : limits_(limits) {}
  ParkingLot(const ParkingLot&) = delete;
  ParkingLot& operator=(const ParkingLot&) = delete;

  // What the file holds. Rows beyond the checkpoint are dropped.
  void Load(std::vector<ParkedRecord> rows, Position checkpoint);

  int64_t records() const { return records_; }
  int64_t lanes() const { return static_cast<int64_t>(lanes_.size()); }
  bool Holds(std::string_view lane) const { return !lanes_.empty() && lanes_.contains(lane); }

  // kResourceExhausted: that many more are too many.
  absl::Status RoomFor(int64_t records, bool new_lane) const;
  bool IsFull() const { return records_ >= limits_.records; }

  // At the end of its lane. REQUIRES: RoomFor() it.
  void Add(ParkedRecord row);

  // What has been added since this was asked last.
  std::vector<ParkedRecord> TakeAdded() { return std::exchange(added_, {}); }

  // ---- Replays ---------------------------------------------------------------------------------

  absl::Status Replay(std::string_view lane);
  // Those that are there now. Those under way go on.
  void ReplayAll();
  bool IsReplaying() const { return !ready_.empty() || !in_flight_.empty(); }

  bool HasReady() const { return !ready_.empty(); }
  // The front of the next lane, in flight from now on. Lanes take turns.
  Dispatch TakeReady();
  bool IsInFlight(Position position) const { return in_flight_.contains(position); }

  // Each of a record in flight. The lane is the next to take.
  void PutBack(Position position);
  // The replay of its lane ends.
  void Fail(Position position, const absl::Status& why, RecordedTime wall);
  // True if that was the last row of its lane, which is live again.
  bool Finish(Position position);

  // ---- Discards --------------------------------------------------------------------------------

  // The highest position that went. kNotFound; kUnavailable: it is in flight.
  absl::StatusOr<Position> DiscardRecord(Position position);
  absl::StatusOr<Position> DiscardLane(std::string_view lane);

  // ---- The file --------------------------------------------------------------------------------

  // A row is written with the checkpoint that passes it: before, the record is unfinished in the
  // file, and read again after a crash.
  bool IsDirty(Position checkpoint) const {
    return !to_remove_.empty() || (!to_write_.empty() && to_write_.begin()->first <= checkpoint);
  }
  void Collect(Position checkpoint, EngineWrite& write);
  // What Collect() gave was not written. What has changed meanwhile is newer.
  void TakeBack(EngineWrite& write);

  // For a reset: what the file must hold, and forget, when the checkpoint is set to `to`.
  void CollectReset(Position to, EngineWrite& write);
  // That was written.
  void DropBeyond(Position to);

 private:
  struct Lane {
    std::map<Position, ParkedRecord> rows;
    bool replaying = false;
    bool in_flight = false;  // its first
    uint64_t turn = 0;       // its key in ready_
  };
  using Lanes = std::map<std::string, Lane, std::less<>>;

  void Start(Lanes::iterator lane);
  void MakeReady(Lanes::iterator lane, uint64_t turn);
  Lanes::iterator TakeInFlight(Position position);
  void RemoveRow(Lane& lane, Position position);
  void RemoveLane(Lanes::iterator lane);

  const ParkingLimits limits_;
  Lanes lanes_;
  int64_t records_ = 0;
  std::vector<ParkedRecord> added_;

  std::map<uint64_t, Lanes::iterator> ready_;  // by turn
  uint64_t next_turn_ = 1;
  std::map<Position, Lanes::iterator> in_flight_;

  std::map<Position, ParkedRecord> to_write_;
  std::set<Position> to_remove_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_PARKING_LOT_H_
