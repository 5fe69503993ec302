// Waiting for other processes' commits: soon awake, and idle for nothing.

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <random>
#include <thread>

#include "fault/child_process.h"
#include "fault/support.h"
#include "support/patience.h"

namespace daybook::fault {
namespace {

using std::chrono::steady_clock;

// A thread that waits for the head to pass a position, and notes when it did.
class Waiter {
 public:
  Waiter(SqliteEventStore& store, Position position) {
    thread_ = std::jthread([this, &store, position] {
      thread_id_ = gettid();
      EXPECT_THAT(store.WaitBeyond(position, test::Soon()), IsOk());
      awake_ = steady_clock::now();
    });
    while (!IsAsleep()) std::this_thread::yield();
  }

  steady_clock::time_point Awake() {
    thread_.join();
    return awake_;
  }

 private:
  bool IsAsleep() const {
    if (thread_id_ == 0) return false;
    const std::string stat = "/proc/self/task/" + std::to_string(thread_id_) + "/stat";
    const std::string line = ReadFile(stat);
    return line.find(") S ") != std::string::npos;
  }

  std::atomic<pid_t> thread_id_ = 0;
  steady_clock::time_point awake_;
  std::jthread thread_;
};

TEST(WakeTest, AWaiterWakesSoonAfterAnotherProcessCommits) {
  // given
  constexpr int kRounds = 30;
  TempDir dir;
  auto store = SqliteEventStore::Open({.path = dir.File("log.db")});
  ASSERT_THAT(store, IsOk());
  ChildProcess writer({"poked", dir.File("log.db")});
  ASSERT_TRUE(writer.Next().has_value());
  std::vector<std::chrono::nanoseconds> delays;
  for (int round = 0; round < kRounds; ++round) {
    Waiter waiter(**store, Position(round));
    // when
    writer.Poke();
    const std::optional<Report> committed = writer.Next();
    ASSERT_TRUE(committed.has_value());
    // then
    const auto acknowledged = std::chrono::nanoseconds(committed->steady_nanoseconds);
    delays.push_back(waiter.Awake().time_since_epoch() - acknowledged);
  }
  std::sort(delays.begin(), delays.end());
  const auto median = std::chrono::duration_cast<std::chrono::microseconds>(delays[kRounds / 2]);
  std::cout << "[ delay    ] median " << median.count() << " us" << std::endl;
  EXPECT_LT(median, std::chrono::milliseconds(20));
}

TEST(WakeTest, AnIdleWaiterUsesNoProcessor) {
  // given
  TempDir dir;
  ChildProcess waiter({"idle", dir.File("log.db")});
  ASSERT_TRUE(waiter.Next().has_value());
  const auto processor_time = [&] {
    waiter.Poke();
    const std::optional<Report> report = waiter.Next();
    return std::chrono::microseconds(report ? report->version : kNoLimit);
  };
  const auto before = processor_time();
  // when: nothing happens for a while
  pollfd silence = {waiter.output(), POLLIN, 0};
  ASSERT_EQ(poll(&silence, 1, 2000), 0);
  // then
  const auto used = processor_time() - before;
  std::cout << "[ used     ] " << used.count() << " us of 2 s" << std::endl;
  EXPECT_LT(used, std::chrono::milliseconds(40));
}

TEST(WakeTest, AWriterKilledAtAnyInstantLeavesNoWaiterAsleep) {
  TempDir dir;
  const std::string path = dir.File("log.db");
  auto store = SqliteEventStore::Open({.path = path});
  ASSERT_THAT(store, IsOk());
  std::mt19937_64 random(3);
  for (int kill = 0; kill < 10; ++kill) {
    // given
    ChildProcess writer({"only", path, std::to_string(kill), "2"});
    ASSERT_TRUE(writer.Next().has_value());
    writer.Poke();
    Position told;
    // when
    for (uint64_t left = 1 + random() % 50; left > 0; --left) {
      const std::optional<Report> report = writer.Next();
      ASSERT_TRUE(report.has_value());
      told = std::max(told, Position(report->position));
    }
    writer.Kill();
    while (const std::optional<Report> report = writer.Next()) {
      told = std::max(told, Position(report->position));
    }
    // then: what was acknowledged is seen at once
    const auto head =
        (*store)->WaitBeyond(told - 1, steady_clock::now() + std::chrono::seconds(30));
    ASSERT_THAT(head, IsOk());
    EXPECT_GE(*head, told);
  }
}

}  // namespace
}  // namespace daybook::fault
