#include "aggregate_cache.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "make_status.h"

namespace daybook::internal {

thread_local int CommandScope::depth_ = 0;

absl::StatusOr<AggregateCache::Lease> AggregateCache::Take(std::string_view id) {
  const std::thread::id self = std::this_thread::get_id();
  MutexLock lock(mutex_);
  Entry& entry = FindOrAdd(id);
  if (!entry.lent) {
    entry.lent = true;
    entry.holder = self;
    return Lease(*this, entry);
  }
  if (entry.holder == self) {
    return MakeStatus(absl::StatusCode::kFailedPrecondition,
                      absl::StrCat("aggregate ", entry.id,
                                   " was asked for from inside its own command or Apply"));
  }
  if (CommandScope::Entered()) return Lease(std::make_unique<Instance>());

  Waiter waiter(self);
  entry.waiters.push_back(&waiter);
  while (!waiter.granted) waiter.changed.Wait(mutex_);
  return Lease(*this, entry);
}

AggregateCache::Entry& AggregateCache::FindOrAdd(std::string_view id) {
  if (const auto found = by_id_.find(id); found != by_id_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
  } else {
    entries_.emplace_front(id);
    by_id_.emplace(entries_.front().id, entries_.begin());
  }
  return entries_.front();
}

void AggregateCache::Release(Entry& entry) {
  std::list<Entry> dropped;  // outlives the lock: what a user's destructor does, it does outside
  MutexLock lock(mutex_);
  if (!entry.waiters.empty()) {
    Waiter& next = *entry.waiters.front();
    entry.waiters.pop_front();
    entry.holder = next.thread;
    next.granted = true;
    next.changed.NotifyOne();
    return;
  }
  entry.lent = false;
  entry.holder = {};
  const bool worth_keeping =
      entry.instance.aggregate != nullptr && entry.instance.aggregate->version() > Version(0);
  if (!worth_keeping) {
    Drop(by_id_.find(entry.id)->second, dropped);
  } else if (entries_.size() > capacity_) {
    Shrink(dropped);
  }
}

void AggregateCache::Shrink(std::list<Entry>& dropped) {
  auto next = entries_.end();
  while (entries_.size() > capacity_ && next != entries_.begin()) {
    const auto candidate = std::prev(next);
    if (candidate->lent) {
      next = candidate;
    } else {
      Drop(candidate, dropped);
    }
  }
}

void AggregateCache::Drop(std::list<Entry>::iterator entry, std::list<Entry>& dropped) {
  by_id_.erase(entry->id);
  dropped.splice(dropped.begin(), entries_, entry);
}

}  // namespace daybook::internal
