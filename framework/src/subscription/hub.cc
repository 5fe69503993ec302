#include "subscription/hub.h"

#include <algorithm>
#include <map>
#include <utility>

#include "status_macros.h"
#include "subscription/rows.h"

namespace daybook::internal {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How soon a request of another process is seen.
constexpr milliseconds kSafetyPoll(250);
constexpr milliseconds kPauseAfterError(100);

struct Hubs {
  Mutex mutex;
  std::map<EventStore*, std::weak_ptr<Hub>> by_store ABSL_GUARDED_BY(mutex);
};

Hubs& AllHubs() {
  static Hubs* const hubs = new Hubs;
  return *hubs;
}

}  // namespace

std::shared_ptr<Hub> Hub::Of(EventStore& store) {
  Hubs& all = AllHubs();
  MutexLock lock(all.mutex);
  std::erase_if(all.by_store, [](const auto& one) { return one.second.expired(); });
  std::weak_ptr<Hub>& known = all.by_store[&store];
  std::shared_ptr<Hub> hub = known.lock();
  if (hub == nullptr) {
    hub = std::make_shared<Hub>(store);
    known = hub;
  }
  return hub;
}

Hub::Hub(EventStore& store) : store_(store), recent_(store), leases_(store) {}

Hub::~Hub() = default;

void Hub::Join(Member& member) {
  {
    MutexLock lock(mutex_);
    members_.insert(&member);
  }
  MutexLock lock(thread_mutex_);
  if (!thread_.joinable()) {
    thread_ = std::jthread([this](std::stop_token stop) { Run(stop); });
  }
}

void Hub::Leave(Member& member) {
  bool last = false;
  {
    MutexLock lock(mutex_);
    members_.erase(&member);
    last = members_.empty();
  }
  if (!last) return;
  MutexLock lock(thread_mutex_);
  {
    MutexLock members(mutex_);
    if (!members_.empty()) return;
  }
  thread_ = {};
}

void Hub::Hurry() {
  MutexLock lock(mutex_);
  hurried_ = true;
  hurry_.request_stop();
}

absl::Status Hub::RefreshHead() {
  DAYBOOK_ASSIGN_OR_RETURN(const Position head, store_.Head());
  int64_t known = head_;
  while (known < head.value() && !head_.compare_exchange_weak(known, head.value())) {
  }
  return absl::OkStatus();
}

void Hub::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Wait(stop, std::min(next_poll_, RenewalDue()));
    if (stop.stop_requested()) return;
    // Who holds one sees that it runs out.
    if (steady_clock::now() >= RenewalDue()) leases_.Renew(ShortestLease()).IgnoreError();
    if (steady_clock::now() >= next_poll_) {
      DeliverRequests().IgnoreError();  // the next poll meets it again
      next_poll_ = steady_clock::now() + kSafetyPoll;
    }
  }
}

// For the log to grow, or for somebody in a hurry.
void Hub::Wait(const std::stop_token& stop, EngineTime deadline) {
  std::stop_token hurried;
  {
    MutexLock lock(mutex_);
    if (std::exchange(hurried_, false)) {
      hurry_ = {};
      next_poll_ = {};
      return;
    }
    hurried = hurry_.get_token();
  }
  const std::stop_callback end_with_thread(stop, [this] { Hurry(); });
  const absl::StatusOr<Position> head = store_.WaitBeyond(this->head(), deadline, hurried);
  if (head.ok()) {
    head_.store(head->value(), std::memory_order_release);
    MutexLock lock(mutex_);
    for (Member* member : members_) member->OnHead();
  } else if (!absl::IsDeadlineExceeded(head.status())) {
    // The subscriptions meet the same error, and report it.
    std::this_thread::sleep_for(kPauseAfterError);
  }
}

milliseconds Hub::ShortestLease() {
  MutexLock lock(mutex_);
  milliseconds shortest = std::chrono::hours(1);
  for (const Member* member : members_) shortest = std::min(shortest, member->lease());
  return shortest;
}

EngineTime Hub::RenewalDue() {
  if (leases_.renewed_at() == EngineTime()) return EngineTime::max();
  return leases_.renewed_at() + ShortestLease() / 3;
}

absl::Status Hub::DeliverRequests() {
  DAYBOOK_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                           store_.ReadRows({.table = kRequestTable, .limit = kNoLimit}));
  for (const Row& row : rows) {
    const absl::StatusOr<RequestRow> request = DecodeRow<RequestRow>(row);
    if (!request.ok()) continue;
    MutexLock lock(mutex_);
    for (Member* member : members_) {
      if (member->name() == request->subscription()) member->OnRequest(*request, row);
    }
  }
  return absl::OkStatus();
}

}  // namespace daybook::internal
