#ifndef DAYBOOK_SRC_SUBSCRIPTION_WORKERS_H_
#define DAYBOOK_SRC_SUBSCRIPTION_WORKERS_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "mutex.h"

namespace daybook::internal {

// Threads that run what they are given, in the order in which it is given. Thread-safe.
class Workers {
 public:
  explicit Workers(int threads);
  // Runs what it has been given to the end.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void Run(std::function<void()> task);

  // Whether the caller is one of them.
  bool IsHere() const;

 private:
  void Work();

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_WORKERS_H_
