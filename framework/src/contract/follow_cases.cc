#include <chrono>
#include <stop_token>
#include <thread>

#include "contract/contract.h"

namespace daybook::testing::contract {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kLong(60);

void TheHeadIsTheLastPosition(EventStore& store) {
  ASSERT_OK_AND_ASSIGN(const Position empty, store.Head());
  EXPECT_EQ(empty, Position(0));
  ASSERT_OK(Append(store, "order-1", 3));
  ASSERT_OK_AND_ASSIGN(const Position head, store.Head());
  EXPECT_EQ(head, Position(3));
}

void WaitingForWhatIsThereReturnsAtOnce(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  ASSERT_OK_AND_ASSIGN(const Position head,
                       store.WaitBeyond(Position(1), steady_clock::now() + kLong));
  EXPECT_EQ(head, Position(3));
  ASSERT_OK_AND_ASSIGN(const Position late, store.WaitBeyond(Position(2), steady_clock::now()));
  EXPECT_EQ(late, Position(3));
}

void AWaitEndsWithItsDeadline(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  const steady_clock::time_point deadline = steady_clock::now() + milliseconds(20);
  EXPECT_THAT(store.WaitBeyond(Position(3), deadline),
              HasCode(absl::StatusCode::kDeadlineExceeded));
  EXPECT_GE(steady_clock::now(), deadline);
  EXPECT_THAT(store.WaitBeyond(Position(3), steady_clock::now() - kLong),
              HasCode(absl::StatusCode::kDeadlineExceeded));
}

void AWaitEndsWhenStopped(EventStore& store) {
  std::stop_source stop;
  absl::StatusOr<Position> answer;
  {
    std::jthread waiting([&] {
      answer = store.WaitBeyond(Position(0), steady_clock::now() + kLong, stop.get_token());
    });
    stop.request_stop();
  }
  EXPECT_THAT(answer, HasCode(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(store.WaitBeyond(Position(0), steady_clock::now() + kLong, stop.get_token()),
              HasCode(absl::StatusCode::kDeadlineExceeded));
}

void AWaitEndsWithACommit(EventStore& store) {
  for (int i = 0; i < 50; ++i) {
    absl::StatusOr<Position> answer;
    {
      std::jthread waiting(
          [&] { answer = store.WaitBeyond(Position(i), steady_clock::now() + kLong); });
      ASSERT_OK(Append(store, "order-1", 1));
    }
    ASSERT_OK(answer);
    EXPECT_EQ(*answer, Position(i + 1));
  }
}

void AllWhoWaitAreWoken(EventStore& store) {
  constexpr int kWaiting = 8;
  std::vector<absl::StatusOr<Position>> answers(kWaiting);
  {
    std::vector<std::jthread> waiting;
    for (absl::StatusOr<Position>& answer : answers) {
      waiting.emplace_back(
          [&] { answer = store.WaitBeyond(Position(0), steady_clock::now() + kLong); });
    }
    ASSERT_OK(Append(store, "order-1", 1));
  }
  for (const absl::StatusOr<Position>& answer : answers) {
    ASSERT_OK(answer);
    EXPECT_EQ(*answer, Position(1));
  }
}

void RowsAloneWakeNobody(EventStore& store) {
  absl::StatusOr<Position> answer;
  {
    std::jthread waiting(
        [&] { answer = store.WaitBeyond(Position(0), steady_clock::now() + milliseconds(50)); });
    ASSERT_OK(store.Append(AppendRequest{.row_changes = {{"checkpoint", "a", "1"}}}));
  }
  EXPECT_THAT(answer, HasCode(absl::StatusCode::kDeadlineExceeded));
}

// Whoever hears of a head can read up to it.
void WhatAWaitPromisesCanBeRead(EventStore& store) {
  constexpr int kEvents = 300;
  std::jthread writing([&store] {
    for (int i = 0; i < kEvents; ++i) EXPECT_TRUE(Append(store, "order-1", 1).ok());
  });
  int64_t seen = 0;
  while (seen < kEvents) {
    ASSERT_OK_AND_ASSIGN(const Position head,
                         store.WaitBeyond(Position(seen), steady_clock::now() + kLong));
    ASSERT_OK_AND_ASSIGN(const LogPage page, store.Read(LogQuery{.after = Position(seen)}));
    for (const StoredEvent& event : page.events) {
      ASSERT_EQ(event.position, Position(++seen));
    }
    EXPECT_GE(Position(seen), head);
  }
}

constexpr Case kFollowCases[] = {
    CONTRACT_CASE(TheHeadIsTheLastPosition), CONTRACT_CASE(WaitingForWhatIsThereReturnsAtOnce),
    CONTRACT_CASE(AWaitEndsWithItsDeadline), CONTRACT_CASE(AWaitEndsWhenStopped),
    CONTRACT_CASE(AWaitEndsWithACommit),     CONTRACT_CASE(AllWhoWaitAreWoken),
    CONTRACT_CASE(RowsAloneWakeNobody),      CONTRACT_CASE(WhatAWaitPromisesCanBeRead),
};

}  // namespace

std::span<const Case> FollowCases() { return kFollowCases; }

}  // namespace daybook::testing::contract
