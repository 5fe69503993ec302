// An engine that a test drives by hand, with a clock and a file of its own.

#ifndef DAYBOOK_TESTS_SUBSCRIPTION_ENGINE_DRIVER_H_
#define DAYBOOK_TESTS_SUBSCRIPTION_ENGINE_DRIVER_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "subscription/engine.h"

namespace daybook::internal {

using std::chrono::milliseconds;

class EngineTest : public ::testing::Test {
 protected:
  using Records = std::vector<std::pair<int64_t, std::string>>;  // position, lane

  struct File {
    int64_t checkpoint = 0;
    bool paused = false;
    int64_t dropped = 0;
    std::map<int64_t, ParkedRecord> parked = {};
    std::map<std::string, absl::StatusCode> answers = {};
  };

  static EngineOptions Options() {
    return {.max_in_flight = 10,
            .window = 100,
            .retry = {.max_attempts = 3,
                      .backoff = {.first = milliseconds(100), .longest = milliseconds(1000)},
                      .outage = {.first = milliseconds(1000), .longest = milliseconds(10'000)}},
            .checkpoint_every = 1000,
            .checkpoint_interval = milliseconds(1000)};
  }

  // A new engine, from what has been written.
  void Begin(const EngineOptions& options) {
    EngineState state{
        .checkpoint = Position(file_.checkpoint), .paused = file_.paused, .dropped = file_.dropped};
    for (const auto& [position, row] : file_.parked) state.parked.push_back(row);
    engine_ = std::make_unique<Engine>(options, std::move(state));
  }

  void Page(const Records& records, int64_t looked = 0) {
    static const auto any = std::make_shared<RecordedEvent>(RecordedEvent::Fields());
    std::vector<EngineRecord> page;
    for (const auto& [position, lane] : records) {
      page.push_back({.record = any, .position = Position(position), .lane = lane});
    }
    engine_->OnPage(std::move(page), Position(looked), wall_);
  }

  // A lane's records are parked, and that is written.
  void GivenParked(const Records& records, const EngineOptions& options = Options()) {
    Begin(options);
    Page(records);
    HandOut();
    Never(records.front().first);
    Flush();
  }

  // All that may be handed out now.
  std::vector<int64_t> HandOut() {
    std::vector<int64_t> positions;
    while (const std::optional<Dispatch> next = engine_->NextDispatch(now_)) {
      positions.push_back(next->position.value());
      last_ = *next;
    }
    return positions;
  }

  void End(int64_t position, Verdict verdict, absl::Status why = absl::OkStatus()) {
    engine_->OnCompletion(Position(position), {.verdict = verdict, .why = std::move(why)}, now_,
                          wall_);
  }
  void Done(int64_t position) {
    done_.insert(position);
    End(position, Verdict::kDone);
  }
  void Failed(int64_t position) { End(position, Verdict::kFailed, absl::InternalError("failed")); }
  void Never(int64_t position) { End(position, Verdict::kNever, absl::DataLossError("never")); }
  void Outage(int64_t position) {
    End(position, Verdict::kEverything, absl::UnavailableError("down"));
  }

  void NotNow(int64_t position) {
    End(position, Verdict::kNotNow, absl::UnavailableError("not now"));
  }
  void Halt(int64_t position) {
    End(position, Verdict::kHalt, absl::FailedPreconditionError("too old"));
  }

  // The write that is due now.
  std::optional<EngineWrite> NextWrite() {
    std::optional<EngineWrite> write = engine_->NextWrite(now_);
    if (write.has_value()) in_write_ = *write;
    return write;
  }
  void Written() {
    file_.checkpoint = in_write_.checkpoint.value();
    file_.paused = in_write_.paused;
    file_.dropped = engine_->dropped();
    for (const ParkedRecord& row : in_write_.parked) file_.parked[row.position.value()] = row;
    for (const Position position : in_write_.unparked) file_.parked.erase(position.value());
    for (const Answer& answer : in_write_.answers) file_.answers[answer.id] = answer.status.code();
    engine_->OnWritten(absl::OkStatus(), now_);
  }
  void NotWritten() { engine_->OnWritten(absl::UnavailableError("busy"), now_); }
  // All that there is to write.
  void Flush() {
    engine_->FlushSoon();
    while (NextWrite().has_value()) Written();
  }

  // Asks, and returns the answer once it is written.
  std::optional<absl::StatusCode> Ask(Control control) {
    if (control.id.empty()) control.id = std::to_string(next_id_++);
    const std::string id = control.id;
    engine_->OnControl(std::move(control));
    while (NextWrite().has_value()) Written();
    return AnswerTo(id);
  }
  std::optional<absl::StatusCode> AnswerTo(const std::string& id) {
    const auto found = file_.answers.find(id);
    return found == file_.answers.end() ? std::nullopt : std::optional(found->second);
  }

  std::vector<int64_t> Parked() const {
    std::vector<int64_t> positions;
    for (const auto& [position, row] : file_.parked) positions.push_back(position);
    return positions;
  }

  int64_t checkpoint() const { return engine_->checkpoint().value(); }

  EngineTime now_ = EngineTime(std::chrono::hours(1));
  RecordedTime wall_ = RecordedTime(std::chrono::microseconds(7));
  std::unique_ptr<Engine> engine_;
  Dispatch last_;
  std::set<int64_t> done_;
  File file_;
  EngineWrite in_write_;

 private:
  int next_id_ = 1;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_TESTS_SUBSCRIPTION_ENGINE_DRIVER_H_
