#include "sqlite/turnstile.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "sqlite/shared_page.h"
#include "support/status_matchers.h"
#include "support/temp_dir.h"

namespace daybook::internal {
namespace {

using std::chrono::steady_clock;
using test::HasCode;
using test::IsOk;
using test::TempDir;

constexpr std::chrono::seconds kLong(30);

TEST(TurnstileTest, LetsOneInAtATime) {
  const TempDir dir;
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto turnstile = Turnstile::Open(dir.File("turn"));
      ASSERT_THAT(turnstile, IsOk());
      for (int round = 0; round < 200; ++round) {
        InTurn turn(**turnstile);
        ASSERT_THAT(turn.Enter(kLong), IsOk());
        most = std::max(most.load(), ++inside);
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
}

TEST(TurnstileTest, WhoLeavesAndComesBackWaitsForWhoStoodAtTheDoor) {
  const TempDir dir;
  auto busy = Turnstile::Open(dir.File("turn"));
  auto waiting = Turnstile::Open(dir.File("turn"));
  ASSERT_THAT((*busy)->Enter(kLong), IsOk());
  std::atomic<bool> entered = false;
  std::thread other([&] {
    InTurn turn(**waiting);
    entered = turn.Enter(kLong).ok();
  });
  // Without the door, who is there already would win every time, and this would not end.
  while (!entered) {
    (*busy)->Leave();
    ASSERT_THAT((*busy)->Enter(kLong), IsOk());
  }
  (*busy)->Leave();
  other.join();
}

TEST(TurnstileTest, GivesUpAfterItsPatience) {
  const TempDir dir;
  auto holder = Turnstile::Open(dir.File("turn"));
  auto waiting = Turnstile::Open(dir.File("turn"));
  ASSERT_THAT((*holder)->Enter(kLong), IsOk());
  EXPECT_THAT((*waiting)->Enter(std::chrono::milliseconds(20)),
              HasCode(absl::StatusCode::kUnavailable));
  (*holder)->Leave();
  EXPECT_THAT((*waiting)->Enter(std::chrono::milliseconds(20)), IsOk());
  (*waiting)->Leave();
}

TEST(TurnstileTest, WhoClosesItsFileLeaves) {
  const TempDir dir;
  auto holder = Turnstile::Open(dir.File("turn"));
  ASSERT_THAT((*holder)->Enter(kLong), IsOk());
  holder->reset();
  auto next = Turnstile::Open(dir.File("turn"));
  EXPECT_THAT((*next)->Enter(std::chrono::milliseconds(0)), IsOk());
}

TEST(SharedPageTest, IsHeardByAnotherThatHasTheFileOpen) {
  const TempDir dir;
  auto here = SharedPage::Open(dir.File("turn"));
  auto there = SharedPage::Open(dir.File("turn"));
  const uint32_t heard = (*there)->Rings();
  std::thread ringer([&here] { (*here)->Ring(); });
  while ((*there)->Rings() == heard) (*there)->Wait(heard, steady_clock::now() + kLong);
  ringer.join();
  EXPECT_EQ((*there)->Rings(), heard + 1);
}

TEST(SharedPageTest, AWaitEndsAtItsDeadline) {
  const TempDir dir;
  auto bell = SharedPage::Open(dir.File("turn"));
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(5);
  (*bell)->Wait((*bell)->Rings() + 1,
                steady_clock::now() + kLong);  // not the count: no wait at all
  while (steady_clock::now() < deadline) (*bell)->Wait((*bell)->Rings(), deadline);
  EXPECT_LT(steady_clock::now(), deadline + kLong);
}

}  // namespace
}  // namespace daybook::internal
