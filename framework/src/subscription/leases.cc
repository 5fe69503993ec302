#include "subscription/leases.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daybook/status.h"
#include "make_status.h"
#include "status_macros.h"
#include "subscription/process.h"
#include "subscription/rows.h"

namespace daybook::internal {
namespace {

using std::chrono::steady_clock;

}  // namespace

std::string Leases::Description() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return absl::StrCat(host.data(), ", process ", getpid());
}

Leases::Leases(EventStore& store) : store_(store), id_(EventId::Generate().ToString()) {
  self_.set_description(Description());
  IdentifySelf(self_);
}

Leases::~Leases() {
  if (renewed_at_.load() == 0) return;
  // It runs out by itself otherwise.
  store_.Append({.row_changes = {{.table = kProcessTable, .key = id_}}}).status().IgnoreError();
}

absl::Status Leases::Renew(std::chrono::milliseconds lease) {
  const EngineTime now = steady_clock::now();
  const Row row{.table = kProcessTable, .key = id_, .value = RowUntil(lease).SerializeAsString()};
  DAYBOOK_RETURN_IF_ERROR(store_.Append({.row_changes = {row}}).status());
  renewed_at_ = now.time_since_epoch().count();
  valid_until_ = (now + lease).time_since_epoch().count();
  return absl::OkStatus();
}

ProcessRow Leases::RowUntil(std::chrono::milliseconds lease) {
  ProcessRow row = self_;
  MutexLock lock(mutex_);
  for (const auto& [name, holder] : occupied_) {
    std::optional<StuckRow> stuck = holder == nullptr ? std::nullopt : holder->Stuck();
    if (stuck.has_value()) *row.add_stuck() = *std::move(stuck);
  }
  const int64_t now = ToMicros(WallNow());
  row.set_renewed_at(now);
  row.set_expires_at(now + std::chrono::microseconds(lease).count());
  return row;
}

bool Leases::Occupy(const std::string& name, const Holder* holder) {
  MutexLock lock(mutex_);
  return occupied_.emplace(name, holder).second;
}

void Leases::Vacate(const std::string& name) {
  MutexLock lock(mutex_);
  occupied_.erase(name);
}

SubscriptionRows::SubscriptionRows(EventStore& store, Leases& leases, std::string name,
                                   const Leases::Holder* holder)
    : store_(store), leases_(leases), name_(std::move(name)), holder_(holder) {}

SubscriptionRows::~SubscriptionRows() { Forget(); }

void SubscriptionRows::Forget() {
  if (std::exchange(held_, false)) leases_.Vacate(name_);
}

absl::StatusOr<bool> SubscriptionRows::IsFree(const Row& owner) {
  if (row_.owner().empty() || row_.owner() == leases_.id() || !owner.value.has_value()) return true;
  DAYBOOK_ASSIGN_OR_RETURN(owner_, DecodeRow<ProcessRow>(owner));
  if (owner_.expires_at() <= ToMicros(WallNow()) || HasEnded(owner_)) return true;
  if (watched_owner_ != owner.value) {
    watched_owner_ = owner.value;
    watched_since_ = steady_clock::now();
  }
  const std::chrono::microseconds lease(owner_.expires_at() - owner_.renewed_at());
  return steady_clock::now() >= watched_since_ + lease;
}

absl::StatusOr<std::optional<EngineState>> SubscriptionRows::Take(StartAt start,
                                                                  std::chrono::milliseconds lease,
                                                                  int64_t above) {
  DAYBOOK_ASSIGN_OR_RETURN(stored_, ReadRow(store_, kSubscriptionTable, name_));
  owner_.Clear();
  AppendRequest request{.row_checks = {stored_}};
  if (stored_.value.has_value()) {
    DAYBOOK_ASSIGN_OR_RETURN(row_, DecodeRow<SubscriptionRow>(stored_));
    if (!row_.owner().empty()) {
      DAYBOOK_ASSIGN_OR_RETURN(const Row owner, ReadRow(store_, kProcessTable, row_.owner()));
      DAYBOOK_ASSIGN_OR_RETURN(const bool free, IsFree(owner));
      if (!free) return std::nullopt;
      if (row_.owner() != leases_.id()) {
        request.row_checks.push_back(owner);
        if (owner.value.has_value()) {
          request.row_changes.push_back({.table = kProcessTable, .key = owner.key});
        }
      }
    }
  } else {
    row_.Clear();
    DAYBOOK_ASSIGN_OR_RETURN(const Position head, store_.Head());
    const Position begin = start.position().value_or(head);
    if (begin < Position(0) || begin > head) {
      return MakeStatus(absl::StatusCode::kInvalidArgument,
                        absl::StrCat("subscription '", name_, "' would start after position ",
                                     begin.value(), "; the log's head is ", head.value()));
    }
    row_.set_checkpoint(begin.value());
  }
  if (!leases_.Occupy(name_, holder_)) {
    owner_.set_description(Leases::Description());
    const auto age = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() -
                                                                           leases_.renewed_at());
    owner_.set_renewed_at(ToMicros(WallNow() - age));
    return std::nullopt;
  }
  held_ = true;
  SubscriptionRow row = row_;
  row.set_owner(leases_.id());
  row.set_epoch(std::max(row.epoch(), above) + 1);
  absl::Status taken = leases_.Renew(lease);
  if (taken.ok()) taken = Store(std::move(request), std::move(row));
  absl::StatusOr<std::vector<ParkedRecord>> parked =
      taken.ok() ? ReadParked(store_, name_, Position(0), kNoLimit) : taken;
  if (!parked.ok()) {
    Forget();
    if (IsConflict(parked.status())) return std::nullopt;
    return parked.status();
  }
  return EngineState{.checkpoint = Position(row_.checkpoint()),
                     .paused = row_.paused(),
                     .parked = *std::move(parked),
                     .dropped = row_.dropped()};
}

absl::Status SubscriptionRows::Store(AppendRequest request, SubscriptionRow row) {
  row.set_written_at(ToMicros(WallNow()));
  Row stored{.table = kSubscriptionTable, .key = name_, .value = row.SerializeAsString()};
  request.row_changes.push_back(stored);
  DAYBOOK_RETURN_IF_ERROR(store_.Append(request).status());
  stored_ = std::move(stored);
  row_ = std::move(row);
  return absl::OkStatus();
}

AppendRequest SubscriptionRows::RequestFor(const EngineWrite& write) const {
  AppendRequest request{.row_checks = {stored_}};
  for (const ParkedRecord& record : write.parked) {
    request.row_changes.push_back(EncodeParked(name_, record));
  }
  for (const Position position : write.unparked) {
    request.row_changes.push_back({.table = ParkedTable(name_), .key = ParkedKey(position)});
  }
  for (const Answer& answer : write.answers) AddAnswer(answer, request);
  return request;
}

absl::Status SubscriptionRows::Write(const EngineWrite& write, SubscriptionRow standing) {
  standing.set_owner(row_.owner());
  standing.set_epoch(row_.epoch());
  standing.set_checkpoint(write.checkpoint.value());
  standing.set_paused(write.paused);
  return Store(RequestFor(write), std::move(standing));
}

absl::Status SubscriptionRows::Release(const EngineWrite& write, SubscriptionRow standing) {
  standing.clear_owner();
  standing.set_epoch(row_.epoch());
  standing.set_checkpoint(write.checkpoint.value());
  standing.set_paused(write.paused);
  const absl::Status released = Store(RequestFor(write), std::move(standing));
  Forget();
  return released;
}

absl::Status SubscriptionRows::Remove(const std::vector<Answer>& answers) {
  DAYBOOK_ASSIGN_OR_RETURN(const std::vector<Row> parked,
                           store_.ReadRows({.table = ParkedTable(name_), .limit = kNoLimit}));
  AppendRequest request{.row_checks = {stored_},
                        .row_changes = {{.table = kSubscriptionTable, .key = name_}}};
  for (const Row& row : parked) request.row_changes.push_back({.table = row.table, .key = row.key});
  for (const Answer& answer : answers) AddAnswer(answer, request);
  const absl::Status removed = store_.Append(request).status();
  if (removed.ok()) Forget();
  return removed;
}

absl::Status SubscriptionRows::Confirm() {
  DAYBOOK_ASSIGN_OR_RETURN(const Row now, ReadRow(store_, kSubscriptionTable, name_));
  if (now == stored_) return absl::OkStatus();
  return MakeConflict("another process has taken the subscription over");
}

void AddAnswer(const Answer& answer, AppendRequest& request) {
  AnswerRow row;
  EncodeError(answer.status, *row.mutable_status());
  request.row_changes.push_back({.table = kRequestTable, .key = answer.id});
  request.row_changes.push_back(
      {.table = kAnswerTable, .key = answer.id, .value = row.SerializeAsString()});
}

}  // namespace daybook::internal
