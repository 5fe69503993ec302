#include "daybook/subscriptions.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daybook/status.h"
#include "make_status.h"
#include "projection/catalog.h"
#include "status_macros.h"
#include "subscription/engine.h"
#include "subscription/hub.h"
#include "subscription/leases.h"
#include "subscription/process.h"
#include "subscription/rows.h"
#include "to_absl.h"

namespace daybook {
namespace {

using internal::AnswerRow;
using internal::Control;
using internal::DecodeRow;
using internal::Engine;
using internal::EngineState;
using internal::EngineTime;
using internal::EngineWrite;
using internal::Hub;
using internal::kAnswerTable;
using internal::kRemoveRequest;
using internal::kRequestTable;
using internal::kSubscriptionTable;
using internal::MakeStatus;
using internal::ProcessRow;
using internal::ReadRow;
using internal::RequestRow;
using internal::SubscriptionRow;
using internal::SubscriptionRows;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kAnswerPoll(5);
constexpr milliseconds kActingLease(5000);
constexpr std::chrono::hours kAnswersAreKept(1);

absl::Status NoSuch(std::string_view name) {
  return MakeStatus(
      absl::StatusCode::kNotFound,
      absl::StrCat("no subscription is called '", internal::ToAbsl(name), "' in this log"));
}

// The milliseconds that a UUIDv7 begins with.
std::chrono::sys_time<milliseconds> MadeAt(const EventId& id) {
  int64_t value = 0;
  for (size_t i = 0; i < 6; ++i) value = value << 8 | id.bytes()[i];
  return std::chrono::sys_time<milliseconds>(milliseconds(value));
}

// Answers that nobody came for.
absl::Status RemoveOldAnswers(EventStore& store) {
  DAYBOOK_ASSIGN_OR_RETURN(const std::vector<Row> rows, store.ReadRows({.table = kAnswerTable}));
  AppendRequest request;
  for (const Row& row : rows) {
    const std::optional<EventId> id = EventId::Parse(row.key);
    if (!id.has_value() || MadeAt(*id) + kAnswersAreKept < std::chrono::system_clock::now()) {
      request.row_changes.push_back({.table = kAnswerTable, .key = row.key});
    }
  }
  return request.row_changes.empty() ? absl::OkStatus() : store.Append(request).status();
}

absl::StatusOr<std::optional<absl::Status>> TakeAnswer(EventStore& store, const std::string& id) {
  DAYBOOK_ASSIGN_OR_RETURN(const Row row, ReadRow(store, kAnswerTable, id));
  if (!row.value.has_value()) return std::nullopt;
  DAYBOOK_ASSIGN_OR_RETURN(const AnswerRow answer, DecodeRow<AnswerRow>(row));
  DAYBOOK_RETURN_IF_ERROR(
      store.Append({.row_changes = {{.table = kAnswerTable, .key = id}}}).status());
  const absl::Status said = internal::DecodeError(answer.status());
  if (said.ok()) return std::optional<absl::Status>(said);
  return std::optional<absl::Status>(MakeStatus(said.code(), internal::ToStd(said.message())));
}

// False: somebody else holds it.
absl::StatusOr<bool> ActAsOwner(EventStore& store, const std::string& name,
                                const RequestRow& request, const std::string& id) {
  const std::shared_ptr<Hub> hub = Hub::Of(store);
  SubscriptionRows rows(store, hub->leases(), name);
  DAYBOOK_ASSIGN_OR_RETURN(std::optional<EngineState> state,
                           rows.Take(StartAt::Beginning(), kActingLease));
  if (!state.has_value()) return false;
  if (request.kind() == kRemoveRequest) {
    DAYBOOK_RETURN_IF_ERROR(rows.Remove({{.id = id}}));
    return true;
  }
  SubscriptionRow standing = rows.row();
  Engine engine({}, *std::move(state));
  Control control{.kind = static_cast<Control::Kind>(request.kind()),
                  .position = Position(request.position()),
                  .lane = request.lane(),
                  .id = id};
  EngineWrite write{.checkpoint = Position(standing.checkpoint()), .paused = standing.paused()};
  if (control.kind == Control::kReset && standing.checkpoint_is_elsewhere()) {
    write.answers.push_back({.id = id, .status = internal::ResetOfAProjection()});
  } else {
    engine.OnControl(std::move(control));
    write = *engine.NextWrite(EngineTime::max());
    engine.OnWritten(absl::OkStatus(), {});
    standing.set_parked_records(engine.parked_records());
    standing.set_parked_lanes(engine.parked_lanes());
  }
  DAYBOOK_RETURN_IF_ERROR(rows.Release(write, standing));
  return true;
}

bool IsReplay(int kind) { return kind == Control::kReplayLane || kind == Control::kReplayAll; }

// Nobody, if its lease has run out, or its process has ended.
absl::StatusOr<std::optional<ProcessRow>> OwnerOf(EventStore& store, const SubscriptionRow& row,
                                                  int64_t now) {
  if (row.owner().empty()) return std::nullopt;
  DAYBOOK_ASSIGN_OR_RETURN(const Row stored, ReadRow(store, internal::kProcessTable, row.owner()));
  if (!stored.value.has_value()) return std::nullopt;
  DAYBOOK_ASSIGN_OR_RETURN(ProcessRow owner, DecodeRow<ProcessRow>(stored));
  if (owner.expires_at() <= now || internal::HasEnded(owner)) return std::nullopt;
  return owner;
}

std::optional<SubscriptionHealth::LowestUnfinished> UnfinishedOf(const SubscriptionRow& row,
                                                                 int64_t now, bool is_run) {
  if (row.unfinished_position() == 0) return std::nullopt;
  SubscriptionHealth::LowestUnfinished unfinished{.position = Position(row.unfinished_position()),
                                                  .lane = row.unfinished_lane(),
                                                  .failed_attempts = row.unfinished_attempts()};
  if (!is_run) return unfinished;
  if (row.next_try() > now) unfinished.next_try = internal::FromMicros(row.next_try());
  if (row.unfinished_in_work_since() != 0) {
    unfinished.in_work = true;
    unfinished.in_work_since = internal::FromMicros(row.unfinished_in_work_since());
  }
  return unfinished;
}

// What its own row cannot say, for its loop does not turn.
void AddStuck(const ProcessRow& owner, const SubscriptionRow& row, SubscriptionHealth& health) {
  for (const internal::StuckRow& stuck : owner.stuck()) {
    if (stuck.subscription() != health.name || row.written_at() > owner.renewed_at()) continue;
    health.state = SubscriptionState::kStuck;
    health.last_turn = internal::FromMicros(stuck.last_turn());
    if (stuck.position() == 0) return;
    health.lowest_unfinished = {.position = Position(stuck.position()),
                                .lane = stuck.lane(),
                                .failed_attempts = stuck.attempts(),
                                .in_work = stuck.in_work_since() != 0};
    if (stuck.in_work_since() != 0) {
      health.lowest_unfinished->in_work_since = internal::FromMicros(stuck.in_work_since());
    }
  }
}

absl::StatusOr<SubscriptionHealth> HealthOf(EventStore& store, const Row& stored, Position head) {
  DAYBOOK_ASSIGN_OR_RETURN(const SubscriptionRow row, DecodeRow<SubscriptionRow>(stored));
  const int64_t now = internal::ToMicros(internal::WallNow());
  DAYBOOK_ASSIGN_OR_RETURN(const std::optional<ProcessRow> owner, OwnerOf(store, row, now));
  SubscriptionHealth health{
      .name = stored.key,
      .state = static_cast<SubscriptionState>(row.state()),
      .last_error = internal::DecodeError(row.last_error()),
      .checkpoint = Position(row.checkpoint()),
      .head = std::max(head, Position(row.checkpoint())),
      .lowest_unfinished = UnfinishedOf(row, now, owner.has_value()),
      .parked_records = row.parked_records(),
      .parked_lanes = row.parked_lanes(),
      .dropped = row.dropped(),
      .epoch = row.epoch(),
  };
  health.lag = health.head - health.checkpoint;
  if (owner.has_value()) {
    health.owner = owner->description();
    health.lease_age = std::chrono::microseconds(std::max<int64_t>(0, now - owner->renewed_at()));
    AddStuck(*owner, row, health);
  } else {
    health.state = row.paused() ? SubscriptionState::kPaused : SubscriptionState::kNotStarted;
  }
  return health;
}

}  // namespace

absl::StatusOr<std::vector<SubscriptionHealth>> Subscriptions::List() {
  DAYBOOK_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                           store_.ReadRows({.table = kSubscriptionTable, .limit = kNoLimit}));
  DAYBOOK_ASSIGN_OR_RETURN(const Position head, store_.Head());
  std::vector<SubscriptionHealth> all;
  for (const Row& row : rows) {
    DAYBOOK_ASSIGN_OR_RETURN(SubscriptionHealth health, HealthOf(store_, row, head));
    all.push_back(std::move(health));
  }
  return all;
}

absl::StatusOr<SubscriptionHealth> Subscriptions::Get(std::string_view name) {
  DAYBOOK_ASSIGN_OR_RETURN(const Row row, ReadRow(store_, kSubscriptionTable, name));
  if (!row.value.has_value()) return NoSuch(name);
  DAYBOOK_ASSIGN_OR_RETURN(const Position head, store_.Head());
  return HealthOf(store_, row, head);
}

absl::Status Subscriptions::Pause(std::string_view name) { return Ask(name, Control::kPause); }
absl::Status Subscriptions::Resume(std::string_view name) { return Ask(name, Control::kResume); }
absl::Status Subscriptions::Reset(std::string_view name, Position position) {
  if (position < Position(0)) {
    return internal::MakeInvalid("a position below 0");
  }
  DAYBOOK_ASSIGN_OR_RETURN(const Position head, store_.Head());
  if (position > head) {
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      absl::StrCat("position ", position.value(),
                                   " is beyond the head of the log, ", head.value()));
  }
  return Ask(name, Control::kReset, position);
}
absl::Status Subscriptions::Remove(std::string_view name) {
  DAYBOOK_ASSIGN_OR_RETURN(const SubscriptionHealth health, Get(name));
  if (!health.owner.empty()) {
    DAYBOOK_RETURN_IF_ERROR(internal::CheckNotInUse(store_, name));
  }
  return Ask(name, kRemoveRequest);
}
absl::Status Subscriptions::Replay(std::string_view name, std::string_view lane) {
  return Ask(name, Control::kReplayLane, {}, lane);
}
absl::Status Subscriptions::ReplayAll(std::string_view name) {
  return Ask(name, Control::kReplayAll);
}
absl::Status Subscriptions::Discard(std::string_view name, Position position) {
  return Ask(name, Control::kDiscardRecord, position);
}
absl::Status Subscriptions::DiscardLane(std::string_view name, std::string_view lane) {
  return Ask(name, Control::kDiscardLane, {}, lane);
}

absl::StatusOr<std::vector<ParkedRecord>> Subscriptions::Parked(std::string_view name,
                                                                Position after, int64_t limit) {
  DAYBOOK_RETURN_IF_ERROR(Get(name).status());
  return internal::ReadParked(store_, name, after, limit);
}

absl::Status Subscriptions::Ask(std::string_view name, int kind, Position position,
                                std::string_view lane) {
  DAYBOOK_RETURN_IF_ERROR(Get(name).status());
  DAYBOOK_RETURN_IF_ERROR(RemoveOldAnswers(store_));
  RequestRow request;
  request.set_subscription(std::string(name));
  request.set_kind(kind);
  request.set_position(position.value());
  request.set_lane(std::string(lane));
  const std::string id = EventId::Generate().ToString();
  const Row row{.table = kRequestTable, .key = id, .value = request.SerializeAsString()};
  DAYBOOK_RETURN_IF_ERROR(store_.Append({.row_changes = {row}}).status());
  Hub::Of(store_)->Hurry();
  EngineTime deadline = steady_clock::now() + patience_;
  bool accepted = false;
  while (true) {
    DAYBOOK_ASSIGN_OR_RETURN(const std::optional<absl::Status> answer, TakeAnswer(store_, id));
    if (answer.has_value()) return *answer;
    DAYBOOK_ASSIGN_OR_RETURN(const SubscriptionHealth health, Get(name));
    if (health.owner.empty()) {
      if (IsReplay(kind)) return absl::OkStatus();
      DAYBOOK_ASSIGN_OR_RETURN(const bool acted,
                               ActAsOwner(store_, std::string(name), request, id));
      if (acted) continue;
    }
    if (steady_clock::now() < deadline) {
      std::this_thread::sleep_for(kAnswerPoll);
      continue;
    }
    if (accepted) break;
    const absl::Status removed =
        store_.Append({.row_checks = {row}, .row_changes = {{.table = kRequestTable, .key = id}}})
            .status();
    if (removed.ok()) break;
    if (!IsConflict(removed)) return removed;
    accepted = true;  // or answered at this moment
    deadline = steady_clock::now() + patience_;
  }
  return MakeStatus(
      absl::StatusCode::kDeadlineExceeded,
      absl::StrCat("whoever runs subscription '", internal::ToAbsl(name), "' ",
                   accepted ? "has begun, but waits for what is in work: it will happen"
                            : "did not answer in time: it has not happened, and will not"));
}

}  // namespace daybook
