// A simulated world around an engine: a log, the file of its rows, a handler, other owners,
// requests and a clock. Everything in it follows from one seed; there are no threads, and nothing
// sleeps.

#ifndef DAYBOOK_TESTS_SUBSCRIPTION_ENGINE_WORLD_H_
#define DAYBOOK_TESTS_SUBSCRIPTION_ENGINE_WORLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "subscription/engine.h"
#include "subscription/engine_model.h"

namespace daybook::internal {

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}

  // From 0 to n - 1. Splitmix64.
  int64_t Below(int64_t n) {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<int64_t>((z ^ (z >> 31)) % static_cast<uint64_t>(n));
  }
  int64_t From(int64_t least, int64_t most) { return least + Below(most - least + 1); }
  bool Chance(int64_t percent) { return Below(100) < percent; }

 private:
  uint64_t state_;
};

class World {
 public:
  struct Seen {
    int64_t parks = 0;
    int64_t crashes = 0;
    int64_t lease_changes = 0;
    int64_t resets = 0;
    int64_t most_repeats = 0;  // that a crash or a theft could cause
  };

  // `trace`: where to tell what happens.
  explicit World(uint64_t seed, std::vector<std::string>* trace = nullptr);

  // A history, at the end of which everything succeeds. Throws WrongStep.
  Seen Run();

 private:
  struct Event {
    std::string lane = {};
    bool wanted = true;  // by the filter
    bool poison = false;
    bool deleted = false;
    bool handled = false;    // since the last reset to before it
    bool excused = false;    // a discard was asked for, or a reset past it
    bool discarded = false;  // that was answered: it must not be handled
  };
  // What survives.
  struct File {
    Position checkpoint = {};
    bool paused = false;
    std::map<Position, ParkedRecord> parked = {};
    int64_t epoch = 0;
  };
  struct InFlight {
    Position position = {};
    int64_t resets = 0;  // when it was handed out
  };
  struct Owner {
    Owner(const EngineOptions& options, const EngineState& state)
        : engine(options, state), model(options, state) {}
    Engine engine;
    EngineModel model;
    int64_t epoch = 0;
    std::vector<InFlight> in_flight = {};
    std::optional<EngineWrite> write = {};
    int64_t told_parked = 0;
    std::set<Position> handled = {};  // successfully
    int64_t successes = 0;
    int64_t successes_at_write = 0;  // when the last write was made up
    int64_t successes_in_file = 0;   // when the last one was that is in the file
    std::set<std::string> requests = {};
  };

  void ChooseOptions();
  void Step();
  void Settle();

  // What happens to the log.
  void Append();
  void Delete();

  // What happens to the owner.
  void Begin();
  void Read(int64_t most);
  void HandOut(const Dispatch& dispatch);
  void CompleteSome();
  void Succeed(Owner& owner, const InFlight& one);
  void Complete(Owner& owner, size_t index, const Outcome& outcome);
  Outcome Draw(const Event& event);
  void Ask();
  Control RandomControl();
  void Deliver(const Control& control);
  void Tick();
  void EndWrite();
  void AskForMore();
  void Crash();
  void Steal();
  void StopInOrder();
  void StaleOnesGoOn();
  void CountRepeats();

  // What happens to the file.
  void Apply(const EngineWrite& write, Owner& owner);
  void ApplyReset(Position to);
  void NothingUnfinishedIsPassed() const;

  Event& At(Position position) { return log_[static_cast<size_t>(position.value() - 1)]; }
  Position head() const { return Position(static_cast<int64_t>(log_.size())); }
  template <typename... Parts>
  void Note(const Parts&... parts) {
    if (trace_ != nullptr) trace_->push_back(absl::StrCat(parts...));
  }

  Dice dice_;
  std::vector<std::string>* const trace_;
  EngineOptions options_;
  int64_t lanes_ = 1;
  int64_t done_percent_ = 80;
  bool writes_take_time_ = false;
  bool answers_at_once_ = false;
  bool settling_ = false;

  EngineTime now_ = EngineTime(std::chrono::hours(1));
  std::vector<Event> log_;
  File file_;
  std::unique_ptr<Owner> owner_;
  std::vector<std::unique_ptr<Owner>> stale_;  // have lost the lease, and do not know
  std::map<std::string, Control> requests_;
  int64_t next_request_ = 1;
  int64_t resets_ = 0;
  Seen seen_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_TESTS_SUBSCRIPTION_ENGINE_WORLD_H_
