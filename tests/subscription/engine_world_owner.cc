#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "subscription/engine_world.h"

namespace daybook::internal {
namespace {

using std::chrono::milliseconds;

constexpr int kMostTurnsToRest = 10'000;

Record AnyRecord() {
  static const Record* const record =
      new Record(std::make_shared<RecordedEvent>(RecordedEvent::Fields()));
  return *record;
}

const char* Name(Verdict verdict) {
  constexpr const char* kNames[] = {"done",       "failed", "not now", "never",
                                    "everything", "halt",   "gone"};
  return kNames[static_cast<int>(verdict)];
}

const char* Name(Control::Kind kind) {
  constexpr const char* kNames[] = {"pause",      "resume",         "reset",       "replay lane",
                                    "replay all", "discard record", "discard lane"};
  return kNames[kind];
}

std::string List(const std::vector<Position>& positions) {
  return absl::StrJoin(positions, ",", [](std::string* out, Position position) {
    absl::StrAppend(out, position.value());
  });
}

}  // namespace

void World::Begin() {
  EngineState state{.checkpoint = file_.checkpoint, .paused = file_.paused};
  for (const auto& [position, row] : file_.parked) state.parked.push_back(row);
  owner_ = std::make_unique<Owner>(options_, state);
  owner_->epoch = ++file_.epoch;
  Note("epoch ", file_.epoch, " begins at ", file_.checkpoint.value());
}

void World::Read(int64_t most) {
  const int64_t wanted = std::min(owner_->engine.Wanted(), most);
  if (wanted == 0) return;
  std::vector<EngineRecord> page;
  std::vector<Position> positions;
  Position looked = owner_->engine.read_to();
  while (looked < head() && static_cast<int64_t>(page.size()) < wanted) {
    looked = looked + 1;
    const Event& event = At(looked);
    if (!event.wanted || event.deleted) continue;
    page.push_back({.record = AnyRecord(), .position = looked, .lane = event.lane});
    positions.push_back(looked);
  }
  Note("page ", List(positions), ", looked to ", looked.value());
  owner_->model.OnPage(page, looked);
  owner_->engine.OnPage(std::move(page), looked, RecordedTime());
}

void World::HandOut(const Dispatch& dispatch) {
  const bool replay = dispatch.record == nullptr;
  Note(replay ? "replay " : "hand out ", dispatch.position.value());
  owner_->model.OnDispatch(dispatch, now_);
  const Event& event = At(dispatch.position);
  Must(dispatch.position > file_.checkpoint || file_.parked.contains(dispatch.position),
       "handed out although the file says that it is done");
  Must(!event.discarded, "handed out although it was discarded");
  owner_->in_flight.push_back({dispatch.position, resets_});
  if (replay && event.deleted) {
    Complete(*owner_, owner_->in_flight.size() - 1, {.verdict = Verdict::kGone});
  } else if (answers_at_once_) {
    Complete(*owner_, owner_->in_flight.size() - 1, Draw(event));
  }
}

void World::CompleteSome() {
  if (owner_->in_flight.empty()) return;
  const auto index =
      static_cast<size_t>(dice_.Below(static_cast<int64_t>(owner_->in_flight.size())));
  Complete(*owner_, index, Draw(At(owner_->in_flight[index].position)));
}

Outcome World::Draw(const Event& event) {
  if (settling_ || (!event.poison && dice_.Chance(done_percent_))) return {};
  const int64_t roll = dice_.Below(100);
  if (roll < 12) return {Verdict::kEverything, absl::UnavailableError("nothing works")};
  if (roll < 14) return {Verdict::kHalt, absl::FailedPreconditionError("too old")};
  if (roll < 18) return {Verdict::kNotNow, absl::UnavailableError("not now")};
  if (event.poison || roll < 30) return {Verdict::kNever, absl::DataLossError("poison")};
  return {Verdict::kFailed, absl::InternalError("it threw")};
}

void World::Succeed(Owner& owner, const InFlight& one) {
  if (one.resets != resets_) return;
  At(one.position).handled = true;
  owner.handled.insert(one.position);
  ++owner.successes;
}

void World::Complete(Owner& owner, size_t index, const Outcome& outcome) {
  const InFlight ended = owner.in_flight[index];
  owner.in_flight.erase(owner.in_flight.begin() + static_cast<int64_t>(index));
  Note("epoch ", owner.epoch, ": ", ended.position.value(), " ", Name(outcome.verdict));
  if (outcome.verdict == Verdict::kDone) Succeed(owner, ended);
  owner.model.OnCompletion(ended.position, outcome, now_);
  owner.engine.OnCompletion(ended.position, outcome, now_, RecordedTime());
}

Control World::RandomControl() {
  constexpr Control::Kind kKinds[] = {
      Control::kPause,      Control::kResume,        Control::kResume,     Control::kReset,
      Control::kReplayLane, Control::kReplayLane,    Control::kReplayAll,  Control::kReplayAll,
      Control::kReplayAll,  Control::kDiscardRecord, Control::kDiscardLane};
  Control control{.kind = kKinds[dice_.Below(std::size(kKinds))],
                  .position = Position(dice_.Below(head().value() + 1)),
                  .lane = std::string(1, static_cast<char>('a' + dice_.Below(lanes_))),
                  .id = absl::StrCat(next_request_++)};
  const EngineModel::Rows& parked = owner_->model.parked();
  if (control.kind == Control::kDiscardRecord && !parked.empty()) {
    control.position =
        std::next(parked.begin(), dice_.Below(static_cast<int64_t>(parked.size())))->first;
  }
  return control;
}

// A new request, or one that a former owner has left unanswered.
void World::Ask() {
  if (requests_.empty() || dice_.Chance(70)) {
    const Control control = RandomControl();
    requests_[control.id] = control;
    if (dice_.Chance(70)) Deliver(control);
  } else {
    Deliver(requests_.begin()->second);
  }
}

void World::Deliver(const Control& control) {
  if (!owner_->requests.insert(control.id).second) return;
  Note(Name(control.kind), " ", control.position.value(), " ", control.lane, ", request ",
       control.id);
  owner_->model.OnControl(control);
  owner_->engine.OnControl(control);
  for (const Position position : owner_->model.discarded_last()) At(position).excused = true;
}

// An owner sleeps until the timer: before it, nothing may be due.
void World::Tick() {
  const EngineTime timer = owner_->engine.NextTimer();
  if (timer != kNever && dice_.Chance(60)) {
    now_ = std::max(now_, timer);
  } else {
    now_ += milliseconds(dice_.From(1, 500));
  }
  Note("it is ", (now_ - EngineTime(std::chrono::hours(1))) / milliseconds(1), " ms");
  if (now_ < timer) owner_->model.AtRest(owner_->engine, now_);
}

// What an owner does after each input.
void World::AskForMore() {
  for (int turn = 0;; ++turn) {
    Must(turn < kMostTurnsToRest, "it never comes to rest");
    if (const std::optional<Dispatch> dispatch = owner_->engine.NextDispatch(now_)) {
      HandOut(*dispatch);
      continue;
    }
    std::optional<EngineWrite> write = owner_->engine.NextWrite(now_);
    if (!write.has_value()) break;
    Note("write ", write->checkpoint.value(), ", ", write->parked.size(), " parked, without ",
         List(write->unparked), ", ", write->answers.size(), " answers");
    owner_->model.OnWrite(*write);
    owner_->write = *std::move(write);
    owner_->successes_at_write = owner_->successes;
    if (!writes_take_time_) EndWrite();
  }
  owner_->told_parked += static_cast<int64_t>(owner_->engine.TakeNewlyParked().size());
  Must(owner_->told_parked == owner_->model.parks(), "not every parked record is told of");
  owner_->model.AtRest(owner_->engine, now_);
}

void World::EndWrite() {
  if (!owner_->write.has_value()) return;
  const bool fails = !settling_ && dice_.Chance(10);
  // What failed may have happened all the same.
  const bool happens = !fails || dice_.Chance(30);
  Note("the write ", fails ? "fails" : "succeeds", happens == fails ? " but happened" : "");
  if (happens) Apply(*owner_->write, *owner_);
  owner_->write.reset();
  owner_->model.OnWritten(!fails, now_);
  owner_->engine.OnWritten(fails ? absl::UnavailableError("busy") : absl::OkStatus(), now_);
}

}  // namespace daybook::internal
