#ifndef DAYBOOK_TESTS_FRAMEWORK_HEARD_H_
#define DAYBOOK_TESTS_FRAMEWORK_HEARD_H_

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "support/patience.h"

namespace daybook::test {

// What callbacks have heard so far; several threads may add.
template <typename T>
class Heard {
 public:
  void Add(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }

  // Waits until there are `count`, and returns all there are.
  std::vector<T> Await(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, Patience(), [&] { return values_.size() >= count; }));
    return values_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> values_;
};

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_FRAMEWORK_HEARD_H_
