#include "projection/model_version.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daybook/status.h"
#include "daybook/subscriptions.h"
#include "status_macros.h"
#include "subscription/rows.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

// For the owner of an old version to let go of it; what is left goes at the next start.
constexpr std::chrono::seconds kRemovesWithin(1);

SubscriptionOptions OptionsOf(const ProjectionOptions& options, const ProjectionHandlers& handlers,
                              int64_t number) {
  SubscriptionOptions all{.name = SubscriptionOf(options.name, number),
                          .category = options.category,
                          .types = handlers.types(),
                          .stream_prefix = options.stream_prefix,
                          // One lane: strictly in the order of the log, also after a failure.
                          .key = [](const RecordedEvent&) { return std::string("all"); },
                          .retry = options.retry,
                          .after_last_attempt = AfterLastAttempt::kStop,
                          .checkpoint_every = kMaxBatchRecords,
                          .checkpoint_interval = kMaxBatchTime,
                          .lease = options.lease};
  if (options.on_state) {
    all.on_state = [observer = options.on_state, number](SubscriptionState state,
                                                         const absl::Status& error) {
      observer(number, state, error);
    };
  }
  return all;
}

// The N of "<prefix>N<suffix>".
std::optional<int64_t> NumberIn(absl::string_view text, absl::string_view prefix,
                                absl::string_view suffix) {
  int64_t number = 0;
  if (!absl::ConsumePrefix(&text, prefix) || !absl::ConsumeSuffix(&text, suffix) ||
      !absl::SimpleAtoi(text, &number)) {
    return std::nullopt;
  }
  return number;
}

// A read model whose writer waits, for as long as this exists. Without `database` there is none.
struct Held {
  std::unique_ptr<Database> database;
  Position position;

  ~Held() {
    if (database != nullptr) database->Execute("ROLLBACK").IgnoreError();
  }
};

absl::StatusOr<std::unique_ptr<Held>> Hold(const std::string& path) {
  auto held = std::make_unique<Held>();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return held;
  DAYBOOK_ASSIGN_OR_RETURN(auto database, ConnectModel(path, Access::kWrite));
  DAYBOOK_RETURN_IF_ERROR(database->Execute("BEGIN IMMEDIATE"));
  held->database = std::move(database);
  DAYBOOK_ASSIGN_OR_RETURN(const bool made, IsMade(*held->database));
  if (!made) return held;
  DAYBOOK_ASSIGN_OR_RETURN(const ModelStanding standing, ReadStanding(*held->database));
  held->position = standing.position;
  return held;
}

}  // namespace

ModelVersion::ModelVersion(EventStore& store, const ProjectionOptions& options,
                           const ProjectionHandlers& handlers, int64_t version_number,
                           std::string id, bool is_live)
    : number(version_number),
      file(ModelFile::Of(ModelPath(options.folder, options.name, version_number))),
      writer(store, file, {.id = std::move(id), .schema = options.schema}, is_live),
      runner(
          store, OptionsOf(options, handlers, version_number),
          [this, handlers](const RecordedEvent& record) { return writer.Handle(handlers, record); },
          &writer) {}

absl::StatusOr<Position> CommittedIn(EventStore& store, const CatalogEntry& entry,
                                     const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return Position(0);
  DAYBOOK_ASSIGN_OR_RETURN(const auto database, ConnectModel(path, Access::kRead));
  DAYBOOK_ASSIGN_OR_RETURN(const bool made, IsMade(*database));
  if (!made) return Position(0);
  DAYBOOK_ASSIGN_OR_RETURN(const ModelIdentity identity, ReadIdentity(*database));
  if (identity.id != entry.row.live_id()) return AnotherThanTheLogs(path);
  DAYBOOK_ASSIGN_OR_RETURN(const ModelStanding standing, ReadStanding(*database));
  DAYBOOK_RETURN_IF_ERROR(CheckAgainstLog(store, path, standing));
  return standing.position;
}

absl::StatusOr<bool> Switch(EventStore& store, const CatalogEntry& entry,
                            const std::string& live_path, const ModelVersion& next,
                            std::chrono::steady_clock::time_point deadline) {
  absl::StatusOr<std::unique_ptr<Held>> held = Hold(live_path);
  if (absl::IsUnavailable(held.status())) return held.status();
  // A live version that cannot be read shows nothing.
  Position shown = held.ok() ? (*held)->position : Position(0);
  DAYBOOK_ASSIGN_OR_RETURN(const Position head, store.Head());
  shown = std::min(shown, head);  // before the log was restored there may have been more
  if (!next.runner.WaitUntil(shown, deadline).ok()) return false;
  const absl::Status switched = SwitchToNext(store, entry);
  if (IsConflict(switched)) return false;
  if (!switched.ok()) return switched;
  Hub::Of(store)->Hurry();  // the next may have to be paused
  return true;
}

void RemoveSubscription(EventStore& store, const std::string& name) {
  Subscriptions(store, kRemovesWithin).Remove(name).IgnoreError();
}

void RemoveOldVersions(EventStore& store, const ProjectionOptions& options, int64_t live) {
  std::error_code error;
  std::filesystem::directory_iterator folder(options.folder, error);
  for (; !error && folder != std::filesystem::directory_iterator(); folder.increment(error)) {
    const std::string name = folder->path().filename().string();
    for (const char* suffix : {".db", ".db-wal", ".db-shm"}) {
      const auto number = NumberIn(name, absl::StrCat(options.name, ".v"), suffix);
      if (!number.has_value() || *number < 1 || *number >= live) continue;
      ModelFile::Of(ModelPath(options.folder, options.name, *number))->Retire();
    }
  }
  const std::string prefix = absl::StrCat(options.name, "@v");
  const auto rows = store.ReadRows({.table = kSubscriptionTable, .key_prefix = prefix});
  if (!rows.ok()) return;
  for (const Row& row : *rows) {
    const auto number = NumberIn(row.key, prefix, "");
    if (number.has_value() && *number < live) RemoveSubscription(store, row.key);
  }
}

}  // namespace daybook::internal
