#include "sqlite/schema.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

// Names of streams and types stand once; events refer to them by number. A stream's version is that
// of its last event, or `first` - 1 while it has none. The head and the last recorded time are
// those of the last event, unless later ones were deleted: `log` keeps both as they were at the
// last deletion. Writing them at each commit, a page more, costs a fifth of the rate.
constexpr std::array<const char*, 7> kTables = {
    R"(CREATE TABLE log (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  incarnation BLOB NOT NULL,
  deletions INTEGER NOT NULL,
  head INTEGER NOT NULL,
  time INTEGER NOT NULL
) STRICT)",
    R"(CREATE TABLE stream (
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  first INTEGER NOT NULL,
  tombstoned INTEGER NOT NULL
) STRICT)",
    R"(CREATE TABLE type (
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT)",
    R"(CREATE TABLE event (
  position INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL,
  version INTEGER NOT NULL,
  type INTEGER NOT NULL,
  time INTEGER NOT NULL,
  id BLOB NOT NULL,
  metadata BLOB NOT NULL,
  payload BLOB NOT NULL
) STRICT)",    R"(CREATE UNIQUE INDEX event_by_stream ON event (stream, version))",
    R"(CREATE TABLE once (
  key INTEGER PRIMARY KEY,
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  time INTEGER NOT NULL,
  answer TEXT NOT NULL,
  UNIQUE (scope, name)
) STRICT)",
    R"(CREATE TABLE side_row (
  tbl TEXT NOT NULL,
  key BLOB NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (tbl, key)
) STRICT, WITHOUT ROWID)",
};

absl::Status CreateTables(Database& database) {
  DAYBOOK_RETURN_IF_ERROR(database.Execute("BEGIN IMMEDIATE"));
  absl::Status made = [&]() -> absl::Status {
    for (const char* table : kTables) DAYBOOK_RETURN_IF_ERROR(database.Execute(table));
    DAYBOOK_RETURN_IF_ERROR(database.Execute(absl::StrCat(
        "PRAGMA application_id = ", kApplicationId, "; PRAGMA user_version = ", kFormatVersion,
        "; INSERT INTO log VALUES (1, x'', 0, 0, 0)")));
    DAYBOOK_RETURN_IF_ERROR(RenewIncarnation(database));
    return database.Execute("COMMIT");
  }();
  if (!made.ok() && database.in_transaction()) database.Execute("ROLLBACK").IgnoreError();
  return made;
}

absl::Status CheckTables(Database& database) {
  static constexpr char kSql[] = "SELECT 1 FROM sqlite_schema WHERE sql = ?1";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * find, database.Prepared(kSql));
  for (const char* table : kTables) {
    find->Bind(std::string_view(table));
    DAYBOOK_ASSIGN_OR_RETURN(const bool found, find->Step());
    find->Reset();
    if (!found) {
      return MakeStatus(
          absl::StatusCode::kDataLoss,
          absl::StrCat("the file's tables are not those of a Daybook log: there is no \"",
                       ToAbsl(std::string_view(table).substr(0, 30)),
                       "…\"; restore it from a backup"));
    }
  }
  return absl::OkStatus();
}

// SQLite takes a file of one byte for an empty one, and would write over it.
absl::Status CheckSize(const std::string& path) {
  constexpr off_t kSmallestDatabase = 512;
  struct stat entry = {};
  if (stat(path.c_str(), &entry) != 0 || entry.st_size == 0 || entry.st_size >= kSmallestDatabase) {
    return absl::OkStatus();
  }
  return MakeStatus(absl::StatusCode::kDataLoss,
                    absl::StrCat(path, " is no database (it has ", entry.st_size,
                                 " bytes); name another file, or restore the log from a backup"));
}

}  // namespace

absl::Status RenewIncarnation(Database& database) {
  static constexpr char kSql[] = "UPDATE log SET incarnation = ?1";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * update, database.Prepared(kSql));
  const EventId id = EventId::Generate();
  update->Bind(AsBlob({reinterpret_cast<const char*>(id.bytes().data()), EventId::kSize}));
  return update->Run();
}

absl::StatusOr<EventId> ReadIncarnation(Database& database) {
  static constexpr char kSql[] = "SELECT incarnation FROM log";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database.Prepared(kSql));
  const ResetAtExit reset(*select);
  DAYBOOK_ASSIGN_OR_RETURN(const bool found, select->Step());
  const std::string_view bytes = found ? select->Bytes(0) : std::string_view();
  if (bytes.size() != EventId::kSize) {
    return MakeStatus(absl::StatusCode::kDataLoss,
                      "the log's own row is damaged; restore the file from a backup");
  }
  std::array<uint8_t, EventId::kSize> id;
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return EventId(id);
}

absl::StatusOr<bool> IsEmpty(Database& database) {
  DAYBOOK_RETURN_IF_ERROR(CheckSize(database.path()));
  DAYBOOK_ASSIGN_OR_RETURN(const int64_t application, database.QueryInt("PRAGMA application_id"));
  DAYBOOK_ASSIGN_OR_RETURN(const int64_t format, database.QueryInt("PRAGMA user_version"));
  DAYBOOK_ASSIGN_OR_RETURN(const int64_t objects,
                           database.QueryInt("SELECT count(*) FROM sqlite_schema"));
  const bool empty = application == 0 && format == 0 && objects == 0;
  if (!empty && application != kApplicationId) {
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      absl::StrCat(database.path(),
                                   " is a database of another program (application "
                                   "id ",
                                   application, "); give the log a file of its own"));
  }
  if (format > kFormatVersion) {
    return MakeStatus(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat(database.path(), " has format version ", format, ", this program reads up to ",
                     kFormatVersion, "; open it with a newer Daybook"));
  }
  return empty;
}

absl::Status PrepareFile(Database& database) {
  DAYBOOK_ASSIGN_OR_RETURN(const bool empty, IsEmpty(database));
  if (empty) DAYBOOK_RETURN_IF_ERROR(database.Execute("PRAGMA page_size = 4096"));
  DAYBOOK_RETURN_IF_ERROR(database.Execute("PRAGMA journal_mode = WAL"));
  return empty ? CreateTables(database) : CheckTables(database);
}

}  // namespace daybook::internal
