#ifndef DAYBOOK_SRC_SUBSCRIPTION_HUB_H_
#define DAYBOOK_SRC_SUBSCRIPTION_HUB_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "daybook/event_store.h"
#include "mutex.h"
#include "subscription/engine.h"
#include "subscription/leases.h"
#include "subscription/recent_records.h"

namespace daybook::internal {

// What all subscriptions on one store share in this process: the newest records, the leases, and a
// thread, existing while one of them runs, that waits for the log to grow, renews the leases and
// looks for requests. Thread-safe.
class Hub {
 public:
  // The one of `store`. It ends with the last who holds it.
  static std::shared_ptr<Hub> Of(EventStore& store);

  explicit Hub(EventStore& store);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // One who is told. Called on any thread: must be quick, and not call the hub.
  class Member {
   public:
    virtual ~Member() = default;
    virtual const std::string& name() const = 0;
    virtual std::chrono::milliseconds lease() const = 0;
    virtual void OnHead() = 0;
    // Again and again, until it is answered.
    virtual void OnRequest(const RequestRow& request, const Row& stored) = 0;
  };
  void Join(Member& member);
  // Returns when the member is not being called, and will not be again.
  void Leave(Member& member);

  // The newest position that is known.
  Position head() const { return Position(head_.load(std::memory_order_acquire)); }
  absl::Status RefreshHead();

  // Hands what is asked of its members on to them, before it returns.
  absl::Status DeliverRequests();

  // Looks for requests, and renews leases, now.
  void Hurry();

  RecentRecords& recent() { return recent_; }
  Leases& leases() { return leases_; }

 private:
  void Run(const std::stop_token& stop);
  void Wait(const std::stop_token& stop, EngineTime deadline);
  EngineTime RenewalDue();
  std::chrono::milliseconds ShortestLease();

  EventStore& store_;
  RecentRecords recent_;
  Leases leases_;
  std::atomic<int64_t> head_ = 0;

  Mutex mutex_;
  std::set<Member*> members_ ABSL_GUARDED_BY(mutex_);
  std::stop_source hurry_ ABSL_GUARDED_BY(mutex_);
  bool hurried_ ABSL_GUARDED_BY(mutex_) = false;
  EngineTime next_poll_ = {};  // by the thread alone

  Mutex thread_mutex_;
  std::jthread thread_ ABSL_GUARDED_BY(thread_mutex_);  // last: it uses the others
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_HUB_H_
