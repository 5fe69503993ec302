#ifndef DAYBOOK_SRC_SUBSCRIPTION_INBOX_H_
#define DAYBOOK_SRC_SUBSCRIPTION_INBOX_H_

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "daybook/event.h"
#include "daybook/event_store.h"
#include "daybook/subscription.pb.h"
#include "mutex.h"
#include "subscription/engine.h"

namespace daybook::internal {

// What other threads tell the one that drives a subscription. Outlives it, for completions may come
// late. Thread-safe.
class Inbox {
 public:
  struct Completed {
    uint64_t generation = 0;
    Position position = {};
    absl::Status status = absl::OkStatus();
  };
  struct Request {
    RequestRow row = {};
    Row stored = {};
  };
  struct Input {
    std::vector<Completed> completed = {};
    std::vector<Request> requests = {};
  };

  void Add(Completed completed) {
    MutexLock lock(mutex_);
    input_.completed.push_back(std::move(completed));
    WakeLocked();
  }
  void Add(Request request) {
    MutexLock lock(mutex_);
    input_.requests.push_back(std::move(request));
    WakeLocked();
  }
  void Wake() {
    MutexLock lock(mutex_);
    WakeLocked();
  }

  Input Take() {
    MutexLock lock(mutex_);
    woken_ = false;
    return std::exchange(input_, {});
  }

  // Returns when something has come since Take(), or at the deadline.
  void Wait(EngineTime deadline) {
    MutexLock lock(mutex_);
    while (!woken_ && std::chrono::steady_clock::now() < deadline) {
      waiting_ = true;
      changed_.WaitUntil(mutex_, deadline);
    }
    waiting_ = false;
  }

 private:
  void WakeLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    woken_ = true;
    if (waiting_) changed_.NotifyOne();
  }

  Mutex mutex_;
  CondVar changed_;
  Input input_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_INBOX_H_
