#ifndef DAYBOOK_SRC_SQLITE_DATABASE_H_
#define DAYBOOK_SRC_SQLITE_DATABASE_H_

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace daybook::internal {

// A prepared statement. Bound text and blobs are not copied: they must stay until Reset.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  template <typename... T>
  void Bind(const T&... values) {
    int index = 0;
    (BindOne(++index, values), ...);
  }

  // True: there is a row. False: done, and reset.
  absl::StatusOr<bool> Step();
  // For statements whose rows, if any, nobody wants.
  absl::Status Run();
  void Reset() { sqlite3_reset(handle_); }

  // Of the row under the cursor; views end with the next Step or Reset.
  int64_t Int(int column) const { return sqlite3_column_int64(handle_, column); }
  bool IsNull(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
  std::string_view Bytes(int column) const;

 private:
  struct Blob {
    std::string_view bytes;
  };
  friend Blob AsBlob(std::string_view bytes);

  void BindOne(int index, int64_t value) { sqlite3_bind_int64(handle_, index, value); }
  void BindOne(int index, std::string_view text) {
    sqlite3_bind_text64(handle_, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  void BindOne(int index, Blob blob) {
    // A null pointer would bind NULL.
    const char* data = blob.bytes.empty() ? "" : blob.bytes.data();
    sqlite3_bind_blob64(handle_, index, data, blob.bytes.size(), SQLITE_STATIC);
  }

  sqlite3_stmt* const handle_;
};

inline Statement::Blob AsBlob(std::string_view bytes) { return {bytes}; }

// Resets a statement at the end of a scope, whichever way it is left.
class ResetAtExit {
 public:
  explicit ResetAtExit(Statement& statement) : statement_(statement) {}
  ~ResetAtExit() { statement_.Reset(); }
  ResetAtExit(const ResetAtExit&) = delete;
  ResetAtExit& operator=(const ResetAtExit&) = delete;

 private:
  Statement& statement_;
};

// What a checkpoint found.
struct WalPages {
  int copied = 0;        // of the log's pages, from its beginning, by now
  bool blocked = false;  // readers, a writer or another checkpoint stood in the way
};

// One connection. Used by one thread at a time.
class Database {
 public:
  // `flags` as for sqlite3_open_v2. kPermissionDenied if the file can only be read.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path, int flags,
                                                        const std::string& vfs,
                                                        std::chrono::nanoseconds patience);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements that return nothing.
  absl::Status Execute(const std::string& sql);

  // The one integer that `sql` yields; 0 if it yields no row.
  absl::StatusOr<int64_t> QueryInt(const std::string& sql);

  // `sql` prepared, once for each address: pass constants.
  absl::StatusOr<Statement*> Prepared(const char* sql);

  // Copies pages from the write-ahead log into the file. `mode` as for sqlite3_wal_checkpoint_v2.
  // REQUIRES: the connection has read something; before, SQLite copies nothing and says so to
  // nobody.
  absl::StatusOr<WalPages> Checkpoint(int mode, std::chrono::nanoseconds patience);

  // Syncs the database file itself, and the write-ahead log.
  absl::Status SyncFile() { return Sync(SQLITE_FCNTL_FILE_POINTER); }
  absl::Status SyncLog() { return Sync(SQLITE_FCNTL_JOURNAL_POINTER); }

  // Whether a sync failed in one of these. The kernel may have dropped pages that SQLite counts as
  // copied: the log must not start over before a recovery has copied it from its beginning.
  bool sync_failed() const { return sync_failed_; }

  // Leaves the write-ahead log as it is, even if this is the last connection to close.
  void KeepLogAtClose() {
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }

  // Pages in the write-ahead log after this connection's last commit.
  int wal_pages() const { return wal_pages_; }

  bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
  std::string path() const { return sqlite3_db_filename(handle_, "main"); }
  sqlite3* handle() { return handle_; }

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  static int OnBusy(void* self, int tries);
  absl::Status Sync(int which_file);

  sqlite3* const handle_;
  std::unordered_map<const char*, std::unique_ptr<Statement>> statements_;
  std::chrono::nanoseconds patience_{0};
  std::chrono::steady_clock::time_point waiting_since_;
  int wal_pages_ = 0;
  bool sync_failed_ = false;
};

// What SQLite's result code means, in the words of daybook/status.h, with SQLite's own message.
absl::Status SqliteError(sqlite3* handle, int code, std::string_view doing);

// How long to wait before trying again for something that has been waited for since `since`: short
// at first, and never more than an eighth of the wait so far.
std::chrono::nanoseconds NextPause(std::chrono::steady_clock::time_point since);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_DATABASE_H_
