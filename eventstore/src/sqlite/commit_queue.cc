#include "sqlite/commit_queue.h"

#include <thread>

namespace daybook::internal {
namespace {

using std::chrono::steady_clock;

// A group beyond these takes no more members: its answers should not wait too long.
constexpr size_t kMaxItems = 512;
constexpr size_t kMaxBytes = 2u << 20;

}  // namespace

void CommitQueue::Run(WriteItem& item) {
  const size_t bytes = item.Bytes();
  std::shared_ptr<Group> group;
  bool first = false;
  {
    MutexLock lock(mutex_);
    if (gathering_ == nullptr || gathering_->items.size() >= kMaxItems ||
        gathering_->bytes + bytes > kMaxBytes) {
      gathering_ = std::make_shared<Group>();
      first = true;
    }
    group = gathering_;
    group->items.push_back(&item);
    group->bytes += bytes;
  }
  if (first) return Lead(group);
  while (group->done.load(std::memory_order_acquire) == 0) FutexWait(group->done, 0);
}

void CommitQueue::Lead(const std::shared_ptr<Group>& group) {
  {
    MutexLock turn(committing_);
    AwaitMembers(*group);
    const steady_clock::time_point begin = steady_clock::now();
    {
      MutexLock lock(mutex_);
      if (gathering_ == group) gathering_ = nullptr;
    }
    commit_(group->items);
    last_size_ = group->items.size();
    last_took_ = steady_clock::now() - begin;
  }
  group->done.store(1, std::memory_order_release);
  if (group->items.size() > 1) FutexWakeAll(group->done);
}

// The members of the last group have just been woken, and most of them will be back at once.
// Without waiting for them, groups of one and of all the others take turns. A lone caller never
// waits.
void CommitQueue::AwaitMembers(const Group& group) {
  const steady_clock::time_point enough = steady_clock::now() + last_took_ / 4;
  while (true) {
    {
      MutexLock lock(mutex_);
      if (group.items.size() >= last_size_ || gathering_.get() != &group) return;
    }
    if (steady_clock::now() >= enough) return;
    std::this_thread::yield();
  }
}

}  // namespace daybook::internal
