#include "daybook/subscriptions.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "account.h"
#include "heard.h"
#include "status_testing.h"
#include "store_file.h"
#include "support/patience.h"

namespace daybook::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Operated through a store of its own on the same file, as from another process, or through the one
// that runs the subscription.
class SubscriptionsTest : public ::testing::TestWithParam<bool> {
 protected:
  Position Append(const std::string& stream) {
    const auto appended = store_->Append(stream, ExpectedVersion::Any(), {Stored(Deposit(1))});
    EXPECT_THAT(appended, IsOk());
    return appended.ok() ? appended->position : Position();
  }

  // Refuses account-1 while `poison_` is set.
  std::unique_ptr<Subscription> Make(SubscriptionOptions options = {}) {
    options.name = "all";
    return std::make_unique<Subscription>(
        *store_, options, [this](const RecordedEvent& event) -> absl::Status {
          if (event.stream() == "account-1" && poison_) {
            return Permanent(absl::InvalidArgumentError("poison"));
          }
          heard_.Add(std::string(event.stream()) + "/" + std::to_string(event.version().value()));
          return absl::OkStatus();
        });
  }

  std::unique_ptr<Subscription> Run() {
    auto subscription = Make();
    EXPECT_THAT(subscription->Start(), IsOk());
    return subscription;
  }

  std::vector<Position> ParkedPositions() {
    const auto parked = operator_.Parked("all");
    EXPECT_THAT(parked, IsOk());
    std::vector<Position> positions;
    for (const ParkedRecord& record : *parked) positions.push_back(record.position);
    return positions;
  }

  StoreFile file_;
  std::unique_ptr<SqliteEventStore> store_ = file_.Open();
  std::unique_ptr<SqliteEventStore> elsewhere_ = file_.Open();
  Subscriptions operator_{GetParam() ? *elsewhere_ : *store_};
  std::atomic<bool> poison_ = false;
  Heard<std::string> heard_;
};

INSTANTIATE_TEST_SUITE_P(From, SubscriptionsTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Elsewhere" : "TheOwner"; });

TEST_P(SubscriptionsTest, ListsHowEachStands) {
  // given
  poison_ = true;
  Append("account-1");
  ASSERT_THAT(Make()->CatchUp(), IsOk());
  Append("account-2");
  // when
  const auto listed = operator_.List();
  // then
  ASSERT_THAT(listed, IsOk());
  ASSERT_THAT(*listed, SizeIs(1));
  const SubscriptionHealth& one = listed->front();
  EXPECT_EQ(one.name, "all");
  EXPECT_EQ(one.state, SubscriptionState::kNotStarted);
  EXPECT_EQ(one.checkpoint, Position(1));
  EXPECT_EQ(one.lag, 1);
  EXPECT_EQ(one.parked_records, 1);
  EXPECT_EQ(one.owner, "");
}

TEST_P(SubscriptionsTest, ARunningOneNamesItsOwner) {
  const auto subscription = Run();
  const auto one = operator_.Get("all");
  ASSERT_THAT(one, IsOk());
  EXPECT_EQ(one->owner, subscription->Health().owner);
  EXPECT_THAT(one->owner, ::testing::HasSubstr("process"));
}

TEST_P(SubscriptionsTest, APausedOneHandlesNothingUntilItIsResumed) {
  // given
  const auto subscription = Run();
  ASSERT_THAT(operator_.Pause("all"), IsOk());
  EXPECT_EQ(subscription->Health().state, SubscriptionState::kPaused);
  // when
  const Position last = Append("account-2");
  EXPECT_THAT(subscription->WaitUntil(last, steady_clock::now()),
              HasCode(absl::StatusCode::kDeadlineExceeded));
  ASSERT_THAT(operator_.Resume("all"), IsOk());
  // then
  EXPECT_THAT(subscription->WaitUntil(last, Soon()), IsOk());
}

TEST_P(SubscriptionsTest, APauseOutlastsARestart) {
  Append("account-2");
  ASSERT_THAT(Make()->CatchUp(), IsOk());
  ASSERT_THAT(operator_.Pause("all"), IsOk());
  EXPECT_THAT(Make()->CatchUp(), HasCode(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(operator_.Resume("all"), IsOk());
  EXPECT_THAT(Make()->CatchUp(), IsOk());
}

TEST_P(SubscriptionsTest, ResetHandlesAgainWhatFollows) {
  // given
  for (int i = 0; i < 3; ++i) Append("account-2");
  const auto subscription = Run();
  heard_.Await(3);
  // when
  ASSERT_THAT(operator_.Reset("all", Position(1)), IsOk());
  // then
  EXPECT_THAT(heard_.Await(5), ElementsAre("account-2/1", "account-2/2", "account-2/3",
                                           "account-2/2", "account-2/3"));
}

TEST_P(SubscriptionsTest, ResetDropsTheParkedRecordsBeyond) {
  poison_ = true;
  for (int i = 0; i < 3; ++i) Append("account-1");
  ASSERT_THAT(Make()->CatchUp(), IsOk());
  ASSERT_THAT(operator_.Reset("all", Position(1)), IsOk());
  EXPECT_THAT(ParkedPositions(), ElementsAre(Position(1)));
  EXPECT_EQ(operator_.Get("all")->checkpoint, Position(1));
}

TEST_P(SubscriptionsTest, ResetStaysWithinTheLog) {
  ASSERT_THAT(Make()->CatchUp(), IsOk());
  EXPECT_THAT(operator_.Reset("all", Position(1)), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(operator_.Reset("all", Position(-1)), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_P(SubscriptionsTest, AReplayedLaneIsHandledInOrderAndLivesOn) {
  // given
  poison_ = true;
  Append("account-1");
  Append("account-1");
  const auto subscription = Run();
  ASSERT_THAT(subscription->WaitUntil(Position(2), Soon()), IsOk());
  // when
  poison_ = false;
  ASSERT_THAT(operator_.Replay("all", "account-1"), IsOk());
  heard_.Await(2);
  Append("account-1");
  // then
  EXPECT_THAT(heard_.Await(3), ElementsAre("account-1/1", "account-1/2", "account-1/3"));
  EXPECT_EQ(subscription->Health().parked_records, 0);
}

TEST_P(SubscriptionsTest, AReplayThatFailsAgainStaysParkedWithOneAttemptMore) {
  poison_ = true;
  Append("account-1");
  const auto subscription = Run();
  ASSERT_THAT(subscription->WaitUntil(Position(1), Soon()), IsOk());
  ASSERT_THAT(operator_.ReplayAll("all"), IsOk());
  absl::StatusOr<std::vector<ParkedRecord>> parked;
  do {
    parked = operator_.Parked("all");
    ASSERT_THAT(parked, IsOk());
  } while (parked->empty() || parked->front().attempts < 2);
  EXPECT_THAT(parked->front().reason, Fails(absl::StatusCode::kInvalidArgument, "poison"));
  EXPECT_EQ(parked->front().lane, "account-1");
}

TEST_P(SubscriptionsTest, AReplayAskedForWhileNobodyRunsItBeginsWhenSomebodyDoes) {
  poison_ = true;
  Append("account-1");
  ASSERT_THAT(Make()->CatchUp(), IsOk());
  poison_ = false;
  ASSERT_THAT(operator_.ReplayAll("all"), IsOk());
  const auto subscription = Run();
  EXPECT_THAT(heard_.Await(1), ElementsAre("account-1/1"));
}

TEST_P(SubscriptionsTest, ACatchUpDoesWhatWasAskedForBeforeItBegan) {
  for (size_t round = 1; round <= 20; ++round) {
    poison_ = true;
    Append("account-1");
    ASSERT_THAT(Make()->CatchUp(), IsOk());
    poison_ = false;
    ASSERT_THAT(operator_.ReplayAll("all"), IsOk());
    ASSERT_THAT(Make()->CatchUp(), IsOk());
    ASSERT_THAT(ParkedPositions(), IsEmpty());
    ASSERT_THAT(heard_.Await(round), SizeIs(round));
  }
}

TEST_P(SubscriptionsTest, WhatIsDiscardedIsNeverHandled) {
  // given
  poison_ = true;
  for (int i = 0; i < 3; ++i) Append("account-1");
  ASSERT_THAT(Make()->CatchUp(), IsOk());
  // when
  ASSERT_THAT(operator_.Discard("all", Position(2)), IsOk());
  EXPECT_THAT(ParkedPositions(), ElementsAre(Position(1), Position(3)));
  ASSERT_THAT(operator_.DiscardLane("all", "account-1"), IsOk());
  // then
  EXPECT_THAT(ParkedPositions(), IsEmpty());
  EXPECT_EQ(operator_.Get("all")->parked_records, 0);
  poison_ = false;
  Append("account-1");
  ASSERT_THAT(Make()->CatchUp(), IsOk());
  EXPECT_THAT(heard_.Await(1), ElementsAre("account-1/4"));
}

TEST_P(SubscriptionsTest, ARemovedOneBeginsAnew) {
  // given
  Append("account-2");
  auto subscription = Run();
  heard_.Await(1);
  // when
  ASSERT_THAT(operator_.Remove("all"), IsOk());
  // then
  EXPECT_THAT(operator_.Get("all"), HasCode(absl::StatusCode::kNotFound));
  subscription.reset();
  ASSERT_THAT(Make()->CatchUp(), IsOk());
  heard_.Await(2);
}

TEST_P(SubscriptionsTest, WhatIsNotThereIsNotFound) {
  EXPECT_THAT(operator_.Pause("all"), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(operator_.Parked("all"), HasCode(absl::StatusCode::kNotFound));
  ASSERT_THAT(Make()->CatchUp(), IsOk());
  EXPECT_THAT(operator_.Discard("all", Position(1)), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(operator_.DiscardLane("all", "x"), HasCode(absl::StatusCode::kNotFound));
}

TEST_P(SubscriptionsTest, ARequestThatIsNotAnsweredIsWithdrawn) {
  // given: an owner whose thread is at work
  std::promise<void> begun, end;
  Subscription subscription(*store_, {.name = "all"}, [&](const RecordedEvent&) {
    begun.set_value();
    end.get_future().wait();
    return absl::OkStatus();
  });
  ASSERT_THAT(subscription.Start(), IsOk());
  const Position position = Append("account-2");
  begun.get_future().wait();
  // when
  Subscriptions hasty(GetParam() ? *elsewhere_ : *store_, milliseconds(1));
  EXPECT_THAT(hasty.Pause("all"), HasCode(absl::StatusCode::kDeadlineExceeded));
  end.set_value();
  // then
  ASSERT_THAT(subscription.WaitUntil(position, Soon()), IsOk());
  ASSERT_THAT(operator_.ReplayAll("all"), IsOk());  // answered behind whatever else was asked
  EXPECT_EQ(subscription.Health().state, SubscriptionState::kRunning);
}

TEST_P(SubscriptionsTest, AStoppedOneGoesOnWithTheSameRecordWhenItIsResumed) {
  // given
  poison_ = true;
  const auto subscription = Make({.after_last_attempt = AfterLastAttempt::kStop});
  ASSERT_THAT(subscription->Start(), IsOk());
  const Position last = Append("account-1");
  while (subscription->Health().state != SubscriptionState::kStopped) {
  }
  EXPECT_THAT(subscription->Health().last_error,
              Fails(absl::StatusCode::kInvalidArgument, "poison"));
  while (operator_.Get("all")->state != SubscriptionState::kStopped) {  // others see it too
  }
  // when
  poison_ = false;
  ASSERT_THAT(operator_.Resume("all"), IsOk());
  // then
  EXPECT_THAT(subscription->WaitUntil(last, Soon()), IsOk());
  EXPECT_THAT(heard_.Await(1), ElementsAre("account-1/1"));
}

}  // namespace
}  // namespace daybook::test
