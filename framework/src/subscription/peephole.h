#ifndef DAYBOOK_SRC_SUBSCRIPTION_PEEPHOLE_H_
#define DAYBOOK_SRC_SUBSCRIPTION_PEEPHOLE_H_

#include <atomic>

#include "mutex.h"

namespace daybook::internal {

// Lets any thread look at what one thread owns, while the owner is busy with something else. Costs
// the owner an atomic operation.
class Peephole {
 public:
  // By the owner, who keeps off what is to be seen until Close().
  void Open() { state_.store(kOpen, std::memory_order_release); }

  // Waits for who is looking.
  void Close() {
    int open = kOpen;
    while (!state_.compare_exchange_weak(open, kClosed, std::memory_order_acquire)) {
      if (open == kLooking) state_.wait(kLooking, std::memory_order_relaxed);
      open = kOpen;
    }
  }

  // Calls `look`, which must be quick; false: it is closed.
  template <typename Look>
  bool LookIn(Look look) {
    MutexLock one_at_a_time(mutex_);
    int open = kOpen;
    if (!state_.compare_exchange_strong(open, kLooking, std::memory_order_acquire)) return false;
    look();
    state_.store(kOpen, std::memory_order_release);
    state_.notify_one();
    return true;
  }

 private:
  enum State : int { kClosed, kOpen, kLooking };

  std::atomic<int> state_ = kClosed;
  Mutex mutex_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_PEEPHOLE_H_
