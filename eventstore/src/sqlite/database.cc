#include "sqlite/database.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

using std::chrono::steady_clock;

absl::StatusCode CodeOf(sqlite3* handle, int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_IOERR:
      return absl::StatusCode::kUnavailable;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:  // what is asked for never breaks one in a sound file
      return absl::StatusCode::kDataLoss;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return absl::StatusCode::kPermissionDenied;
    case SQLITE_CANTOPEN:
      switch (handle == nullptr ? 0 : sqlite3_system_errno(handle)) {
        case EACCES:
        case EPERM:
        case EROFS:
        case ENOENT:  // of SQLite's second try, for reading alone: the folder itself is there
          return absl::StatusCode::kPermissionDenied;
        case EISDIR:
          return absl::StatusCode::kInvalidArgument;
        default:
          return absl::StatusCode::kUnavailable;
      }
    case SQLITE_TOOBIG:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kInternal;
  }
}

std::string FileOf(sqlite3* handle) {
  const char* const name = handle == nullptr ? nullptr : sqlite3_db_filename(handle, "main");
  return name == nullptr || *name == '\0' ? "the log" : name;
}

// nullopt: what was being done tells more.
std::optional<std::string> WhatToDo(sqlite3* handle, int code) {
  const std::string file = FileOf(handle);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return file +
             " has been locked by another program for longer than the busy timeout; let that one "
             "finish, and try again";
    case SQLITE_NOTADB:
      return file + " is no database; name another file, or restore the log from a backup";
    case SQLITE_CORRUPT:
      return file + " is damaged or cut short; restore it from a backup";
    case SQLITE_IOERR:
      return file + " cannot be read or written; look at the disk";
    case SQLITE_FULL:
      return "the disk is full; make room for " + file;
    default:
      if (CodeOf(handle, code) != absl::StatusCode::kPermissionDenied) return std::nullopt;
      return file + " cannot be written; the store needs to write to its file and folder";
  }
}

}  // namespace

absl::Status SqliteError(sqlite3* handle, int code, std::string_view doing) {
  const char* const said = handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle);
  return MakeStatus(CodeOf(handle, code),
                    absl::StrCat(WhatToDo(handle, code).value_or(std::string(doing)),
                                 " (SQLite: ", said, ", code ", code, ")"));
}

std::chrono::nanoseconds NextPause(steady_clock::time_point since) {
  const std::chrono::nanoseconds eighth = (steady_clock::now() - since) / 8;
  return std::clamp<std::chrono::nanoseconds>(eighth, std::chrono::microseconds(10),
                                              std::chrono::milliseconds(1));
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  sqlite3* const database = sqlite3_db_handle(handle_);
  absl::Status failed = absl::OkStatus();
  if (code != SQLITE_DONE) {
    failed = SqliteError(database, sqlite3_extended_errcode(database), sqlite3_sql(handle_));
  }
  sqlite3_reset(handle_);
  if (!failed.ok()) return failed;
  return false;
}

absl::Status Statement::Run() {
  absl::StatusOr<bool> row = Step();
  if (row.ok() && *row) Reset();
  return row.status();
}

std::string_view Statement::Bytes(int column) const {
  const void* bytes = sqlite3_column_blob(handle_, column);
  const int size = sqlite3_column_bytes(handle_, column);
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(bytes), static_cast<size_t>(size));
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, int flags,
                                                         const std::string& vfs,
                                                         std::chrono::nanoseconds patience) {
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX,
                                     vfs.empty() ? nullptr : vfs.c_str());
  if (opened != SQLITE_OK) {
    absl::Status failed = SqliteError(handle, opened, absl::StrCat("opening ", path));
    sqlite3_close(handle);
    return failed;
  }
  auto database = std::unique_ptr<Database>(new Database(handle));
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  database->patience_ = patience;
  sqlite3_busy_handler(handle, &Database::OnBusy, database.get());
  // Replaces SQLite's own checkpoint after each 1,000 pages, too.
  sqlite3_wal_hook(
      handle,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Database*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      database.get());
  return database;
}

Database::~Database() {
  statements_.clear();
  sqlite3_close(handle_);
}

int Database::OnBusy(void* self, int tries) {
  auto* const database = static_cast<Database*>(self);
  if (tries == 0) database->waiting_since_ = steady_clock::now();
  if (steady_clock::now() - database->waiting_since_ >= database->patience_) return 0;
  std::this_thread::sleep_for(NextPause(database->waiting_since_));
  return 1;
}

absl::Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : SqliteError(handle_, code, sql);
}

absl::StatusOr<int64_t> Database::QueryInt(const std::string& sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v2(handle_, sql.c_str(), -1, &handle, nullptr);
  if (code != SQLITE_OK) return SqliteError(handle_, code, sql);
  Statement statement(handle);
  DAYBOOK_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Int(0) : 0;
}

absl::StatusOr<Statement*> Database::Prepared(const char* sql) {
  std::unique_ptr<Statement>& statement = statements_[sql];
  if (statement == nullptr) {
    sqlite3_stmt* handle = nullptr;
    const int code =
        sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    if (code != SQLITE_OK) return SqliteError(handle_, code, sql);
    statement = std::make_unique<Statement>(handle);
  }
  return statement.get();
}

absl::StatusOr<WalPages> Database::Checkpoint(int mode, std::chrono::nanoseconds patience) {
  int pages = 0, copied = 0;
  const std::chrono::nanoseconds usual = std::exchange(patience_, patience);
  const int code = sqlite3_wal_checkpoint_v2(handle_, "main", mode, &pages, &copied);
  patience_ = usual;
  sync_failed_ |= code == SQLITE_IOERR_FSYNC;
  const bool blocked = (code & 0xff) == SQLITE_BUSY;
  if (code != SQLITE_OK && !blocked) {
    return SqliteError(handle_, code, "copying the write-ahead log");
  }
  return WalPages{.copied = std::max(copied, 0), .blocked = blocked};
}

absl::Status Database::Sync(int which_file) {
  sqlite3_file* file = nullptr;
  int code = sqlite3_file_control(handle_, "main", which_file, &file);
  if (code == SQLITE_OK) code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  sync_failed_ |= code != SQLITE_OK;
  return code == SQLITE_OK ? absl::OkStatus() : SqliteError(handle_, code, "syncing a file");
}

}  // namespace daybook::internal
