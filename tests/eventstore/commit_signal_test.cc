#include "daybook/commit_signal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/signals2/connection.hpp>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "daybook/sqlite_event_store.h"
#include "support/status_matchers.h"
#include "support/temp_dir.h"

namespace daybook {
namespace {

using boost::signals2::scoped_connection;
using test::IsOk;
using test::TempDir;

// The heads a slot was called with.
class Heads {
 public:
  void Add(Position head) {
    const std::lock_guard<std::mutex> lock(mutex_);
    heads_.push_back(head);
    changed_.notify_all();
  }
  void WaitFor(Position head) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return !heads_.empty() && heads_.back() >= head; });
  }
  std::vector<Position> All() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return heads_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Position> heads_;
};

size_t ThreadsOfThisProcess() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

class CommitSignalTest : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteEventStore> Open() {
    auto store = SqliteEventStore::Open({.path = dir_.File("log.db")});
    EXPECT_THAT(store, IsOk());
    return *std::move(store);
  }
  static void Append(EventStore& store, std::string_view stream = "order-1") {
    ASSERT_THAT(store.Append(stream, ExpectedVersion::Any(), {{.type = "t"}}), IsOk());
  }

  const TempDir dir_;
  const std::unique_ptr<SqliteEventStore> store_ = Open();
};

TEST_F(CommitSignalTest, EmitsTheNewestHeadNeverFalling) {
  CommitSignal commits(*store_);
  Heads heads;
  const scoped_connection connection = commits.Connect([&](Position head) { heads.Add(head); });
  for (int i = 0; i < 100; ++i) Append(*store_);
  heads.WaitFor(Position(100));
  const std::vector<Position> all = heads.All();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end()) << "a head was emitted twice";
}

TEST_F(CommitSignalTest, HearsOfACommitThroughAnotherStore) {
  CommitSignal commits(*store_);
  Heads heads;
  const scoped_connection connection = commits.Connect([&](Position head) { heads.Add(head); });
  const auto other = Open();
  Append(*other);
  heads.WaitFor(Position(1));
}

TEST_F(CommitSignalTest, ACommitThatMovesNoHeadWakesNobody) {
  CommitSignal commits(*store_);
  Heads heads;
  const scoped_connection connection = commits.Connect([&](Position head) { heads.Add(head); });
  AppendRequest rows;
  rows.row_changes.push_back({.table = "checkpoint", .key = "a", .value = "1"});
  ASSERT_THAT(store_->Append(rows), IsOk());
  ASSERT_THAT(store_->Append("order-1", Version(7), {{.type = "t"}}),
              test::HasCode(absl::StatusCode::kAborted));
  Append(*store_);
  heads.WaitFor(Position(1));
  EXPECT_THAT(heads.All(), testing::ElementsAre(Position(1)));
}

TEST_F(CommitSignalTest, TheThreadExistsWhileASlotIsConnected) {
  CommitSignal commits(*store_);
  const size_t before = ThreadsOfThisProcess();
  boost::signals2::connection first = commits.Connect([](Position) {});
  boost::signals2::connection second = commits.Connect([](Position) {});
  EXPECT_EQ(ThreadsOfThisProcess(), before + 1);
  first.disconnect();
  EXPECT_EQ(ThreadsOfThisProcess(), before + 1);
  second.disconnect();
  while (ThreadsOfThisProcess() > before) std::this_thread::yield();
  Heads heads;
  const scoped_connection again = commits.Connect([&](Position head) { heads.Add(head); });
  Append(*store_);
  heads.WaitFor(Position(1));
}

TEST_F(CommitSignalTest, ASlotMayAppend) {
  CommitSignal commits(*store_);
  Heads heads;
  const scoped_connection connection = commits.Connect([&](Position head) {
    if (head < Position(5)) Append(*store_, "echo-1");
    heads.Add(head);
  });
  Append(*store_);
  heads.WaitFor(Position(5));
}

TEST_F(CommitSignalTest, ASlotMayDisconnectItselfAndConnectAnother) {
  CommitSignal commits(*store_);
  Heads first_heads, second_heads;
  boost::signals2::connection first;
  scoped_connection second;
  std::mutex mutex;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    first = commits.Connect([&](Position head) {
      const std::lock_guard<std::mutex> in_slot(mutex);
      first.disconnect();
      second = commits.Connect([&](Position later) { second_heads.Add(later); });
      first_heads.Add(head);
    });
  }
  Append(*store_);
  first_heads.WaitFor(Position(1));
  Append(*store_);
  second_heads.WaitFor(Position(2));
  EXPECT_THAT(first_heads.All(), testing::ElementsAre(Position(1)));
}

TEST_F(CommitSignalTest, AThrowingSlotHarmsNobodyElse) {
  std::mutex mutex;
  std::vector<absl::Status> problems;
  CommitSignal commits(*store_, [&](const absl::Status& problem) {
    const std::lock_guard<std::mutex> lock(mutex);
    problems.push_back(problem);
  });
  const scoped_connection bad =
      commits.Connect([](Position) { throw std::runtime_error("out of paper"); });
  Heads heads;
  const scoped_connection good = commits.Connect([&](Position head) { heads.Add(head); });
  Append(*store_);
  heads.WaitFor(Position(1));
  Append(*store_);
  heads.WaitFor(Position(2));
  const std::lock_guard<std::mutex> lock(mutex);
  ASSERT_FALSE(problems.empty());
  EXPECT_TRUE(absl::IsInternal(problems.front()));
  EXPECT_THAT(std::string(problems.front().message()), testing::HasSubstr("out of paper"));
}

TEST_F(CommitSignalTest, ConnectingAndDisconnectingFromManyThreadsIsSafe) {
  CommitSignal commits(*store_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&commits] {
      for (int round = 0; round < 50; ++round) {
        const scoped_connection connection = commits.Connect([](Position) {});
      }
    });
  }
  for (int i = 0; i < 20; ++i) Append(*store_);
  for (std::thread& thread : threads) thread.join();
  Heads heads;
  const scoped_connection connection = commits.Connect([&](Position head) { heads.Add(head); });
  Append(*store_);
  heads.WaitFor(Position(21));
}

}  // namespace
}  // namespace daybook
