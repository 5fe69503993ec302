#include "sqlite/commit_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <set>
#include <thread>
#include <vector>

namespace daybook::internal {
namespace {

TEST(CommitQueueTest, ALoneCallerCommitsOnItsOwnThread) {
  std::thread::id committed_on;
  CommitQueue queue([&](std::span<WriteItem* const> group) {
    EXPECT_EQ(group.size(), 1u);
    committed_on = std::this_thread::get_id();
  });
  WriteItem item;
  queue.Run(item);
  EXPECT_EQ(committed_on, std::this_thread::get_id());
}

TEST(CommitQueueTest, WhoComesDuringACommitIsCommittedTogether) {
  constexpr size_t kOthers = 8;
  std::atomic<size_t> arriving = 0;
  std::latch first_began(1);
  std::vector<size_t> sizes;
  CommitQueue queue([&](std::span<WriteItem* const> group) {
    sizes.push_back(group.size());
    if (sizes.size() > 1) return;
    first_began.count_down();
    while (arriving < kOthers) std::this_thread::yield();
  });
  std::vector<WriteItem> items(kOthers + 1);
  std::vector<std::thread> threads;
  threads.emplace_back([&] { queue.Run(items[0]); });
  first_began.wait();
  for (size_t i = 1; i <= kOthers; ++i) {
    threads.emplace_back([&, i] {
      ++arriving;
      queue.Run(items[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sizes.front(), 1u);
  // The last few may have arrived just behind a group's closing.
  EXPECT_LT(sizes.size(), kOthers);
}

TEST(CommitQueueTest, EachItemIsCommittedOnceAndCommitsDoNotOverlap) {
  std::atomic<int> committing = 0;
  std::set<WriteItem*> seen;
  bool overlapped = false, twice = false;
  CommitQueue queue([&](std::span<WriteItem* const> group) {
    overlapped |= ++committing > 1;
    for (WriteItem* item : group) {
      twice |= !seen.insert(item).second;
      item->state.version = Version(1);
    }
    --committing;
  });
  std::vector<std::vector<WriteItem>> items(8);
  std::vector<std::thread> threads;
  for (auto& mine : items) {
    mine.resize(500);
    threads.emplace_back([&queue, &mine] {
      for (WriteItem& item : mine) {
        queue.Run(item);
        ASSERT_EQ(item.state.version, Version(1));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), 4000u);
  EXPECT_FALSE(overlapped);
  EXPECT_FALSE(twice);
}

TEST(CommitQueueTest, AGroupIsBoundedInBytes) {
  AppendRequest large;
  large.streams.push_back(
      {.stream = "order-1", .events = {{.payload = std::string(3 << 20, 'x')}}});
  std::atomic<size_t> most = 0;
  std::latch first_began(1);
  std::atomic<size_t> arriving = 0;
  CommitQueue queue([&](std::span<WriteItem* const> group) {
    most = std::max(most.load(), group.size());
    first_began.count_down(first_began.try_wait() ? 0 : 1);
    while (arriving < 3) std::this_thread::yield();
  });
  std::vector<WriteItem> items(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].append = &large;
    threads.emplace_back([&, i] {
      if (i > 0) ++arriving;
      queue.Run(items[i]);
    });
    if (i == 0) first_began.wait();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1u);
}

}  // namespace
}  // namespace daybook::internal
