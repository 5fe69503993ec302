#ifndef DAYBOOK_SRC_SQLITE_SHARED_PAGE_H_
#define DAYBOOK_SRC_SQLITE_SHARED_PAGE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "sqlite/futex.h"

namespace daybook::internal {

// What the stores on one file, of whatever process, tell each other at once: a page of shared
// memory. Thread-safe.
class SharedPage {
 public:
  // Of the stores on the database at this path.
  static absl::StatusOr<std::unique_ptr<SharedPage>> Open(const std::string& database);
  ~SharedPage();
  SharedPage(const SharedPage&) = delete;
  SharedPage& operator=(const SharedPage&) = delete;

  // The commit bell, rung after each commit that moved the head. It says that something is new,
  // never what: that stands in the log. A writer killed between its commit and the ring leaves it
  // unrung, so a waiter looks for itself now and then, too.
  void Ring();
  uint32_t Rings() const { return words_.rings.load(std::memory_order_acquire); }

  // Returns when the bell has been rung since Rings() gave `heard`, at the deadline, or for no
  // reason.
  void Wait(uint32_t heard, std::chrono::steady_clock::time_point deadline) {
    FutexWait(words_.rings, heard, deadline);
  }

  // A sync of the database file has failed, and pages that SQLite counts as copied may be gone from
  // it: nobody writes until the log has been copied from its beginning.
  bool sync_failed() const { return words_.sync_failed.load(std::memory_order_acquire) != 0; }
  void set_sync_failed(bool failed) {
    words_.sync_failed.store(failed ? 1 : 0, std::memory_order_release);
  }

  // Counts commits that may have deleted events. A writer killed right after such a commit leaves
  // it uncounted; so opening counts, too.
  uint32_t deletions() const { return words_.deletions.load(std::memory_order_acquire); }
  void CountDeletion() { words_.deletions.fetch_add(1, std::memory_order_release); }

 private:
  struct Words {
    FutexWord rings;
    std::atomic<uint32_t> sync_failed;
    std::atomic<uint32_t> deletions;
  };

  explicit SharedPage(void* page);

  void* const page_;
  Words& words_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_SHARED_PAGE_H_
