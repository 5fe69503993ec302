#ifndef DAYBOOK_SRC_AGGREGATE_CACHE_H_
#define DAYBOOK_SRC_AGGREGATE_CACHE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "daybook/aggregate.h"
#include "daybook/event.h"
#include "mutex.h"

namespace daybook::internal {

// An aggregate and where in the log it was loaded.
struct Instance {
  std::unique_ptr<AggregateBase> aggregate = {};  // null: not loaded, or thrown away
  Version first = {};                             // the StreamState.first it was loaded under
  Position position = {};                         // of its last event; 0: it has none
};

// While it lives, this thread is running a user's command.
class CommandScope {
 public:
  CommandScope() { ++depth_; }
  ~CommandScope() { --depth_; }
  CommandScope(const CommandScope&) = delete;
  CommandScope& operator=(const CommandScope&) = delete;

  static bool Entered() { return depth_ > 0; }

 private:
  static thread_local int depth_;
};

// The recently used aggregates of a repository, each lent to one thread at a time, in the order of
// asking. Thread-safe.
class AggregateCache {
  struct Waiter {
    explicit Waiter(std::thread::id asking) : thread(asking) {}
    std::thread::id thread;
    bool granted = false;
    CondVar changed;
  };
  struct Entry {
    explicit Entry(std::string_view name) : id(name) {}
    const std::string id;
    Instance instance;
    bool lent = false;
    std::thread::id holder;
    std::list<Waiter*> waiters;
  };

 public:
  explicit AggregateCache(size_t capacity) : capacity_(capacity) {}

  // The exclusive use of an aggregate, as whoever had it before left it.
  class Lease {
   public:
    Lease(Lease&& other) noexcept = default;
    Instance& instance() const { return own_ != nullptr ? *own_ : borrowed_->instance; }

   private:
    friend class AggregateCache;
    struct GiveBack {
      void operator()(Entry* entry) const { cache->Release(*entry); }
      AggregateCache* cache;
    };
    Lease(AggregateCache& cache, Entry& entry) : borrowed_(&entry, GiveBack{&cache}) {}
    explicit Lease(std::unique_ptr<Instance> own)
        : borrowed_(nullptr, GiveBack{nullptr}), own_(std::move(own)) {}

    std::unique_ptr<Entry, GiveBack> borrowed_;
    std::unique_ptr<Instance> own_;
  };

  // Waits until the aggregate is free. Inside a command it does not wait, lest two commands wait
  // for each other: it lends an instance of its own. kFailedPrecondition: this thread has it.
  absl::StatusOr<Lease> Take(std::string_view id);

 private:
  Entry& FindOrAdd(std::string_view id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Release(Entry& entry);
  void Shrink(std::list<Entry>& dropped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Drop(std::list<Entry>::iterator entry, std::list<Entry>& dropped)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t capacity_;
  Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // the most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_id_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_AGGREGATE_CACHE_H_
