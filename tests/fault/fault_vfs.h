// A SQLite VFS on which the power can go and the disk can fail.
//
//   FaultVfs vfs;
//   auto store = SqliteEventStore::Open({.path = folder + "/log.db", .vfs = vfs.name()});
//   vfs.CutPowerAt(117);                       // the 117th write, sync, truncation, …
//   ...                                        // from there on everything fails
//   store.reset();
//   vfs.Materialize(after, seed);              // what the disk may hold when it is back

#ifndef DAYBOOK_TESTS_FAULT_FAULT_VFS_H_
#define DAYBOOK_TESTS_FAULT_FAULT_VFS_H_

#include <sqlite3.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <random>
#include <string>

#include "fault/crash_disk.h"

namespace daybook::fault {

// Calls that change the disk, which are those that are counted.
enum class IoCall { kCreate, kWrite, kSync, kTruncate, kDelete };
inline constexpr size_t kIoCalls = 5;

// Stands on SQLite's default VFS: the files are real, so are locks and shared memory, and only one
// process uses them through it. Thread-safe. Outlives the connections opened on it.
class FaultVfs {
 public:
  explicit FaultVfs(uint64_t seed = 0);
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  // For SqliteEventStoreOptions::vfs and sqlite3_open_v2().
  const std::string& name() const { return name_; }

  // The `nth` call, and all after it, fail and change nothing, as if the process had been killed;
  // until Restart(), once nothing is open any more. The files keep what was not synced.
  void KillAt(int64_t nth);
  void Restart();

  // Takes the files of a folder, as they are, for durable. REQUIRES: none of them is open.
  void Adopt(const std::string& folder);

  // The `nth` call from the making of this VFS (the first is 1), and all after it, reads too, fail.
  // What that call was to change may or may not reach the disk.
  void CutPowerAt(int64_t nth);
  void CutPower() { power_is_off_ = true; }
  bool power_is_off() const { return power_is_off_; }

  // The `nth` call of this kind fails, once, with EIO or ENOSPC. A write may have been done in part
  // (with EIO whole); what a sync was to make durable becomes so in part, and the rest never will.
  // As Linux has it, whoever has the same file open is told of a failed sync at his next one.
  void FailOnce(IoCall call, int64_t nth, int error);
  // The same for the next sync of a database file, rather than of its log or journal.
  void FailNextSyncOfDatabase(int error);
  bool has_failed() const { return has_failed_; }

  // While set, each write fails with ENOSPC.
  void set_disk_is_full(bool full) { disk_is_full_ = full; }

  int64_t calls() const;
  int64_t calls(IoCall call) const;

  // What the disk may hold after the power is back, for each seed one outcome.
  void Materialize(const std::string& folder, uint64_t seed) const;

 private:
  struct OpenFile;
  struct Io;
  friend struct Io;

  enum class Verdict { kGo, kFail, kPowerCut, kKilled };

  // Counts a call and says what becomes of it.
  Verdict Judge(IoCall call);

  int Open(const char* name, OpenFile* file, int flags, int* out_flags);
  int Delete(const char* name, int sync_folder);
  int Write(OpenFile& file, const void* data, int amount, int64_t offset);
  int Sync(OpenFile& file);
  int Truncate(OpenFile& file, int64_t size);
  int FailWrite(OpenFile& file, const void* data, int amount, int64_t offset);
  CrashDisk::FilePtr Track(const char* name, OpenFile& file, bool existed);

  sqlite3_vfs* const base_;
  const std::string name_;
  sqlite3_vfs vfs_{};

  mutable std::mutex mutex_;  // guards what follows, and keeps disk and real files in step
  std::mt19937_64 random_;
  CrashDisk disk_;
  std::array<int64_t, kIoCalls> counts_{};
  int64_t count_ = 0;
  int64_t cut_at_ = std::numeric_limits<int64_t>::max();
  int64_t kill_at_ = std::numeric_limits<int64_t>::max();
  IoCall fail_call_ = IoCall::kWrite;
  int64_t fail_at_ = 0;
  int fail_error_ = 0;
  bool fail_database_sync_ = false;

  std::atomic<bool> disk_is_full_ = false;
  std::atomic<bool> has_failed_ = false;
  std::atomic<bool> power_is_off_ = false;
};

}  // namespace daybook::fault

#endif  // DAYBOOK_TESTS_FAULT_FAULT_VFS_H_
