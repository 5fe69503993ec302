#ifndef DAYBOOK_SRC_SQLITE_COMMIT_QUEUE_H_
#define DAYBOOK_SRC_SQLITE_COMMIT_QUEUE_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "mutex.h"
#include "sqlite/futex.h"
#include "sqlite/log_writer.h"

namespace daybook::internal {

// Group commit: while one group is being committed, the callers that come gather in the next; the
// first of them commits it for all (LevelDB's DBImpl::Write). A lone caller commits its own, on its
// own thread. Thread-safe.
class CommitQueue {
 public:
  using Commit = std::function<void(std::span<WriteItem* const>)>;

  // `commit` runs on one thread at a time.
  explicit CommitQueue(Commit commit) : commit_(std::move(commit)) {}

  // Returns when the item has its answer.
  void Run(WriteItem& item);

 private:
  // Shared by its members: the leader leaves while the others still wake up.
  struct Group {
    std::vector<WriteItem*> items;
    size_t bytes = 0;
    FutexWord done = 0;
  };

  void Lead(const std::shared_ptr<Group>& group);
  void AwaitMembers(const Group& group) ABSL_EXCLUSIVE_LOCKS_REQUIRED(committing_);

  const Commit commit_;
  Mutex mutex_;
  std::shared_ptr<Group> gathering_ ABSL_GUARDED_BY(mutex_);
  Mutex committing_;
  std::chrono::nanoseconds last_took_ ABSL_GUARDED_BY(committing_){0};
  size_t last_size_ ABSL_GUARDED_BY(committing_) = 0;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_COMMIT_QUEUE_H_
