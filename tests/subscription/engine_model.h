// What a subscription has to do, told in the plainest way: sets of records, looked through one by
// one. It hears what an engine hears, and says whether what the engine asks for is right.

#ifndef DAYBOOK_TESTS_SUBSCRIPTION_ENGINE_MODEL_H_
#define DAYBOOK_TESTS_SUBSCRIPTION_ENGINE_MODEL_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "subscription/engine.h"

namespace daybook::internal {

// Ends a history: what should not have happened.
struct WrongStep : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void Must(bool holds, const char* what) {
  if (!holds) throw WrongStep(what);
}

class EngineModel {
 public:
  struct Row {
    std::string lane = {};
    int attempts = 0;
    absl::StatusCode code = {};
    friend bool operator==(const Row&, const Row&) = default;
  };
  using Rows = std::map<Position, Row>;

  EngineModel(const EngineOptions& options, const EngineState& state);

  // ---- What the engine hears -------------------------------------------------------------------

  void OnPage(const std::vector<EngineRecord>& records, Position looked);
  void OnCompletion(Position position, const Outcome& outcome, EngineTime now);
  void OnControl(const Control& control);
  void OnWritten(bool written, EngineTime now);

  // ---- What it asks for ------------------------------------------------------------------------

  void OnDispatch(const Dispatch& dispatch, EngineTime now);
  void OnWrite(const EngineWrite& write);
  // It has been asked until there was nothing more.
  void AtRest(const Engine& engine, EngineTime now);

  // ---- How it stands ---------------------------------------------------------------------------

  Position checkpoint() const;
  const Rows& parked() const { return parked_; }
  // The rows that the file must hold once the last OnWrite() is written, and whether that resets.
  const Rows& expected_rows() const { return expected_rows_; }
  bool resets() const { return writing_reset_; }
  // What a discard, by the id of its control, took away.
  const std::set<Position>& Discarded(const std::string& id) { return discarded_[id]; }
  const std::set<Position>& discarded_last() const { return discarded_last_; }
  int64_t parks() const { return parks_; }
  bool idle() const;

 private:
  struct Live {
    std::string lane = {};
    bool in_flight = false;
    int attempts = 0;
    std::optional<EngineTime> failed_at = {};
    std::chrono::nanoseconds pause = {};  // the longest it may be
  };
  struct DueAnswer {
    absl::StatusCode code = {};
    Position due = {};
  };

  bool Held() const {
    return paused_ || stopped_ != absl::StatusCode::kOk || reset_to_.has_value() ||
           write_failed_at_.has_value();
  }
  bool IsFirst(Position position) const;
  std::set<std::string> ParkedLanes() const;
  Position Front(const std::string& lane) const;
  bool IsParked(const std::string& lane) const;
  void Stop(absl::StatusCode why);
  void FailLive(Position position, const Outcome& outcome, EngineTime now);
  void CompleteParked(Position position, const Outcome& outcome);
  void NoteOutage(const Outcome& outcome, EngineTime now);
  absl::StatusCode Replay(const std::string& lane);
  void Discard(const Control& control);
  void ApplyReset();
  Rows RowsUpTo(Position position) const;
  bool IsDirty() const;
  void NothingIsLeftToDispatch(EngineTime now) const;
  void NothingIsLeftToWrite(EngineTime now);

  const EngineOptions options_;
  Position read_to_;
  std::map<Position, Live> live_;  // read, and not finished
  std::set<Position> beyond_;      // all that were read beyond the checkpoint
  Rows parked_;
  std::set<std::string> replaying_;
  std::set<Position> in_flight_;  // of both kinds
  int64_t parks_ = 0;
  int64_t dropped_ = 0;

  bool paused_;
  absl::StatusCode stopped_ = absl::StatusCode::kOk;
  std::optional<Position> reset_to_;
  std::string reset_id_;

  bool outage_ = false;
  bool probing_ = false;
  int outage_failures_ = 0;
  std::optional<EngineTime> outage_at_;  // nothing: it may be tried at once

  std::map<std::string, DueAnswer> answers_;
  std::map<std::string, std::set<Position>> discarded_;
  std::set<Position> discarded_last_;

  bool writing_ = false;
  bool writing_reset_ = false;
  bool expected_paused_ = false;
  Position expected_checkpoint_;
  std::map<std::string, DueAnswer> answers_in_write_;
  Rows expected_rows_;
  Position written_checkpoint_;
  bool written_paused_;
  Rows written_rows_;
  std::optional<EngineTime> write_failed_at_;
  std::optional<EngineTime> dirty_since_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_TESTS_SUBSCRIPTION_ENGINE_MODEL_H_
