#ifndef DAYBOOK_SRC_SUBSCRIPTION_WINDOW_H_
#define DAYBOOK_SRC_SUBSCRIPTION_WINDOW_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "subscription/engine_types.h"

namespace daybook::internal {

// The records that an engine has read, from the lowest unfinished one on. Those of a lane hang
// together as a list: its first is ready, in flight or backing off, the others wait behind it.
class Window {
 public:
  struct Lane;

  struct Entry {
    enum State : char { kWaiting, kReady, kInFlight, kBackingOff, kFinished };

    Record record;
    Position position;
    Lane* lane = nullptr;
    uint64_t behind = kNone;  // the next of its lane
    State state = kWaiting;
    int attempts = 0;      // that failed
    EngineTime time = {};  // kInFlight: since when; kBackingOff: until when
    absl::Status last_error = absl::OkStatus();
  };

  struct Lane {
    std::string_view key;
    uint64_t last = kNone;
  };

  // Counts the finished ones among them, too.
  int64_t size() const { return static_cast<int64_t>(entries_.size()); }
  bool empty() const { return entries_.empty(); }
  // The lowest that is not finished. REQUIRES: not empty.
  const Entry& lowest() const { return entries_.front(); }

  void Add(EngineRecord record);
  // For a record that needs nothing: it takes its place all the same. REQUIRES: not empty.
  void AddFinished(Position position);

  // REQUIRES: it is there. O(log n).
  Entry& At(Position position);

  bool HasReady() const { return !ready_.empty(); }
  // The lowest of the ready ones, in flight from now on.
  Entry& TakeReady(EngineTime now);
  void MakeReady(Entry& entry);
  void BackOff(Entry& entry, EngineTime until);
  EngineTime next_retry() const {
    return backing_off_.empty() ? kNever : backing_off_.begin()->first;
  }
  void EndBackOff(EngineTime now);

  // Of the record in flight: the next of its lane is ready. Returns how many records, this or
  // others, the lowest unfinished one has risen by.
  int64_t Finish(Entry& entry);

  // The same for all of its lane, after showing each to `each`.
  int64_t FinishLane(Entry& first, const std::function<void(const Entry&)>& each);
  int64_t LaneSize(const Entry& first) const;

  void ForgetAttempts();
  void Clear();

 private:
  static constexpr uint64_t kNone = ~uint64_t{0};

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };

  Entry& At(uint64_t number) { return entries_[number - first_number_]; }
  const Entry& At(uint64_t number) const { return entries_[number - first_number_]; }
  uint64_t NumberOf(Position position) const;
  void Drop(Entry& entry);
  int64_t PopFinished();

  std::deque<Entry> entries_;
  uint64_t first_number_ = 0;  // of entries_.front()
  std::unordered_map<std::string, Lane, Hash, std::equal_to<>> lanes_;
  std::priority_queue<uint64_t, std::vector<uint64_t>, std::greater<>> ready_;
  std::set<std::pair<EngineTime, uint64_t>> backing_off_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_WINDOW_H_
