#include "projection/catalog.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daybook/projection.h"
#include "daybook/status.h"
#include "make_status.h"
#include "status_macros.h"
#include "subscription/rows.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

constexpr char kProjectionTable[] = "daybook.projection";
constexpr size_t kMaxNameBytes = 100;

absl::Status Replace(EventStore& store, const Row& stored, const ProjectionRow& row) {
  Row changed = stored;
  changed.value = row.SerializeAsString();
  return store.Append({.row_checks = {stored}, .row_changes = {std::move(changed)}}).status();
}

absl::StatusOr<CatalogEntry> ReadExisting(EventStore& store, std::string_view name) {
  DAYBOOK_ASSIGN_OR_RETURN(CatalogEntry entry, ReadCatalog(store, name));
  if (entry.exists()) return entry;
  return MakeStatus(
      absl::StatusCode::kNotFound,
      absl::StrCat("no projection called '", ToAbsl(name), "' has been started on this log"));
}

// Again, if somebody else has changed the entry meanwhile.
absl::Status Change(EventStore& store, std::string_view name,
                    absl::Status (*change)(EventStore&, const CatalogEntry&)) {
  absl::Status changed = absl::OkStatus();
  do {
    DAYBOOK_ASSIGN_OR_RETURN(const CatalogEntry entry, ReadExisting(store, name));
    changed = change(store, entry);
  } while (IsConflict(changed));
  return changed;
}

absl::Status AddPause(EventStore& store, const CatalogEntry& entry, AppendRequest& request) {
  const std::string live = SubscriptionOf(entry.stored.key, entry.row.live());
  DAYBOOK_ASSIGN_OR_RETURN(const Row stored, ReadRow(store, kSubscriptionTable, live));
  if (!stored.value.has_value()) return absl::OkStatus();
  DAYBOOK_ASSIGN_OR_RETURN(const SubscriptionRow row, DecodeRow<SubscriptionRow>(stored));
  request.row_checks.push_back(stored);
  if (!row.paused()) return absl::OkStatus();
  RequestRow pause;
  pause.set_subscription(SubscriptionOf(entry.stored.key, entry.row.next()));
  pause.set_kind(Control::kPause);
  request.row_changes.push_back({.table = kRequestTable,
                                 .key = EventId::Generate().ToString(),
                                 .value = pause.SerializeAsString()});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CatalogEntry> ReadCatalog(EventStore& store, std::string_view name) {
  DAYBOOK_ASSIGN_OR_RETURN(Row stored, ReadRow(store, kProjectionTable, name));
  CatalogEntry entry{.stored = std::move(stored)};
  if (entry.exists()) {
    DAYBOOK_ASSIGN_OR_RETURN(entry.row, DecodeRow<ProjectionRow>(entry.stored));
  }
  return entry;
}

absl::StatusOr<CatalogEntry> EnterCatalog(EventStore& store, std::string_view name) {
  while (true) {
    DAYBOOK_ASSIGN_OR_RETURN(CatalogEntry entry, ReadCatalog(store, name));
    if (entry.exists()) return entry;
    entry.row.set_live(1);
    entry.row.set_live_id(EventId::Generate().ToString());
    entry.row.set_last(1);
    const absl::Status entered = Replace(store, entry.stored, entry.row);
    if (!entered.ok() && !IsConflict(entered)) return entered;
  }
}

absl::Status BeginRebuild(EventStore& store, const CatalogEntry& entry) {
  if (entry.row.next() != 0) return absl::OkStatus();
  ProjectionRow row = entry.row;
  row.set_last(row.last() + 1);
  row.set_next(row.last());
  row.set_next_id(EventId::Generate().ToString());
  return Replace(store, entry.stored, row);
}

absl::Status EndRebuild(EventStore& store, const CatalogEntry& entry) {
  if (entry.row.next() == 0) return absl::OkStatus();
  ProjectionRow row = entry.row;
  row.clear_next();
  row.clear_next_id();
  return Replace(store, entry.stored, row);
}

absl::Status SwitchToNext(EventStore& store, const CatalogEntry& entry) {
  ProjectionRow row = entry.row;
  row.set_live(entry.row.next());
  row.set_live_id(entry.row.next_id());
  row.clear_next();
  row.clear_next_id();
  Row changed = entry.stored;
  changed.value = row.SerializeAsString();
  AppendRequest request{.row_checks = {entry.stored}, .row_changes = {std::move(changed)}};
  DAYBOOK_RETURN_IF_ERROR(AddPause(store, entry, request));
  return store.Append(request).status();
}

absl::Status CheckNotInUse(EventStore& store, std::string_view subscription) {
  const size_t at = subscription.rfind("@v");
  int64_t version = 0;
  if (at == std::string_view::npos ||
      !absl::SimpleAtoi(ToAbsl(subscription.substr(at + 2)), &version)) {
    return absl::OkStatus();
  }
  const std::string_view name = subscription.substr(0, at);
  DAYBOOK_ASSIGN_OR_RETURN(const CatalogEntry entry, ReadCatalog(store, name));
  if (!entry.exists() || (version != entry.row.live() && version != entry.row.next())) {
    return absl::OkStatus();
  }
  return MakeStatus(
      absl::StatusCode::kFailedPrecondition,
      version == entry.row.live()
          ? absl::StrCat("it fills the tables that projection '", ToAbsl(name),
                         "' shows: rebuild the projection, or stop what runs it first")
          : absl::StrCat("it fills the next version of projection '", ToAbsl(name),
                         "': abandon the rebuild instead"));
}

std::string SubscriptionOf(std::string_view name, int64_t version) {
  return absl::StrCat(ToAbsl(name), "@v", version);
}

absl::Status CheckProjectionName(std::string_view name) {
  const auto fits = [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
  };
  if (!name.empty() && name.size() <= kMaxNameBytes &&
      absl::ascii_isalnum(static_cast<unsigned char>(name.front())) &&
      std::all_of(name.begin(), name.end(), fits)) {
    return absl::OkStatus();
  }
  return MakeStatus(absl::StatusCode::kInvalidArgument,
                    absl::StrCat("a projection's name has 1 to ", kMaxNameBytes,
                                 " letters, digits, '-', '_' and '.', the first a letter or a "
                                 "digit"));
}

}  // namespace daybook::internal

namespace daybook {

absl::StatusOr<ProjectionStatus> GetProjection(EventStore& store, std::string_view name) {
  DAYBOOK_ASSIGN_OR_RETURN(const internal::CatalogEntry entry, internal::ReadExisting(store, name));
  ProjectionStatus status{.version = entry.row.live()};
  if (entry.row.next() != 0) {
    status.rebuilding = entry.row.next();
    DAYBOOK_ASSIGN_OR_RETURN(const Row row,
                             internal::ReadRow(store, internal::kSubscriptionTable,
                                               internal::SubscriptionOf(name, entry.row.next())));
    if (row.value.has_value()) {
      DAYBOOK_ASSIGN_OR_RETURN(const auto standing,
                               internal::DecodeRow<internal::SubscriptionRow>(row));
      status.rebuilt_to = Position(standing.checkpoint());
    }
  }
  DAYBOOK_ASSIGN_OR_RETURN(status.head, store.Head());
  return status;
}

absl::Status RequestRebuild(EventStore& store, std::string_view name) {
  return internal::Change(store, name, &internal::BeginRebuild);
}

absl::Status AbandonRebuild(EventStore& store, std::string_view name) {
  return internal::Change(store, name, &internal::EndRebuild);
}

}  // namespace daybook
