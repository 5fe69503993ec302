#ifndef DAYBOOK_SRC_SUBSCRIPTION_ENGINE_H_
#define DAYBOOK_SRC_SUBSCRIPTION_ENGINE_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "daybook/event.h"
#include "daybook/subscription.h"

namespace daybook::internal {

using EngineTime = std::chrono::steady_clock::time_point;

struct EngineOptions {
  int64_t max_in_flight = 1;
  int64_t window = 4096;
  RetryPolicy retry = {};
  bool park = true;
  ParkingLimits limits = {};
  int64_t checkpoint_every = 1000;  // finished records
  std::chrono::nanoseconds checkpoint_interval = std::chrono::seconds(1);
  uint64_t seed = 0;  // of the jitter
};

// A record as the engine sees it: where it stands, and in which lane.
struct EngineRecord {
  Record record = {};
  Position position = {};
  std::string lane = {};
};

// A record to hand to the handler. Without `record`, it is a parked one, to be found by position.
struct Dispatch {
  Position position = {};
  Record record = {};
  int attempt = 1;
};

enum class Verdict {
  kDone,
  kFailed,      // this record, this time
  kNever,       // this record, whatever is tried
  kEverything,  // any record would have failed
  kGone,        // a parked record whose event has been deleted
};

struct Outcome {
  Verdict verdict = Verdict::kDone;
  absl::Status why = absl::OkStatus();
};

// What one who has a say in a subscription asks of it. `id` comes back with the answer.
struct Control {
  enum Kind { kPause, kResume, kReset, kReplayLane, kReplayAll, kDiscardRecord, kDiscardLane };
  Kind kind = kPause;
  Position position = {};  // kReset, kDiscardRecord
  std::string lane = {};   // kReplayLane, kDiscardLane
  std::string id = {};
};

struct Answer {
  std::string id = {};
  absl::Status status = absl::OkStatus();
};

// What a subscription keeps, to be changed in one transaction.
struct EngineWrite {
  Position checkpoint = {};
  bool paused = false;
  std::vector<ParkedRecord> parked = {};  // rows to write
  std::vector<Position> unparked = {};    // rows to remove
  std::vector<Answer> answers = {};       // given when this is written
};

// What it starts from.
struct EngineState {
  Position checkpoint = {};
  bool paused = false;
  std::vector<ParkedRecord> parked = {};
};

// The lowest record that is not done.
struct Unfinished {
  Position position = {};
  std::string lane = {};
  int attempts = 0;  // that failed
  bool in_flight = false;
  RecordedTime recorded = {};
  absl::Status last_error = absl::OkStatus();
  std::optional<EngineTime> next_try = {};
};

// Decides everything a subscription does, and does nothing: no threads, no clock, no I/O. Its owner
// tells it what happened, then asks what to do until there is nothing more, then waits for the next
// input or for NextTimer(). Not thread-safe.
//
// The records that are read and not yet done stand in `entries_`, by position. Each lane's hang
// together as a list, whose first is ready, in flight or waiting for its next try; the others wait
// behind it. A parked lane has rows instead, and whatever comes in joins them.
class Engine {
 public:
  Engine(const EngineOptions& options, EngineState state);

  // ---- What happened ---------------------------------------------------------------------------

  // A page of what follows read_to(), and how far it looked. REQUIRES: no more than Wanted().
  void OnPage(std::vector<EngineRecord> records, Position looked, RecordedTime wall);

  // REQUIRES: `position` is in flight.
  void OnCompletion(Position position, const Outcome& outcome, EngineTime now, RecordedTime wall);

  // How the last NextWrite() ended. On failure it comes again, unless that was the end.
  void OnWritten(const absl::Status& written, EngineTime now);

  void OnControl(Control control);

  // The feed or the store has failed for good: nothing more is handled.
  void OnBroken(absl::Status why) { Stop(std::move(why)); }

  // ---- What to do ------------------------------------------------------------------------------

  std::optional<Dispatch> NextDispatch(EngineTime now);

  // How many records to read after read_to(); 0: none for now.
  int64_t Wanted() const;

  std::optional<EngineWrite> NextWrite(EngineTime now);

  // When to ask again even if nothing happens.
  EngineTime NextTimer() const;

  // Writes as soon as there is anything to write, from now on: before a stop.
  void FlushSoon() { flush_now_ = true; }

  // ---- How it stands ---------------------------------------------------------------------------

  Position read_to() const { return read_to_; }
  // The position before the lowest unfinished record.
  Position checkpoint() const;
  Position written_checkpoint() const { return written_.checkpoint; }
  int64_t in_flight() const { return in_flight_; }
  // Nothing in flight, nothing to do or to write before something new comes.
  bool idle() const;
  bool paused() const { return paused_; }
  // Not OK: why nothing more is handled, until a kResume.
  const absl::Status& stopped() const { return stopped_; }
  // Not OK: why the line stands still for now.
  const absl::Status& outage() const { return outage_; }
  std::optional<Unfinished> LowestUnfinished() const;
  int64_t parked_records() const { return parked_records_; }
  int64_t parked_lanes() const { return static_cast<int64_t>(parked_.size()); }
  int64_t dropped() const { return dropped_; }  // parked records whose events were gone

  // What has been parked since this was asked last.
  std::vector<ParkedRecord> TakeNewlyParked() { return std::exchange(newly_parked_, {}); }

 private:
  static constexpr uint64_t kNone = ~uint64_t{0};
  static constexpr EngineTime kNever = EngineTime::max();

  enum class State : char { kWaiting, kReady, kInFlight, kBackingOff, kFinished };

  struct Lane {
    std::string_view key;
    uint64_t first = kNone;  // numbers of entries
    uint64_t last = kNone;
  };
  struct Entry {
    Record record;
    Position position;
    Lane* lane = nullptr;
    uint64_t behind = kNone;  // the next of its lane
    State state = State::kWaiting;
    int attempts = 0;
    EngineTime next_try = {};
    absl::Status last_error = absl::OkStatus();
  };
  struct ParkedLane {
    std::map<Position, ParkedRecord> rows;
    bool replaying = false;
    bool in_flight = false;
  };
  using ParkedLanes = std::map<std::string, ParkedLane, std::less<>>;

  Entry& At(uint64_t number) { return entries_[number - first_number_]; }
  uint64_t NumberOf(Position position) const;
  bool HasRoomFor(int64_t records, bool new_lane);
  void AddEntry(EngineRecord record);
  void AddParked(ParkedLane& lane, ParkedRecord row);
  void MakeReady(uint64_t number);
  void Finish(uint64_t number);
  void PopFinished();
  void Fail(uint64_t number, const Outcome& outcome, EngineTime now, RecordedTime wall);
  void Park(uint64_t number, const absl::Status& why, RecordedTime wall);
  void CompleteParked(Position position, const Outcome& outcome, EngineTime now, RecordedTime wall);
  void RemoveRow(ParkedLanes::iterator lane, Position position);
  void StopLine(const absl::Status& why, EngineTime now);
  void Stop(absl::Status why) { stopped_ = std::move(why); }
  void Resume();
  absl::Status StartReplay(ParkedLanes::iterator lane);
  absl::Status Discard(const Control& control);
  EngineWrite Collect();
  EngineWrite CollectReset();
  void ApplyReset();
  // While nothing can be written, nothing is handled either: it would only be repeated.
  bool HoldsBack() const {
    return paused_ || !stopped_.ok() || reset_to_.has_value() || write_failures_ > 0;
  }
  bool IsDirty() const;
  std::chrono::nanoseconds Pause(const Backoff& backoff, int failures);

  const EngineOptions options_;
  std::mt19937_64 random_;

  Position read_to_;
  std::deque<Entry> entries_;
  uint64_t first_number_ = 0;  // of entries_.front()
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  std::unordered_map<std::string, Lane, Hash, std::equal_to<>> lanes_;
  using Numbers = std::priority_queue<uint64_t, std::vector<uint64_t>, std::greater<>>;
  Numbers ready_;
  std::set<std::pair<EngineTime, uint64_t>> backing_off_;
  int64_t in_flight_ = 0;

  ParkedLanes parked_;
  std::map<Position, ParkedLanes::iterator> replays_in_flight_;
  std::deque<std::string> replays_ready_;  // lanes
  bool replay_next_ = true;                // replays and live records take turns
  int64_t parked_records_ = 0;
  int64_t dropped_ = 0;
  std::vector<ParkedRecord> newly_parked_;

  // An outage: until when, after how many failures. The first record then goes alone.
  absl::Status outage_ = absl::OkStatus();
  EngineTime outage_until_ = {};
  int outage_failures_ = 0;

  bool paused_ = false;
  absl::Status stopped_ = absl::OkStatus();
  std::optional<Position> reset_to_;
  Answer reset_answer_;

  // What is to be written; while a write is under way, what has come since.
  std::map<Position, ParkedRecord> rows_to_write_;
  std::set<Position> rows_to_remove_;
  std::vector<Answer> answers_;
  int64_t finished_ = 0;  // since the last write
  bool flush_now_ = false;
  EngineTime dirty_since_ = kNever;
  EngineTime next_write_ = {};  // after one that failed
  int write_failures_ = 0;
  bool writing_ = false;
  bool writing_reset_ = false;
  EngineWrite in_write_;
  struct {
    Position checkpoint;
    bool paused;
  } written_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_ENGINE_H_
