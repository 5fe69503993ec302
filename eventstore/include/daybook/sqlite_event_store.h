// The embedded store: the log in one SQLite file.
//
//   auto store = daybook::SqliteEventStore::Open({.path = "orders.db"});
//   if (!store.ok()) { std::cerr << store.status() << '\n'; return 1; }
//   daybook::Repository<Order> orders(**store);              // the store outlives it
//
// Several threads, several stores in one process, and several processes may use one file at once.
// Beside `orders.db` stand SQLite's `orders.db-wal` and `orders.db-shm` while it is open, and
// `orders.db-turn`, which orders the writers of several processes and wakes their readers; it holds
// no data, has the owner and the mode of `orders.db`, and is neither to be deleted nor to be
// truncated while a store is open. Linux only; not for network file systems, whose locks and shared
// memory do not hold.
//
// Two rules of SQLite's hold for the whole process. While a store is open, do not open and close
// its files by other means than SQLite (a copy, a look at the header): the close would drop the
// process's locks on them; copy with Backup(). And a store does not cross fork(): open it in the
// process that uses it.

#ifndef DAYBOOK_SQLITE_EVENT_STORE_H_
#define DAYBOOK_SQLITE_EVENT_STORE_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event.h"
#include "daybook/event_store.h"

namespace daybook {

// What an acknowledged append survives.
enum class Durability {
  kPowerLoss,  // everything: each commit is synced to the disk before it is acknowledged
  kProcess,    // the end of the process, kill -9 too; after a power cut the newest commits may be
               // missing, in order from the end. Nothing is torn
};

struct SqliteEventStoreOptions {
  // The file; made if it is not there. Its folder must exist. It is taken for the name of a file,
  // whatever it says: ":memory:" and "file:..." mean nothing else.
  std::string path = {};

  Durability durability = Durability::kPowerLoss;

  // How long a write waits for another process's before it fails with kUnavailable. From 0 on; more
  // than a year is taken for a year.
  std::chrono::milliseconds busy_timeout = std::chrono::seconds(5);

  // The write-ahead log is kept below this many bytes, also under constant writing and reading:
  // near it, a commit waits up to half a second for reads to end. A read that stands open longer (a
  // slow visitor, Backup(), Verify()) takes it beyond for that time, and on_problem is told; so can
  // a commit of more than a quarter of it, which several callers may share. 1 MiB to 1 GiB.
  int64_t wal_limit = 16 << 20;

  // How long a once-key is remembered. They are removed in small steps by later appends that
  // carry one. At least a second; more than 100 years is taken for 100 years.
  std::chrono::seconds once_retention = std::chrono::hours(24 * 7);

  // Told of trouble in the background, which no caller could be told of. Called from any thread,
  // one call at a time; must not throw, nor call into the store. The store itself never prints.
  std::function<void(const absl::Status&)> on_problem = {};

  // Where recorded times come from. Empty: the system's clock. Must not throw.
  std::function<std::chrono::system_clock::time_point()> clock = {};

  // The name of a registered SQLite VFS. Empty: SQLite's default.
  std::string vfs = {};
};

// How the store is. A snapshot; cheap.
struct StoreHealth {
  // OK, or why every write is refused: after a commit in doubt, until this store is opened anew;
  // after a failed sync of the file, until every store on it has been closed.
  absl::Status writable = absl::OkStatus();
  // The last trouble in the background; OK again once the same work has succeeded.
  absl::Status background = absl::OkStatus();
  // Bytes in the write-ahead log after this process's last commit.
  int64_t wal_bytes = 0;
};

class SqliteEventStore final : public EventStore {
 public:
  // Opens or creates. After a crash, finishes the recovery and makes it durable before it returns.
  //
  // kInvalidArgument: an option out of bounds, or the file is another program's database or no
  // regular file; it stays as it was.
  // kFailedPrecondition: written by a newer Daybook, or a sync of the file has failed and somebody
  // still has it open. kDataLoss: damaged, or no database at all.
  // kPermissionDenied: the file or its folder is read-only. kNotFound: its folder does not exist.
  // kUnavailable: locked past the busy timeout. The message says what to do.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<SqliteEventStore>> Open(
      const SqliteEventStoreOptions& options);

  // REQUIRES: no other call is under way.
  ~SqliteEventStore() override;

  using EventStore::Append;
  absl::StatusOr<AppendResult> Append(const AppendRequest& request) override;
  absl::StatusOr<StreamState> Delete(std::string_view stream, ExpectedVersion expected) override;
  absl::StatusOr<StreamState> Tombstone(std::string_view stream, ExpectedVersion expected) override;
  absl::StatusOr<StreamState> Visit(const StreamQuery& query, const Visitor& visitor) override;
  absl::StatusOr<LogScan> Visit(const LogQuery& query, const Visitor& visitor) override;
  absl::StatusOr<StreamState> State(std::string_view stream) override;
  absl::StatusOr<std::vector<std::string>> ListStreams(const StreamListQuery& query) override;
  absl::StatusOr<std::optional<AppendResult>> FindOnce(const OnceKey& once) override;
  absl::StatusOr<std::vector<Row>> ReadRows(const RowQuery& query) override;
  absl::StatusOr<Position> Head() override;
  uint32_t Deletions() const override;
  absl::StatusOr<Position> WaitBeyond(Position position,
                                      std::chrono::steady_clock::time_point deadline,
                                      std::stop_token stop = {}) override;

  // Writes a copy of the log as it stands now to a new file, while writes go on. The copy appears
  // under its name only once it is whole and synced. It is a log of its own: its incarnation()
  // differs. It gets the log's mode, and its owner where root makes it, before anything is in it.
  // kAlreadyExists: `path` is there already. kInvalidArgument: `path` is empty or too long.
  // kNotFound: its folder does not exist. The write-ahead log grows meanwhile.
  [[nodiscard]] absl::Status Backup(const std::string& path);

  // Checks the file from end to end: SQLite's integrity check, and that every stream holds exactly
  // its versions, that all versions add up to the head, that time never falls. kDataLoss names the
  // first thing found. Cost: reads the whole file; the write-ahead log grows meanwhile.
  [[nodiscard]] absl::Status Verify();

  [[nodiscard]] StoreHealth Health() const;

  // Drawn when the file was made, and again for each backup: what remembers positions of this log
  // remembers this beside them.
  [[nodiscard]] const EventId& incarnation() const;

  // The file's absolute path.
  [[nodiscard]] const std::string& path() const;

 private:
  class Impl;
  explicit SqliteEventStore(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace daybook

#endif  // DAYBOOK_SQLITE_EVENT_STORE_H_
