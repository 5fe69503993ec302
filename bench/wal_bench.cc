// When to copy the write-ahead log into the file: what it costs the writer in throughput, what it
// adds to single commits, and how large the log grows. Bare statements; the policies are Daybook's
// and SQLite's own. See docs/performance.md.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "latencies.h"
#include "ratio_table.h"
#include "raw_log.h"
#include "raw_sqlite.h"

namespace daybook::bench {
namespace {

constexpr int kNever = 1 << 30;
constexpr int kSmallRest = 64;

// Counts are pages in the write-ahead log.
struct Policy {
  const char* name;
  int in_line;     // SQLite's own commit checkpoints from here on
  int background;  // another thread begins to copy
  bool sync;       // … and syncs what it copied
  bool finish;     // the writer copies the rest once it is small
  int limit;       // the writer copies the rest, whatever it is
};

constexpr Policy kPolicies[] = {
    {"in_line_1000", 1000, kNever, false, false, kNever},
    {"in_line_4000", 4000, kNever, false, false, kNever},
    {"background_only", 0, 1000, true, false, kNever},
    {"finish_unsynced", 0, 1000, false, true, 3000},
    {"finish_no_limit", 0, 1000, true, true, kNever},
    {"finish_500_limit_1500", 0, 500, true, true, 1500},
    {"finish_1000_limit_2000", 0, 1000, true, true, 2000},
    {"finish_1000_limit_3000 (ours)", 0, 1000, true, true, 3000},
};

// Copies what is in the write-ahead log when asked to, on a thread and connection of its own.
class Copier {
 public:
  Copier(const std::string& path, bool sync) : db_(path), sync_(sync), thread_([this] { Run(); }) {
    // A connection that has read nothing yet checkpoints nothing, and says it is OK.
    db_.Execute("PRAGMA wal_autocheckpoint = 0; SELECT count(*) FROM sqlite_schema");
  }

  ~Copier() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  bool idle() {
    std::lock_guard lock(mutex_);
    return !asked_;
  }

  // How much of the log the last copy reached.
  int copied() {
    std::lock_guard lock(mutex_);
    return copied_;
  }

  void AwaitIdle() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return !asked_; });
  }

  void Ask() {
    {
      std::lock_guard lock(mutex_);
      asked_ = true;
    }
    wake_.notify_one();
  }

  void Restarted() {
    std::lock_guard lock(mutex_);
    copied_ = 0;
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return asked_ || stop_; });
      if (stop_) return;
      lock.unlock();
      int pages = 0, copied = 0;
      sqlite3_wal_checkpoint_v2(db_.get(), "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
      if (sync_) Sync();
      lock.lock();
      copied_ = copied;
      asked_ = false;
      done_.notify_one();
    }
  }

  // SQLite itself syncs the file only after a copy that reached the end of the log.
  void Sync() {
    sqlite3_file* file = nullptr;
    sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
    file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  }

  RawDatabase db_;
  const bool sync_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  bool asked_ = false, stop_ = false;
  int copied_ = 0;
  std::thread thread_;
};

// A log whose write-ahead log is kept by a policy.
class KeptLog {
 public:
  KeptLog(const std::string& path, const Policy& policy)
      : policy_(policy), log_(path, ChosenLayout()) {
    log_.database().Execute("PRAGMA wal_autocheckpoint = " + std::to_string(policy.in_line));
    if (policy.in_line == 0) copier_ = std::make_unique<Copier>(path, policy.sync);
    if (policy.in_line == 0) sqlite3_wal_hook(log_.database().get(), &OnCommit, this);
  }

  void SetSynchronous(const char* synchronous) { log_.SetSynchronous(synchronous); }
  RawDatabase& database() { return log_.database(); }

  void Append() {
    log_.Begin();
    log_.Append(log_.AnyStream(), 1);
    log_.Commit();
    if (copier_ != nullptr) Keep();
  }

 private:
  static int OnCommit(void* self, sqlite3*, const char*, int pages) {
    static_cast<KeptLog*>(self)->pages_ = pages;
    return SQLITE_OK;
  }

  void Keep() {
    if (pages_ < policy_.background) return;
    if (pages_ < policy_.limit) {
      if (!copier_->idle()) return;
      const int copied = copier_->copied();
      const bool small = copied > 0 && pages_ - copied <= std::max(kSmallRest, copied / 4);
      if (!policy_.finish || !small) return copier_->Ask();
    }
    copier_->AwaitIdle();  // one checkpoint at a time
    sqlite3_wal_checkpoint_v2(database().get(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr,
                              nullptr);
    copier_->Restarted();
    pages_ = 0;
  }

  const Policy& policy_;
  RawLog log_;
  std::unique_ptr<Copier> copier_;
  int pages_ = 0;
};

struct Work {
  const char* name;
  const char* synchronous;
  int appends;
};

constexpr Work kWorks[] = {{"continuous append, power loss", "FULL", 3000},
                           {"continuous append, process", "NORMAL", 20000}};

void Write(benchmark::State& state, KeptLog& log, const std::string& path, const Work& work) {
  log.SetSynchronous(work.synchronous);
  log.database().Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  Latencies latencies;
  for (auto _ : state) {
    latencies.Begin();
    log.Append();
    latencies.End();
  }
  latencies.Report(state);
  ReportWal(state, path);
}

}  // namespace
}  // namespace daybook::bench

int main(int argc, char** argv) {
  using namespace daybook::bench;
  ScratchFolder folder;
  std::map<std::string, std::unique_ptr<KeptLog>> logs;
  for (const Work& work : kWorks) {
    for (const Policy& policy : kPolicies) {
      benchmark::RegisterBenchmark((std::string(work.name) + "/" + policy.name).c_str(),
                                   [&](benchmark::State& state) {
                                     const std::string path = folder.File(policy.name);
                                     auto& log = logs[policy.name];
                                     if (log == nullptr)
                                       log = std::make_unique<KeptLog>(path, policy);
                                     Write(state, *log, path, work);
                                   })
          ->Iterations(work.appends)
          ->UseRealTime();
    }
  }
  return RunAndPrintRatios(argc, argv);
}
