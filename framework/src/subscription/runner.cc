#include "subscription/runner.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daybook/status.h"
#include "make_status.h"
#include "status_macros.h"
#include "subscription/outcome.h"
#include "subscription/rows.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr int64_t kPageRecords = 512;

// After so many records, or so long, the loop looks at what else has come.
constexpr int kSliceRecords = 256;
constexpr milliseconds kSlice(20);
constexpr int kDefaultInFlight = 1000;

// The loop turns at least so often, for Health() to see, and in case a wake-up was lost.
constexpr milliseconds kHeartbeat(500);
constexpr milliseconds kPublishEvery(100);

SubscriptionOptions WithDefaults(SubscriptionOptions options, const Handler& handler) {
  if (options.max_in_flight == 0) {
    options.max_in_flight =
        handler.later() == nullptr ? 1 : std::clamp(options.window, 1, kDefaultInFlight);
  }
  return options;
}

Filter FilterOf(const SubscriptionOptions& options, const Handler& handler) {
  return {.category = options.category,
          .types = options.types.empty() ? handler.types() : options.types,
          .stream_prefix = options.stream_prefix};
}

}  // namespace

Runner::Runner(EventStore& store, SubscriptionOptions options, Handler handler, Effects* effects)
    : store_(store),
      options_(WithDefaults(std::move(options), handler)),
      handler_(std::move(handler)),
      effects_(effects),
      hub_(Hub::Of(store)),
      feed_(store, hub_->recent(), FilterOf(options_, handler_)),
      rows_(store, hub_->leases(), options_.name, this) {}

Runner::~Runner() { Stop(); }

// ---- Called from outside -----------------------------------------------------------------------

absl::Status Runner::Start() {
  DAYBOOK_RETURN_IF_ERROR(Prepare());
  absl::Status begun = TakeLease();
  if (!begun.ok()) {
    EndDriving();
    return begun;
  }
  Publish();
  hub_->Join(*this);
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

absl::Status Runner::Prepare() {
  DAYBOOK_RETURN_IF_ERROR(CheckOptions(options_, handler_.later() != nullptr));
  if (const absl::Status usable = handler_.Check(); !usable.ok()) {
    return MakeStatus(usable.code(),
                      absl::StrCat("subscription '", options_.name, "': ", usable.message()));
  }
  MutexLock lock(mutex_);
  if (started_) {
    return MakeStatus(absl::StatusCode::kFailedPrecondition,
                      absl::StrCat("subscription '", options_.name, "' has been started before"));
  }
  started_ = true;
  is_driven_ = true;
  try_again_ = {};
  if (!removed_or_dead_) trouble_ = absl::OkStatus();
  if (handler_.function() != nullptr && options_.max_in_flight > 1) {
    workers_.emplace(options_.max_in_flight);
  }
  return absl::OkStatus();
}

void Runner::EndDriving() {
  is_driven_ = false;
  Publish();
  MutexLock lock(mutex_);
  started_ = false;
}

void Runner::AbortIfCalledByItsHandler() const {
  if (std::this_thread::get_id() != driver_.load() && (!workers_ || !workers_->IsHere())) return;
  std::fputs("daybook: a subscription was stopped or destroyed by its own handler or observer\n",
             stderr);
  std::abort();
}

void Runner::Stop() {
  AbortIfCalledByItsHandler();
  stopping_ = true;
  inbox_->Wake();
  if (!thread_.joinable()) return;
  thread_.join();
  hub_->Leave(*this);
}

absl::Status Runner::CatchUp() {
  DAYBOOK_RETURN_IF_ERROR(Prepare());
  hub_->Join(*this);
  absl::Status ended = TakeLease();
  driver_ = std::this_thread::get_id();
  if (ended.ok() && !engine_.has_value()) {
    ended = MakeStatus(
        absl::StatusCode::kUnavailable,
        absl::StrCat("subscription '", options_.name, "' is run by ", rows_.owner().description()));
  }
  if (ended.ok()) ended = hub_->DeliverRequests();  // those that wait for an owner
  EngineTime next_publish = {};
  while (ended.ok()) {
    const bool busy = Turn();
    if (steady_clock::now() >= next_publish) {
      Publish();
      next_publish = steady_clock::now() + kPublishEvery;
    }
    if (busy) continue;
    if (!engine_.has_value()) {
      ended = trouble_;
    } else if (engine_->in_flight() > 0) {
      inbox_->Wait(steady_clock::now() + kHeartbeat);
    } else if (ended = HeldBackBy(); ended.ok()) {
      ended = hub_->RefreshHead();
      if (hub_->head() <= engine_->read_to()) break;
    }
  }
  if (engine_.has_value()) {
    const absl::Status finished = FinishWork();
    if (ended.ok()) ended = finished;
  }
  driver_ = std::thread::id();
  hub_->Leave(*this);
  trouble_ = ended;
  EndDriving();
  return ended;
}

void Runner::OnRequest(const RequestRow& request, const Row& stored) {
  inbox_->Add(Inbox::Request{.row = request, .stored = stored});
}

// ---- The loop ----------------------------------------------------------------------------------

void Runner::Run() {
  driver_ = std::this_thread::get_id();
  absl::Status died = absl::OkStatus();
  try {
    while (!stopping_) {
      const bool busy = engine_.has_value() ? Turn() : TakeLease().ok() && engine_.has_value();
      Publish();
      if (!busy) WaitForInput();
    }
    if (engine_.has_value()) FinishWork().IgnoreError();
  } catch (...) {
    died = FromCurrentException("the subscription's loop");
  }
  if (!died.ok()) {
    if (effects_ != nullptr) effects_->RollBack();
    engine_.reset();
    rows_.Forget();
    trouble_ = died;
    removed_or_dead_ = true;
  }
  is_driven_ = false;
  Publish();
  driver_ = std::thread::id();
}

// True if there may be more to do at once.
bool Runner::Turn() {
  TakeInput();
  const EngineTime now = steady_clock::now();
  Beat(now);
  if (!LeaseHolds(now)) return false;
  if (!remove_request_.empty() && engine_->in_flight() == 0) {
    Remove();
    return false;
  }
  bool busy = DispatchSome();
  if (!engine_.has_value()) return OutcomeOf(trouble_).verdict == Verdict::kNotNow && BeginAnew();
  for (const ParkedRecord& record : engine_->TakeNewlyParked()) {
    if (options_.on_parked) options_.on_parked(record);
  }
  busy |= ReadSome();
  busy |= WriteIfDue(busy);
  if (engine_.has_value() && !begun_.ok() && engine_->stopped().ok()) {
    DropLease(begun_);  // it was resumed
    return BeginAnew();
  }
  return busy;
}

void Runner::TakeInput() {
  Inbox::Input input = inbox_->Take();
  const EngineTime now = steady_clock::now();
  for (const Inbox::Completed& completed : input.completed) {
    --outstanding_;
    if (!engine_.has_value() || completed.generation != generation_) continue;
    engine_->OnCompletion(completed.position, OutcomeOf(completed.status), now, WallNow());
  }
  if (!engine_.has_value()) return;
  for (const Inbox::Request& request : input.requests) {
    if (Accept(request)) Act(request.row, request.stored.key);
  }
}

// False: it is known, or was withdrawn before it could be accepted.
bool Runner::Accept(const Inbox::Request& request) {
  if (!seen_requests_.insert(request.stored.key).second) return false;
  RequestRow accepted = request.row;
  accepted.set_accepted(true);
  Row row = request.stored;
  row.value = accepted.SerializeAsString();
  const absl::Status written =
      store_.Append({.row_checks = {request.stored}, .row_changes = {row}}).status();
  if (!written.ok() && !IsConflict(written)) seen_requests_.erase(request.stored.key);  // later
  return written.ok();
}

void Runner::Act(const RequestRow& request, const std::string& id) {
  if (!remove_request_.empty()) return;  // who asks finds that it is gone
  if (request.kind() == kRemoveRequest) {
    remove_request_ = id;
    engine_->OnBroken(MakeStatus(absl::StatusCode::kFailedPrecondition, "it is being removed"));
  } else if (effects_ != nullptr && request.kind() == Control::kReset) {
    refusals_.push_back({.id = id, .status = ResetOfAProjection()});
  } else {
    engine_->OnControl({.kind = static_cast<Control::Kind>(request.kind()),
                        .position = Position(request.position()),
                        .lane = request.lane(),
                        .id = id});
  }
}

bool Runner::DispatchSome() {
  EngineTime now = steady_clock::now();
  const EngineTime end = std::min(now + kSlice, hub_->leases().valid_until());
  int dispatched = 0;
  const int most = std::min(kSliceRecords, options_.checkpoint_every);
  while (dispatched < most && now < end && !stopping_) {
    std::optional<Dispatch> next = engine_->NextDispatch(now);
    if (!next.has_value()) break;
    ++dispatched;
    Handle(*std::move(next));
    if (!engine_.has_value()) break;
    now = steady_clock::now();
    Beat(now);
    if (effects_ != nullptr && effects_->IsFull()) {
      engine_->FlushSoon();
      break;
    }
  }
  return dispatched > 0;
}

void Runner::Handle(Dispatch dispatch) {
  const Position position = dispatch.position;
  if (dispatch.record == nullptr) {
    absl::StatusOr<Record> found = feed_.Find(position);
    if (!found.ok() || *found == nullptr) {
      const Verdict verdict = found.ok() ? Verdict::kGone : Verdict::kEverything;
      engine_->OnCompletion(position, {.verdict = verdict, .why = found.status()},
                            steady_clock::now(), WallNow());
      return;
    }
    dispatch.record = *std::move(found);
  }
  if (effects_ != nullptr) {
    if (const absl::Status begun = effects_->BeginBatch(); !begun.ok()) return DropLease(begun);
  }
  if (handler_.later() == nullptr && !workers_.has_value()) {
    peephole_.Open();
    const absl::Status status = Call(handler_.function(), *dispatch.record);
    peephole_.Close();
    const Outcome outcome = OutcomeOf(status);
    if (effects_ != nullptr && outcome.verdict == Verdict::kNotNow) return DropLease(status);
    engine_->OnCompletion(position, outcome, steady_clock::now(), WallNow());
    return;
  }
  ++outstanding_;
  Completion done([inbox = inbox_, generation = generation_, position](absl::Status status) {
    inbox->Add(Inbox::Completed{
        .generation = generation, .position = position, .status = std::move(status)});
  });
  if (workers_.has_value()) {
    // A std::function must be copyable.
    auto shared = std::make_shared<Completion>(std::move(done));
    workers_->Run([this, record = std::move(dispatch.record), shared] {
      (*shared)(Call(handler_.function(), *record));
    });
    return;
  }
  try {
    handler_.later()(std::move(dispatch.record), std::move(done));
  } catch (...) {
    // The completion went with it, and has said so.
  }
}

bool Runner::ReadSome() {
  const int64_t wanted = engine_->Wanted();
  // A nearly full window is not worth a page.
  if (wanted < std::max<int64_t>(1, std::min<int64_t>(kPageRecords / 2, options_.window / 2))) {
    return false;
  }
  if (hub_->head() <= engine_->read_to() || steady_clock::now() < try_again_) return false;
  absl::StatusOr<FeedPage> page =
      feed_.Read(engine_->read_to(), std::min(wanted, kPageRecords), hub_->head());
  absl::Status read = page.status();
  std::vector<EngineRecord> records;
  for (size_t i = 0; read.ok() && i < page->records.size(); ++i) {
    Record& record = page->records[i];
    absl::StatusOr<std::string> lane = LaneOf(options_, *record);
    read = lane.status();
    if (!read.ok()) break;
    const Position position = record->position();
    records.push_back(
        {.record = std::move(record), .position = position, .lane = *std::move(lane)});
  }
  trouble_ = IsTransient(read) ? read : absl::OkStatus();
  if (read.ok()) {
    engine_->OnPage(std::move(records), page->looked, WallNow());
    return true;
  }
  if (IsTransient(read)) {
    try_again_ = steady_clock::now() + kPauseAfterTrouble;
  } else {
    engine_->OnBroken(read);
  }
  return false;
}

bool Runner::WriteIfDue(bool busy) {
  // A read model is to be seen as soon as it has caught up; what is written to the store can wait.
  if (effects_ != nullptr && !busy) engine_->FlushSoon();
  std::optional<EngineWrite> write = engine_->NextWrite(steady_clock::now());
  if (!write.has_value()) return TellHowItStands();
  const absl::Status written = Write(*write, false);
  if (!engine_.has_value()) return false;
  engine_->OnWritten(written, steady_clock::now());
  if (!written.ok() && !IsTransient(written)) engine_->OnBroken(written);
  trouble_ = written;
  return written.ok();
}

// Drops the lease where it turns out to be lost, or the effects must begin anew.
absl::Status Runner::Write(const EngineWrite& write, bool release) {
  if (effects_ != nullptr) {
    const absl::Status committed = effects_->Commit(write.checkpoint);
    if (!committed.ok()) {
      DropLease(committed);
      return committed;
    }
    // The row only tells how it stands.
    const EngineTime now = steady_clock::now();
    if (!release && write.answers.empty() && refusals_.empty() && now < next_row_) {
      return absl::OkStatus();
    }
    next_row_ = now + kRowInterval;
  }
  const absl::Status written =
      release ? rows_.Release(write, Standing()) : rows_.Write(write, Standing());
  if (IsConflict(written)) DropLease(written);
  return written;
}

// What is in work ends; the checkpoint is written, and the lease released.
absl::Status Runner::FinishWork() {
  while (engine_.has_value() && engine_->in_flight() > 0) {
    inbox_->Wait(steady_clock::now() + kHeartbeat);
    TakeInput();
    Beat(steady_clock::now());
    Publish();
  }
  if (!engine_.has_value()) return trouble_;
  engine_->FlushSoon();
  const std::optional<EngineWrite> due = engine_->NextWrite(EngineTime::max());
  const absl::Status released =
      Write(due.value_or(EngineWrite{.checkpoint = engine_->written_checkpoint(),
                                     .paused = engine_->paused()}),
            true);
  if (engine_.has_value()) {
    if (due.has_value()) engine_->OnWritten(released, steady_clock::now());
    Publish();
    trouble_ = LastError(engine_->LowestUnfinished());
    engine_.reset();
    rows_.Forget();
  }
  return released;
}

void Runner::WaitForInput() {
  const EngineTime now = steady_clock::now();
  EngineTime until = now + kHeartbeat;
  const bool may_take_lease = !engine_.has_value() && !removed_or_dead_ && outstanding_ == 0;
  if (try_again_ > now || may_take_lease) until = std::min(until, try_again_);
  // Without a lease it is not asked.
  if (engine_.has_value() && now < hub_->leases().valid_until()) {
    // With records to read, it would be back at once.
    until = std::min(until, std::max(engine_->NextTimer(), now));
  }
  inbox_->Wait(until);
}

}  // namespace daybook::internal
