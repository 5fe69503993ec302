#ifndef DAYBOOK_SRC_SUBSCRIPTION_ENGINE_H_
#define DAYBOOK_SRC_SUBSCRIPTION_ENGINE_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "absl/status/status.h"
#include "daybook/event.h"
#include "daybook/subscription.h"
#include "subscription/engine_types.h"
#include "subscription/parking_lot.h"
#include "subscription/window.h"

namespace daybook::internal {

// Decides everything a subscription does, and does nothing: no threads, no clock, no I/O. Its owner
// tells it what happened, then asks what to do until there is nothing more, then waits for the next
// input or for NextTimer(). Not thread-safe.
//
// What is read stands in the window until it is done. A parked lane has rows in the parking lot
// instead, and whatever comes in joins them.
class Engine {
 public:
  Engine(const EngineOptions& options, EngineState state);

  // ---- What happened ---------------------------------------------------------------------------

  // A page of what follows read_to(), and how far it looked. REQUIRES: no more records than
  // Wanted().
  void OnPage(std::vector<EngineRecord> records, Position looked, RecordedTime wall);

  // REQUIRES: `position` is in flight.
  void OnCompletion(Position position, const Outcome& outcome, EngineTime now, RecordedTime wall);

  // How the last NextWrite() ended. On failure it comes again, after a pause in which nothing is
  // handed out; unless that was the end.
  void OnWritten(const absl::Status& written, EngineTime now);

  // Answered by a write: at once, but for a reset, which waits for what is in flight, and the
  // discard of a record that the file does not hold yet, which waits for the checkpoint to pass it.
  void OnControl(Control control);

  // The feed or the store has failed: nothing more is handled, until a kResume.
  void OnBroken(absl::Status why) { Stop(std::move(why)); }

  // ---- What to do ------------------------------------------------------------------------------

  std::optional<Dispatch> NextDispatch(EngineTime now);

  // How many records to read after read_to(); 0: none for now.
  int64_t Wanted() const;

  // Until OnWritten() there is no other.
  std::optional<EngineWrite> NextWrite(EngineTime now);

  // When to ask again even if nothing happens.
  EngineTime NextTimer() const;

  // What there is to write now is due at once.
  void FlushSoon() { flush_now_ = true; }

  // ---- How it stands ---------------------------------------------------------------------------

  Position read_to() const { return read_to_; }
  // The position before the lowest unfinished record.
  Position checkpoint() const { return window_.empty() ? read_to_ : window_.lowest().position - 1; }
  Position written_checkpoint() const { return written_checkpoint_; }
  int64_t in_flight() const { return in_flight_; }
  bool paused() const { return paused_; }
  // Not OK: why nothing more is handled, until a kResume or a kReset.
  const absl::Status& stopped() const { return stopped_; }
  // Not OK: why the line stands still for now.
  const absl::Status& outage() const { return outage_; }
  std::optional<Unfinished> LowestUnfinished() const;
  int64_t parked_records() const { return lot_.records(); }
  int64_t parked_lanes() const { return lot_.lanes(); }
  int64_t dropped() const { return dropped_; }  // parked records whose events were gone

  // What has been parked since this was asked last.
  std::vector<ParkedRecord> TakeNewlyParked() { return lot_.TakeAdded(); }

 private:
  void CompleteLive(Position position, const Outcome& outcome, EngineTime now, RecordedTime wall);
  void CompleteParked(Position position, const Outcome& outcome, RecordedTime wall);
  void Fail(Window::Entry& entry, const Outcome& outcome, EngineTime now, RecordedTime wall);
  void Park(Window::Entry& entry, const absl::Status& why, RecordedTime wall);
  void NoteOutage(const Outcome& outcome, EngineTime now);
  void Stop(absl::Status why) {
    if (stopped_.ok()) stopped_ = std::move(why);
  }
  void Resume();
  void AnswerWhenPassed(const absl::StatusOr<Position>& discarded, Answer answer);
  bool MayDispatch() const;
  // While nothing can be written, nothing is handled either: it would only be repeated.
  bool HoldsBack() const {
    return paused_ || !stopped_.ok() || reset_to_.has_value() || write_failures_ > 0;
  }
  bool IsDirty() const;
  bool HasDueAnswer() const { return !answers_.empty() && answers_.begin()->first <= checkpoint(); }
  bool IsUrgent() const {
    return flush_now_ || passed_ >= options_.checkpoint_every || HasDueAnswer();
  }
  bool ResetIsDue() const { return reset_to_.has_value() && in_flight_ == 0; }
  EngineWrite Collect();
  void ApplyReset();
  std::chrono::nanoseconds Pause(const Backoff& backoff, int failures);

  const EngineOptions options_;
  std::mt19937_64 random_;

  Position read_to_;
  Window window_;
  ParkingLot lot_;
  int64_t in_flight_ = 0;
  bool replay_next_ = true;  // replays and live records take turns
  int64_t dropped_;

  // An outage ends with a record that gets through: one alone is tried after each pause.
  absl::Status outage_ = absl::OkStatus();
  EngineTime outage_until_ = {};
  int outage_failures_ = 0;
  bool probing_ = false;

  bool paused_ = false;
  absl::Status stopped_ = absl::OkStatus();
  std::optional<Position> reset_to_;
  Answer reset_answer_;

  // What is to be written; while a write is under way, what has come since.
  std::multimap<Position, Answer> answers_;  // each by where the checkpoint must be
  int64_t passed_ = 0;                       // records that a write would make done in the file
  bool flush_now_ = false;
  EngineTime dirty_since_ = kNever;
  EngineTime next_write_ = {};  // after one that failed
  int write_failures_ = 0;
  bool writing_ = false;
  bool writing_reset_ = false;
  EngineWrite in_write_;
  Position written_checkpoint_;
  bool written_paused_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_ENGINE_H_
