#ifndef DAYBOOK_SRC_SQLITE_WAL_KEEPER_H_
#define DAYBOOK_SRC_SQLITE_WAL_KEEPER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "mutex.h"
#include "sqlite/database.h"
#include "sqlite/shared_page.h"

namespace daybook::internal {

// Keeps the write-ahead log small. Once it holds enough pages, a thread with a connection of its
// own copies them into the file and syncs it, which disturbs nobody; the few that were written
// meanwhile the writer copies between two groups, and the next group starts the log over. Only a
// log near its limit makes the writer wait: for the thread, and for readers, the longer the nearer.
class WalKeeper {
 public:
  // `report` is called from both threads with the outcome of each try.
  WalKeeper(std::unique_ptr<Database> database, SharedPage& page, int64_t wal_limit,
            std::function<void(const absl::Status&)> report);
  ~WalKeeper();
  WalKeeper(const WalKeeper&) = delete;
  WalKeeper& operator=(const WalKeeper&) = delete;

  // Called by the writer between two groups, with its connection.
  void AfterCommit(Database& writer);

 private:
  void Run();
  void Copy();
  void NoteGroup(int pages);
  int NearLimit() const;
  std::chrono::nanoseconds Patience();
  void Finish(Database& writer, bool near_limit);

  const int limit_pages_;
  const int bulk_pages_;
  const std::unique_ptr<Database> database_;
  SharedPage& page_;  // once it says that a sync has failed, nothing is copied any more
  const std::function<void(const absl::Status&)> report_;

  // kIdle → the writer asks → kCopying → the thread is done → kCopied → the writer finishes →
  // kIdle.
  enum State { kIdle, kCopying, kCopied, kStopped };
  std::atomic<State> state_ = kIdle;  // changed under mutex_
  Mutex mutex_;
  CondVar changed_;
  int copied_pages_ = 0;  // written by the thread before kCopied, read by the writer behind it

  // The writer's own.
  int pages_ = 0;  // in the log
  int next_try_pages_ = 0;
  int largest_group_ = 0;  // pages of a commit, the largest of late
  bool waited_at_limit_ = false;

  std::thread thread_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_WAL_KEEPER_H_
