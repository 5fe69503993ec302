#ifndef DAYBOOK_SRC_SQLITE_FUTEX_H_
#define DAYBOOK_SRC_SQLITE_FUTEX_H_

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>

namespace daybook::internal {

// A word that threads wait on, of one process or, in shared memory, of several. std::atomic::wait
// spins in libstdc++ and knows one process only.
using FutexWord = std::atomic<uint32_t>;
static_assert(FutexWord::is_always_lock_free && sizeof(FutexWord) == sizeof(uint32_t));

// Returns when the word is no longer `seen`, at the deadline, or for no reason.
inline void FutexWait(
    FutexWord& word, uint32_t seen,
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max()) {
  timespec timeout;
  const timespec* limit = nullptr;
  if (deadline != std::chrono::steady_clock::time_point::max()) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
        deadline - std::chrono::steady_clock::now());
    const int64_t nanos = std::max<int64_t>(left.count(), 0);
    timeout.tv_sec = nanos / 1'000'000'000;
    timeout.tv_nsec = nanos % 1'000'000'000;
    limit = &timeout;
  }
  syscall(SYS_futex, &word, FUTEX_WAIT, seen, limit, nullptr, 0);
}

inline void FutexWakeAll(FutexWord& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_FUTEX_H_
