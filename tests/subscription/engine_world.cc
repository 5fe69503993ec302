#include "subscription/engine_world.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"

namespace daybook::internal {
namespace {

using std::chrono::milliseconds;

constexpr int kSteps = 150;
constexpr int kMostTurns = 1000;

}  // namespace

World::World(uint64_t seed, std::vector<std::string>* trace) : dice_(seed), trace_(trace) {
  ChooseOptions();
}

void World::ChooseOptions() {
  lanes_ = dice_.From(1, 5);
  done_percent_ = dice_.From(50, 95);
  writes_take_time_ = dice_.Chance(40);
  answers_at_once_ = dice_.Chance(20);
  const bool generous = dice_.Chance(60);
  options_ = {
      .max_in_flight = dice_.From(1, 6),
      .window = dice_.From(1, dice_.Chance(50) ? 4 : 16),
      .retry = {.max_attempts = static_cast<int>(dice_.From(1, 3)),
                .backoff = {.first = milliseconds(100), .longest = milliseconds(300)},
                .outage = {.first = milliseconds(1000), .longest = milliseconds(3000)}},
      .park = dice_.Chance(93),
      .limits = {.records = generous ? 1000 : dice_.From(1, 8),
                 .lanes = generous ? 100 : dice_.From(1, 3)},
      .checkpoint_every = dice_.From(1, 10),
      .checkpoint_interval = milliseconds(dice_.From(1, 2000)),
      .seed = static_cast<uint64_t>(dice_.Below(1000)),
  };
  Note("in flight ", options_.max_in_flight, ", window ", options_.window, ", attempts ",
       options_.retry.max_attempts, ", park ", options_.park, ", limits ", options_.limits.records,
       "/", options_.limits.lanes, ", every ", options_.checkpoint_every);
}

World::Seen World::Run() {
  const int64_t crash_at = dice_.Below(kSteps);
  const int64_t theft_at = dice_.Below(kSteps);
  for (int step = 0; step < kSteps; ++step) {
    if (step == crash_at) Crash();
    if (step == theft_at) Steal();
    Step();
  }
  Settle();
  return seen_;
}

void World::Step() {
  const int64_t roll = dice_.Below(1000);
  if (roll < 150) {
    Append();
  } else if (roll < 165) {
    Delete();
  } else if (owner_ == nullptr) {
    if (dice_.Chance(50)) Begin();
  } else if (roll < 420) {
    Read(dice_.From(1, 8));
  } else if (roll < 700) {
    CompleteSome();
  } else if (roll < 830) {
    Tick();
  } else if (roll < 890) {
    Ask();
  } else if (roll < 960) {
    EndWrite();
  } else if (roll < 970) {
    StopInOrder();
  } else if (roll < 975) {
    Crash();
  } else if (roll < 980) {
    Steal();
  } else {
    StaleOnesGoOn();
  }
  if (owner_ != nullptr) AskForMore();
}

// From now on everything succeeds, and whatever is parked is replayed.
void World::Settle() {
  Note("settle");
  settling_ = true;
  stale_.clear();
  for (int turn = 0;; ++turn) {
    Must(turn < kMostTurns, "it does not settle");
    if (owner_ == nullptr) Begin();
    Engine& engine = owner_->engine;
    for (const auto& [id, control] : std::map(requests_)) Deliver(control);
    if (engine.paused() || !engine.stopped().ok()) {
      Deliver({.kind = Control::kResume, .id = absl::StrCat("resume ", turn)});
    }
    if (engine.parked_records() > 0) {
      Deliver({.kind = Control::kReplayAll, .id = absl::StrCat("replay ", turn)});
    }
    AskForMore();
    while (!owner_->in_flight.empty()) CompleteSome();
    EndWrite();
    Read(8);
    AskForMore();
    if (engine.read_to() == head() && file_.checkpoint == head() && file_.parked.empty() &&
        owner_->model.idle() && requests_.empty()) {
      break;
    }
    Tick();
  }
  for (const Event& event : log_) {
    Must(!event.wanted || event.deleted || event.handled || event.excused,
         "a record was never handled");
  }
}

// ---- The log -----------------------------------------------------------------------------------

void World::Append() {
  for (int64_t i = dice_.From(1, 3); i > 0; --i) {
    log_.push_back({.lane = std::string(1, static_cast<char>('a' + dice_.Below(lanes_))),
                    .wanted = dice_.Chance(85),
                    .poison = dice_.Chance(8)});
    Note("append ", head().value(), " to ", log_.back().lane,
         log_.back().wanted ? "" : ", left out", log_.back().poison ? ", poison" : "");
  }
}

void World::Delete() {
  const std::string lane(1, static_cast<char>('a' + dice_.Below(lanes_)));
  const int64_t up_to = dice_.Below(head().value() + 1);
  for (int64_t i = 0; i < up_to; ++i) {
    if (log_[static_cast<size_t>(i)].lane == lane) log_[static_cast<size_t>(i)].deleted = true;
  }
  Note("delete ", lane, " up to ", up_to);
}

// ---- Ends --------------------------------------------------------------------------------------

// Of what was in work, some has had its effect.
void World::Crash() {
  if (owner_ == nullptr) return;
  for (const InFlight& one : owner_->in_flight) {
    if (!At(one.position).poison && dice_.Chance(50)) Succeed(*owner_, one);
  }
  Note("crash");
  if (owner_->write.has_value() && dice_.Chance(50)) Apply(*owner_->write, *owner_);
  CountRepeats();
  seen_.parks += owner_->model.parks();
  ++seen_.crashes;
  owner_.reset();
}

// Another finds that the lease has run out; this one goes on until it writes.
void World::Steal() {
  if (owner_ == nullptr) return;
  Note("theft");
  CountRepeats();
  seen_.parks += owner_->model.parks();
  ++seen_.lease_changes;
  stale_.push_back(std::move(owner_));
  Begin();
}

void World::StaleOnesGoOn() {
  if (stale_.empty()) return;
  Owner& stale = *stale_.front();
  if (!stale.in_flight.empty()) {
    Complete(stale, stale.in_flight.size() - 1, Draw(At(stale.in_flight.back().position)));
    return;
  }
  if (!stale.write.has_value()) stale.write = stale.engine.NextWrite(now_);
  Must(!stale.write.has_value() || stale.epoch < file_.epoch, "a stale write is not refused");
  Note("epoch ", stale.epoch, " learns that it has lost the lease");
  stale_.erase(stale_.begin());
}

void World::StopInOrder() {
  Note("stop");
  EndWrite();
  for (int turn = 0; !owner_->in_flight.empty(); ++turn) CompleteSome();
  owner_->engine.FlushSoon();
  if (std::optional<EngineWrite> write = owner_->engine.NextWrite(now_)) {
    owner_->model.OnWrite(*write);
    owner_->successes_at_write = owner_->successes;
    Apply(*write, *owner_);
  }
  seen_.parks += owner_->model.parks();
  ++seen_.lease_changes;
  owner_.reset();
}

// After a crash nothing is repeated but the window, and what was handled since the last write.
void World::CountRepeats() {
  int64_t repeats = 0;
  for (const Position position : owner_->handled) {
    if (position > file_.checkpoint || file_.parked.contains(position)) ++repeats;
  }
  Must(repeats <= options_.window + owner_->successes - owner_->successes_in_file,
       "too much would be repeated");
  seen_.most_repeats = std::max(seen_.most_repeats, repeats);
}

// ---- The file ----------------------------------------------------------------------------------

void World::Apply(const EngineWrite& write, Owner& owner) {
  Must(owner.epoch == file_.epoch, "a stale owner has written");
  const bool resets = owner.model.resets();
  Must(resets || write.checkpoint >= file_.checkpoint, "the checkpoint has fallen");
  file_.checkpoint = write.checkpoint;
  file_.paused = write.paused;
  for (const ParkedRecord& row : write.parked) file_.parked[row.position] = row;
  for (const Position position : write.unparked) file_.parked.erase(position);
  owner.successes_in_file = owner.successes_at_write;
  EngineModel::Rows rows;
  for (const auto& [position, row] : file_.parked) {
    rows[position] = {row.lane, row.attempts, row.reason.code()};
  }
  Must(rows == owner.model.expected_rows(), "the file holds other parked records than it should");
  if (resets) {
    ApplyReset(write.checkpoint);
    owner.handled.erase(owner.handled.upper_bound(write.checkpoint), owner.handled.end());
  }
  for (const Answer& answer : write.answers) {
    requests_.erase(answer.id);
    if (!answer.status.ok() || resets) continue;
    for (const Position position : owner.model.Discarded(answer.id)) At(position).discarded = true;
  }
  NothingUnfinishedIsPassed();
}

void World::ApplyReset(Position to) {
  ++resets_;
  ++seen_.resets;
  for (Position position(1); position <= head(); position = position + 1) {
    Event& event = At(position);
    if (position > to) {
      event.handled = event.excused = event.discarded = false;
    } else if (!event.handled && !file_.parked.contains(position)) {
      event.excused = true;
    }
  }
}

void World::NothingUnfinishedIsPassed() const {
  for (int64_t i = 0; i < file_.checkpoint.value(); ++i) {
    const Event& event = log_[static_cast<size_t>(i)];
    Must(!event.wanted || event.deleted || event.handled || event.excused ||
             file_.parked.contains(Position(i + 1)),
         "the written checkpoint passes an unfinished record");
  }
}

}  // namespace daybook::internal
