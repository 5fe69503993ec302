#ifndef DAYBOOK_SRC_SUBSCRIPTION_ENGINE_TYPES_H_
#define DAYBOOK_SRC_SUBSCRIPTION_ENGINE_TYPES_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daybook/event.h"
#include "daybook/subscription.h"

namespace daybook::internal {

// What an engine is told, and what it asks for.

using EngineTime = std::chrono::steady_clock::time_point;
inline constexpr EngineTime kNever = EngineTime::max();

struct EngineOptions {
  int64_t max_in_flight = 1;
  int64_t window = 4096;
  RetryPolicy retry = {};
  bool park = true;
  ParkingLimits limits = {};
  int64_t checkpoint_every = 1000;  // records
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
  kNotNow,      // the same, but the attempt does not count
  kNever,       // this record, whatever is tried
  kEverything,  // any record would have failed
  kHalt,        // nothing may go on until somebody has acted
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
  std::vector<Position> unparked = {};    // rows to remove, whether they are there or not
  std::vector<Answer> answers = {};       // given when this is written
};

// What it starts from. Parked records beyond the checkpoint are read, and tried, anew.
struct EngineState {
  Position checkpoint = {};
  bool paused = false;
  std::vector<ParkedRecord> parked = {};
  int64_t dropped = 0;  // so far: parked records whose events were gone
};

// The lowest record that is not done.
struct Unfinished {
  Position position = {};
  std::string lane = {};
  int attempts = 0;  // that failed
  bool in_flight = false;
  EngineTime in_flight_since = {};
  RecordedTime recorded = {};
  absl::Status last_error = absl::OkStatus();
  std::optional<EngineTime> next_try = {};
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_ENGINE_TYPES_H_
