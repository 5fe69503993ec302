// What a subscription says of itself, here and to other processes, when it does not move.

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "account.h"
#include "daybook/status.h"
#include "daybook/subscription.h"
#include "daybook/subscriptions.h"
#include "heard.h"
#include "status_testing.h"
#include "store_file.h"
#include "support/patience.h"
#include "support/watched_store.h"

namespace daybook::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;
using ::testing::HasSubstr;

template <typename Condition>
void Await(Condition condition) {
  const auto deadline = Soon();
  while (!condition()) {
    ASSERT_LT(steady_clock::now(), deadline);
    std::this_thread::yield();
  }
}

// Seen through a store of its own on the same file, as from another process.
class SubscriptionHealthTest : public ::testing::Test {
 protected:
  void Append(const std::string& stream) {
    ASSERT_THAT(store_->Append(stream, ExpectedVersion::Any(), {Stored(Deposit(1))}), IsOk());
  }

  // Hangs at `position` until the test ends it.
  Handler HangAt(Position position) {
    return [this, position](const RecordedEvent& event) {
      if (event.position() == position) {
        begun_.set_value();
        end_.get_future().wait();
      }
      return absl::OkStatus();
    };
  }
  static Handler Ignore() {
    return [](const RecordedEvent&) { return absl::OkStatus(); };
  }

  SubscriptionHealth Seen() {
    const auto seen = Subscriptions(*elsewhere_).Get("all");
    EXPECT_THAT(seen, IsOk());
    return seen.ok() ? *seen : SubscriptionHealth{};
  }
  void ExpectInWorkElsewhere(const Subscription& subscription);

  StoreFile file_;
  std::unique_ptr<SqliteEventStore> store_ = file_.Open();
  std::unique_ptr<SqliteEventStore> elsewhere_ = file_.Open();
  std::promise<void> begun_, end_;
};

TEST_F(SubscriptionHealthTest, NamesTheRecordWhoseHandlerHasTheLoopsThread) {
  // given
  for (int i = 1; i <= 10; ++i) Append("account-" + std::to_string(i));
  Subscription subscription(*store_, {.name = "all"}, HangAt(Position(7)));
  const auto before = system_clock::now();
  ASSERT_THAT(subscription.Start(), IsOk());
  // when
  begun_.get_future().wait();
  // then
  const SubscriptionHealth health = subscription.Health();
  EXPECT_EQ(health.checkpoint, Position(6));
  ASSERT_TRUE(health.lowest_unfinished.has_value());
  EXPECT_EQ(health.lowest_unfinished->position, Position(7));
  EXPECT_EQ(health.lowest_unfinished->lane, "account-7");
  EXPECT_TRUE(health.lowest_unfinished->in_work);
  EXPECT_GE(health.lowest_unfinished->in_work_since, before);
  EXPECT_THAT(subscription.WaitUntil(Position(6), steady_clock::now()), IsOk());
  EXPECT_THAT(subscription.WaitUntil(Position(7), steady_clock::now()),
              HasCode(absl::StatusCode::kDeadlineExceeded));
  // when
  auto waited = std::async([&] { return subscription.WaitUntil(Position(10), Soon()); });
  end_.set_value();
  // then
  EXPECT_THAT(waited.get(), IsOk());
}

// From a second terminal a subscription that hung looked healthy.
TEST_F(SubscriptionHealthTest, OthersSeeThatALoopHangsAndAtWhichRecord) {
  // given
  for (int i = 1; i <= 3; ++i) Append("account-" + std::to_string(i));
  Subscription subscription(*store_, {.name = "all", .lease = milliseconds(300)},
                            HangAt(Position(2)));
  ASSERT_THAT(subscription.Start(), IsOk());
  // when
  Await([&] { return Seen().state == SubscriptionState::kStuck; });
  // then
  const SubscriptionHealth seen = Seen();
  EXPECT_EQ(subscription.Health().state, SubscriptionState::kStuck);
  EXPECT_GE(system_clock::now() - seen.last_turn, kStuckAfter);
  ASSERT_TRUE(seen.lowest_unfinished.has_value());
  EXPECT_EQ(seen.lowest_unfinished->position, Position(2));
  EXPECT_EQ(seen.lowest_unfinished->lane, "account-2");
  EXPECT_GE(system_clock::now() - seen.lowest_unfinished->in_work_since.value(), kStuckAfter);
  // when
  end_.set_value();
  // then
  Await([&] { return Seen().state == SubscriptionState::kRunning; });
}

void SubscriptionHealthTest::ExpectInWorkElsewhere(const Subscription& subscription) {
  Await([&] { return Seen().lowest_unfinished.has_value() && Seen().lowest_unfinished->in_work; });
  for (const SubscriptionHealth& health : {subscription.Health(), Seen()}) {
    EXPECT_EQ(health.state, SubscriptionState::kRunning);
    ASSERT_TRUE(health.lowest_unfinished.has_value());
    EXPECT_EQ(health.lowest_unfinished->position, Position(1));
    EXPECT_TRUE(health.lowest_unfinished->in_work);
    EXPECT_LT(health.lowest_unfinished->in_work_since, system_clock::now());
  }
  EXPECT_EQ(subscription.Health().checkpoint, Position(0));
}

TEST_F(SubscriptionHealthTest, AHandlerThatHangsOnAnotherThreadIsSeenInWork) {
  for (int i = 1; i <= 3; ++i) Append("account-" + std::to_string(i));
  Subscription subscription(*store_, {.name = "all", .max_in_flight = 8}, HangAt(Position(1)));
  ASSERT_THAT(subscription.Start(), IsOk());
  ExpectInWorkElsewhere(subscription);
  end_.set_value();
  ASSERT_THAT(subscription.WaitUntil(Position(3), Soon()), IsOk());
  Await([&] { return !Seen().lowest_unfinished.has_value(); });
}

TEST_F(SubscriptionHealthTest, ACompletionThatDoesNotComeIsSeenInWork) {
  Append("account-1");
  Heard<std::shared_ptr<Completion>> waiting;
  Subscription subscription(*store_, {.name = "all"},
                            Handler::Later([&](const Record&, Completion done) {
                              waiting.Add(std::make_shared<Completion>(std::move(done)));
                            }));
  ASSERT_THAT(subscription.Start(), IsOk());
  ExpectInWorkElsewhere(subscription);
  (*waiting.Await(1).front())(absl::OkStatus());
  EXPECT_THAT(subscription.WaitUntil(Position(1), Soon()), IsOk());
}

TEST_F(SubscriptionHealthTest, AWaitThatEndsInVainSaysWhy) {
  Append("account-1");
  const RetryPolicy again = {.max_attempts = 1'000'000,
                             .backoff = {.first = milliseconds(1), .longest = milliseconds(1)}};
  Subscription subscription(*store_, {.name = "all", .retry = again},
                            [](const RecordedEvent&) { return absl::AbortedError("not yet"); });
  ASSERT_THAT(subscription.Start(), IsOk());
  const steady_clock::time_point deadline = Soon();
  while (subscription.Health().last_error.ok() && steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_THAT(subscription.WaitUntil(Position(1), steady_clock::now()),
              Fails(absl::StatusCode::kDeadlineExceeded, "not yet"));
}

TEST_F(SubscriptionHealthTest, WhatHasEndedSaysSoAndHasNoOwner) {
  // given
  Append("account-1");
  Subscription started(*store_, {.name = "all"}, Ignore());
  ASSERT_THAT(started.Start(), IsOk());
  ASSERT_THAT(started.WaitUntil(Position(1), Soon()), IsOk());
  EXPECT_NE(started.Health().owner, "");
  // when
  started.Stop();
  // then
  EXPECT_EQ(started.Health().state, SubscriptionState::kNotStarted);
  EXPECT_EQ(started.Health().owner, "");
  EXPECT_EQ(started.Health().checkpoint, Position(1));
}

TEST_F(SubscriptionHealthTest, AFinishedCatchUpSaysWhatItCameTo) {
  // given
  Append("account-1");
  Append("account-2");
  Subscription subscription(
      *store_, {.name = "all", .retry = {.max_attempts = 9}}, [](const RecordedEvent& event) {
        return event.stream() == "account-1" ? Permanent(absl::InternalError("poison"))
                                             : absl::AbortedError("not yet");
      });
  // when
  EXPECT_THAT(subscription.CatchUp(), Fails(absl::StatusCode::kAborted, "not yet"));
  // then
  const SubscriptionHealth health = subscription.Health();
  EXPECT_EQ(health.state, SubscriptionState::kNotStarted);
  EXPECT_EQ(health.owner, "");
  EXPECT_THAT(health.last_error, Fails(absl::StatusCode::kAborted, "not yet"));
  EXPECT_EQ(health.checkpoint, Position(1));
  EXPECT_EQ(health.parked_records, 1);
}

TEST_F(SubscriptionHealthTest, OneThatStandsByBesideAnotherObjectNamesTheOwner) {
  Subscription first(*store_, {.name = "all"}, Ignore());
  ASSERT_THAT(first.Start(), IsOk());
  const std::string owner = first.Health().owner;
  Subscription second(*store_, {.name = "all"}, Ignore());
  EXPECT_THAT(second.CatchUp(), Fails(absl::StatusCode::kUnavailable, "is run by " + owner));
  ASSERT_THAT(second.Start(), IsOk());
  EXPECT_EQ(second.Health().state, SubscriptionState::kStandby);
  EXPECT_EQ(second.Health().owner, owner);
}

TEST_F(SubscriptionHealthTest, OneThatCannotTakeOverIsNotOnStandby) {
  // given
  WatchedStore watched(*elsewhere_);
  std::atomic<bool> down = false;
  watched.before_append = [&]() -> absl::Status {
    return down ? absl::UnavailableError("the disk is away") : absl::OkStatus();
  };
  auto first =
      std::make_unique<Subscription>(*store_, SubscriptionOptions{.name = "all"}, Ignore());
  ASSERT_THAT(first->Start(), IsOk());
  Subscription second(watched, {.name = "all"}, Ignore());
  ASSERT_THAT(second.Start(), IsOk());
  // when
  down = true;
  first.reset();
  // then
  Await([&] { return second.Health().state == SubscriptionState::kOutage; });
  EXPECT_THAT(second.Health().last_error, Fails(absl::StatusCode::kUnavailable, "away"));
  down = false;
  Await([&] { return second.Health().state == SubscriptionState::kRunning; });
}

TEST_F(SubscriptionHealthTest, ANextTryLiesAhead) {
  // given: a pause that begins between two attempts
  Append("account-1");
  const Backoff pause = {.first = milliseconds(500), .longest = milliseconds(500)};
  Subscription subscription(*store_,
                            {.name = "all", .retry = {.max_attempts = 1000, .backoff = pause}},
                            [](const RecordedEvent&) { return absl::AbortedError("not yet"); });
  ASSERT_THAT(subscription.Start(), IsOk());
  std::optional<RecordedTime> next_try;
  Await([&] {
    const auto lowest = subscription.Health().lowest_unfinished;
    if (lowest.has_value()) next_try = lowest->next_try;
    return next_try.has_value();
  });
  ASSERT_THAT(Subscriptions(*elsewhere_).Pause("all"), IsOk());
  // when
  Await([&] { return system_clock::now() > *next_try + pause.longest; });
  // then
  for (const SubscriptionHealth& health : {subscription.Health(), Seen()}) {
    EXPECT_EQ(health.state, SubscriptionState::kPaused);
    ASSERT_TRUE(health.lowest_unfinished.has_value());
    EXPECT_EQ(health.lowest_unfinished->next_try, std::nullopt);
  }
}

TEST_F(SubscriptionHealthTest, AnEmptyHandlerIsRefused) {
  const auto refused = Fails(absl::StatusCode::kInvalidArgument, "empty handler");
  Subscription subscription(*store_, {.name = "all"}, Handler::Function());
  EXPECT_THAT(subscription.Start(), refused);
  EXPECT_THAT(subscription.CatchUp(), refused);
  EXPECT_THAT(Subscription(*store_, {.name = "all"}, Handler::Later(nullptr)).Start(), refused);
}

TEST_F(SubscriptionHealthTest, StoppingItFromItsOwnHandlerAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto stop_itself = [&] {
    Append("account-1");
    Subscription* self = nullptr;
    Subscription subscription(*store_, {.name = "all"}, [&](const RecordedEvent&) {
      self->Stop();
      return absl::OkStatus();
    });
    self = &subscription;
    subscription.CatchUp().IgnoreError();
  };
  EXPECT_DEATH(stop_itself(), "stopped or destroyed by its own handler");
}

TEST_F(SubscriptionHealthTest, ASecondResetAtOnceIsRefusedAndOursToRefuse) {
  // given
  Append("account-1");
  Heard<std::shared_ptr<Completion>> waiting;
  Subscription subscription(*store_, {.name = "all"},
                            Handler::Later([&](const Record&, Completion done) {
                              waiting.Add(std::make_shared<Completion>(std::move(done)));
                            }));
  ASSERT_THAT(subscription.Start(), IsOk());
  const auto in_work = waiting.Await(1).front();
  // when: the first waits for what is in work
  Heard<absl::Status> answers;
  const auto reset = [&] { answers.Add(Subscriptions(*store_).Reset("all", Position(1))); };
  std::jthread one(reset), other(reset);
  // then
  const absl::Status refused = answers.Await(1).front();
  EXPECT_THAT(refused, Fails(absl::StatusCode::kUnavailable, "another reset"));
  EXPECT_TRUE(IsFromDaybook(refused));
  (*in_work)(absl::OkStatus());
  EXPECT_THAT(answers.Await(2).back(), IsOk());
}

}  // namespace
}  // namespace daybook::test
