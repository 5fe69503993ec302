#ifndef DAYBOOK_SRC_SQLITE_COMMIT_BELL_H_
#define DAYBOOK_SRC_SQLITE_COMMIT_BELL_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "sqlite/futex.h"

namespace daybook::internal {

// Rung after each commit that moved the head, heard by every process that has the file open: a
// counter in shared memory. It says that something is new, never what: that stands in the log. A
// writer killed between its commit and the ring leaves it unrung, so a waiter looks for itself now
// and then, too. Thread-safe.
class CommitBell {
 public:
  static absl::StatusOr<std::unique_ptr<CommitBell>> Open(const std::string& path);
  ~CommitBell();
  CommitBell(const CommitBell&) = delete;
  CommitBell& operator=(const CommitBell&) = delete;

  void Ring();
  uint32_t Rings() const { return word_.load(std::memory_order_acquire); }

  // Returns when the bell has been rung since Rings() gave `heard`, at the deadline, or for no
  // reason.
  void Wait(uint32_t heard, std::chrono::steady_clock::time_point deadline) {
    FutexWait(word_, heard, deadline);
  }

 private:
  explicit CommitBell(void* shared);

  void* const shared_;
  FutexWord& word_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_COMMIT_BELL_H_
