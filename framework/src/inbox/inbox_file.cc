#include "inbox/inbox_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "projection/model_file.h"
#include "sqlite/paths.h"
#include "sqlite/schema.h"
#include "status_macros.h"

namespace daybook::internal {
namespace {

constexpr std::chrono::seconds kInboxBusyTimeout(5);

// In the -turn file, beside the turnstile's.
constexpr off_t kReplayByte = 16;

// A parked message stands once in its lane: one that is malformed has a lane that its bytes name.
constexpr char kMakeInboxTables[] = R"(
CREATE TABLE daybook_inbox_format (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  format INTEGER NOT NULL
) STRICT;
CREATE TABLE daybook_inbox (
  consumer TEXT NOT NULL,
  source BLOB NOT NULL,
  id BLOB NOT NULL,
  handled_at INTEGER NOT NULL,
  PRIMARY KEY (consumer, source, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX daybook_inbox_by_age ON daybook_inbox (consumer, handled_at);
CREATE TABLE daybook_parked_message (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  consumer TEXT NOT NULL,
  lane BLOB NOT NULL,
  type BLOB NOT NULL,
  source BLOB NOT NULL,
  id BLOB NOT NULL,
  code INTEGER NOT NULL,
  reason BLOB NOT NULL,
  attempts INTEGER NOT NULL,
  parked_at INTEGER NOT NULL,
  tried_at INTEGER NOT NULL,
  content_type BLOB NOT NULL,
  headers BLOB NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (consumer, lane, source, id)
) STRICT;
CREATE INDEX daybook_parked_by_lane ON daybook_parked_message (consumer, lane, number);
)";

absl::Status Refused(const Database& database, const std::string& why) {
  return MakeStatus(absl::StatusCode::kInvalidArgument,
                    absl::StrCat(database.path(), " ", why, "; name another file for the inbox"));
}

absl::StatusOr<bool> HasOwnTables(Database& database) {
  DAYBOOK_ASSIGN_OR_RETURN(
      const int64_t tables,
      database.QueryInt("SELECT count(*) FROM sqlite_schema WHERE name = 'daybook_inbox_format'"));
  return tables > 0;
}

absl::StatusOr<bool> HasUsersTables(Database& database) {
  DAYBOOK_ASSIGN_OR_RETURN(
      const int64_t objects,
      database.QueryInt("SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'daybook\\_%' "
                        "ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"));
  return objects > 0;
}

// Looks only.
absl::Status CheckKind(Database& database) {
  DAYBOOK_ASSIGN_OR_RETURN(const int64_t application, database.QueryInt("PRAGMA application_id"));
  if (application == kApplicationId) return Refused(database, "is the file of a log");
  if (application == kModelApplicationId) return Refused(database, "is the file of a read model");
  DAYBOOK_ASSIGN_OR_RETURN(const bool made, HasOwnTables(database));
  if (!made && application != 0) {
    return Refused(
        database, absl::StrCat("is another program's database (application id ", application, ")"));
  }
  if (!made) return absl::OkStatus();
  DAYBOOK_ASSIGN_OR_RETURN(const int64_t format,
                           database.QueryInt("SELECT format FROM daybook_inbox_format"));
  if (format > kInboxFormat) {
    return MakeStatus(absl::StatusCode::kFailedPrecondition,
                      absl::StrCat(database.path(), " holds an inbox of format ", format,
                                   ", this program reads up to ", kInboxFormat,
                                   "; open it with a newer Daybook"));
  }
  if (format == kInboxFormat) return absl::OkStatus();
  return MakeStatus(absl::StatusCode::kDataLoss,
                    absl::StrCat(database.path(),
                                 " is damaged: Daybook's own tables are not as they were written; "
                                 "restore it from a backup"));
}

absl::Status MakeOwnTables(Database& database, bool is_ours) {
  DAYBOOK_RETURN_IF_ERROR(database.Execute(absl::StrCat(
      kMakeInboxTables, "INSERT INTO daybook_inbox_format VALUES (1, ", kInboxFormat, ")")));
  // A file of the user's own keeps what she calls it.
  if (!is_ours) return absl::OkStatus();
  return database.Execute(absl::StrCat("PRAGMA application_id = ", kInboxApplicationId));
}

}  // namespace

absl::StatusOr<std::unique_ptr<InboxFile>> InboxFile::Open(const std::string& path,
                                                           const std::string& schema) {
  DAYBOOK_RETURN_IF_ERROR(CheckFolder(std::filesystem::path(path).parent_path()));
  DAYBOOK_ASSIGN_OR_RETURN(
      std::unique_ptr<Database> database,
      Database::Open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "", kInboxBusyTimeout));
  if (absl::Status kind = CheckKind(*database); !kind.ok()) {
    database->KeepLogAtClose();
    return kind;
  }
  DAYBOOK_ASSIGN_OR_RETURN(std::unique_ptr<Turnstile> turnstile, Turnstile::Open(path));
  auto file = std::unique_ptr<InboxFile>(new InboxFile(std::move(database), std::move(turnstile)));
  DAYBOOK_RETURN_IF_ERROR(file->Prepare(schema));
  return file;
}

absl::Status InboxFile::Prepare(const std::string& schema) {
  {
    InTurn turn(*turnstile_);
    DAYBOOK_RETURN_IF_ERROR(turn.Enter(kInboxBusyTimeout));
    DAYBOOK_RETURN_IF_ERROR(database().Execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; "
        "PRAGMA journal_size_limit = 16777216"));
    // What a commit whose sync failed has left behind may be seen now: let it be on the disk before
    // anybody relies on it. Nothing of the kind is there while another connection is.
    DAYBOOK_RETURN_IF_ERROR(database().QueryInt("SELECT count(*) FROM sqlite_schema").status());
    DAYBOOK_RETURN_IF_ERROR(
        database().Checkpoint(SQLITE_CHECKPOINT_TRUNCATE, std::chrono::seconds(0)).status());
    // The disk may hold an older part of the log, which would take back what has been copied.
    DAYBOOK_RETURN_IF_ERROR(database().SyncLog());
  }
  InboxTransaction transaction(*this);
  DAYBOOK_RETURN_IF_ERROR(transaction.Begin());
  DAYBOOK_RETURN_IF_ERROR(CheckKind(database()));
  DAYBOOK_ASSIGN_OR_RETURN(const bool made, HasOwnTables(database()));
  DAYBOOK_ASSIGN_OR_RETURN(const bool is_users, HasUsersTables(database()));
  if (!made) DAYBOOK_RETURN_IF_ERROR(MakeOwnTables(database(), !is_users));
  if (!is_users && !schema.empty()) {
    if (absl::Status ran = session_.RunScript(schema); !ran.ok()) {
      return MakeStatus(ran.code(), absl::StrCat("options.schema: ", ran.message()));
    }
  }
  return transaction.Commit();
}

// After a sync that failed the disk may lack what SQLite counts as copied: the log must stay until
// the file is opened anew.
void InboxFile::KeepLogSmall() {
  session_.KeepLogSmall();
  if (database().sync_failed()) database().KeepLogAtClose();
}

InboxTransaction::~InboxTransaction() {
  // It fails only if SQLite has rolled back by itself.
  if (file_.database().in_transaction()) file_.database().Execute("ROLLBACK").IgnoreError();
}

absl::Status InboxTransaction::Begin() {
  if (file_.database().sync_failed()) {
    return MakeStatus(absl::StatusCode::kFailedPrecondition,
                      absl::StrCat("a sync of ", file_.database().path(),
                                   " has failed; look at the disk, and open the inbox anew"));
  }
  DAYBOOK_RETURN_IF_ERROR(turn_.Enter(kInboxBusyTimeout));
  return file_.database().Execute("BEGIN IMMEDIATE");
}

absl::Status InboxTransaction::Commit() {
  DAYBOOK_RETURN_IF_ERROR(file_.database().Execute("COMMIT"));
  file_.KeepLogSmall();
  return absl::OkStatus();
}

absl::StatusOr<ReplayLock> ReplayLock::Take(const std::string& path) {
  DAYBOOK_ASSIGN_OR_RETURN(const int file, OpenSidecar(path));
  ReplayLock taken(file);
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = kReplayByte;
  lock.l_len = 1;
  if (fcntl(file, F_OFD_SETLK, &lock) == 0) return taken;
  if (errno != EAGAIN && errno != EACCES) return SystemError("locking", path + "-turn");
  return MakeStatus(absl::StatusCode::kUnavailable,
                    absl::StrCat("another replay of ", path,
                                 " is under way, here or in another process; let it finish, and "
                                 "try again"));
}

ReplayLock::~ReplayLock() {
  if (file_ >= 0) close(file_);
}

ReplayLock::ReplayLock(ReplayLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

}  // namespace daybook::internal
