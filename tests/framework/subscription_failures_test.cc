// What happened to subscriptions elsewhere, year after year, and must not happen here.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "account.h"
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
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr RetryPolicy kHasty = {.max_attempts = 1'000'000,
                                .backoff = {.first = milliseconds(1), .longest = milliseconds(1)},
                                .outage = {.first = milliseconds(1), .longest = milliseconds(1)}};

class SubscriptionFailuresTest : public ::testing::Test {
 protected:
  Position Append(const std::string& stream, EventStore* store = nullptr) {
    const auto appended = (store == nullptr ? *store_ : *store)
                              .Append(stream, ExpectedVersion::Any(), {Stored(Deposit(1))});
    EXPECT_THAT(appended, IsOk());
    return appended.ok() ? appended->position : Position();
  }

  Handler Note() {
    return [this](const RecordedEvent& event) {
      heard_.Add(event.position());
      return absl::OkStatus();
    };
  }

  StoreFile file_;
  std::unique_ptr<SqliteEventStore> store_ = file_.Open();
  Heard<Position> heard_;
};

// A reader passed a position that another writer committed later, and never saw it.
TEST_F(SubscriptionFailuresTest, NoEventIsSkippedUnderConcurrentWriters) {
  // given
  constexpr int kWriters = 4, kEach = 100;
  Subscription subscription(*store_, {.name = "all"}, Note());
  ASSERT_THAT(subscription.Start(), IsOk());
  // when: some of them through a store of their own, as from other processes
  auto elsewhere = file_.Open();
  std::vector<std::jthread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([this, w, store = w % 2 == 0 ? store_.get() : elsewhere.get()] {
      for (int i = 0; i < kEach; ++i) Append("account-" + std::to_string(w), store);
    });
  }
  // then
  const std::vector<Position> heard = heard_.Await(kWriters * kEach);
  writers.clear();
  std::vector<Position> all;
  for (int i = 1; i <= kWriters * kEach; ++i) all.push_back(Position(i));
  EXPECT_EQ(heard, all);
}

// A checkpoint could not pass the hole that deleted events had left, and halted for ever.
TEST_F(SubscriptionFailuresTest, TheCheckpointPassesHolesOfDeletedAndTombstonedStreams) {
  // given
  for (int i = 0; i < 3; ++i) {
    Append("account-1");
    Append("account-2");
    Append("account-3");
  }
  ASSERT_THAT(store_->Delete("account-1", ExpectedVersion::Any()), IsOk());
  ASSERT_THAT(store_->Tombstone("account-3", ExpectedVersion::Any()), IsOk());
  // then
  Subscription subscription(*store_, {.name = "all"}, Note());
  ASSERT_THAT(subscription.CatchUp(), IsOk());
  EXPECT_THAT(heard_.Await(3), ElementsAre(Position(2), Position(5), Position(8)));
  EXPECT_EQ(subscription.Health().checkpoint, Position(9));
}

// A parked record whose event had been deleted blocked its lane when it was replayed.
TEST_F(SubscriptionFailuresTest, AParkedRecordWhoseEventWasDeletedIsDroppedAndCounted) {
  // given
  std::atomic<bool> poison = true;
  Subscription subscription(*store_, {.name = "all"}, [&](const RecordedEvent& event) {
    if (poison) return Permanent(absl::InternalError("poison"));
    heard_.Add(event.position());
    return absl::OkStatus();
  });
  Append("account-1");
  ASSERT_THAT(subscription.Start(), IsOk());
  ASSERT_THAT(subscription.WaitUntil(Position(1), Soon()), IsOk());
  ASSERT_THAT(store_->Delete("account-1", ExpectedVersion::Any()), IsOk());
  Append("account-1");
  ASSERT_THAT(subscription.WaitUntil(Position(2), Soon()), IsOk());
  // when
  poison = false;
  ASSERT_THAT(Subscriptions(*store_).ReplayAll("all"), IsOk());
  // then
  EXPECT_THAT(heard_.Await(1), ElementsAre(Position(2)));
  while (subscription.Health().dropped != 1) {
  }
  EXPECT_EQ(subscription.Health().parked_records, 0);
}

// A record was taken for done when the first of its messages had been sent.
TEST_F(SubscriptionFailuresTest, AFanOutIsDoneOnlyWhenItsLastPartIs) {
  // given
  Heard<std::string> sent;
  std::atomic<bool> second_works = false;
  Subscription subscription(*store_, {.name = "all", .retry = kHasty},
                            [&](const RecordedEvent&) -> absl::Status {
                              sent.Add("first");
                              if (!second_works) return absl::UnavailableError("not now");
                              sent.Add("second");
                              return absl::OkStatus();
                            });
  Append("account-1");
  ASSERT_THAT(subscription.Start(), IsOk());
  sent.Await(2);  // attempts
  EXPECT_EQ(subscription.Health().checkpoint, Position(0));
  // when
  second_works = true;
  // then
  EXPECT_THAT(subscription.WaitUntil(Position(1), Soon()), IsOk());
  EXPECT_EQ(sent.Await(3).back(), "second");
}

// The number of a record in the parking lot was stored as the checkpoint.
TEST_F(SubscriptionFailuresTest, AReplayOfParkedRecordsLeavesTheCheckpointWhereItIs) {
  // given
  std::atomic<bool> poison = true;
  Subscription subscription(*store_, {.name = "all"}, [&](const RecordedEvent& event) {
    if (event.stream() == "account-1" && poison) return Permanent(absl::InternalError("poison"));
    heard_.Add(event.position());
    return absl::OkStatus();
  });
  Append("account-1");
  for (int i = 0; i < 5; ++i) Append("account-2");
  ASSERT_THAT(subscription.Start(), IsOk());
  ASSERT_THAT(subscription.WaitUntil(Position(6), Soon()), IsOk());
  // when
  poison = false;
  ASSERT_THAT(Subscriptions(*store_).ReplayAll("all"), IsOk());
  heard_.Await(6);
  // then
  EXPECT_EQ(subscription.Health().checkpoint, Position(6));
  subscription.Stop();
  EXPECT_EQ(Subscriptions(*store_).Get("all")->checkpoint, Position(6));
}

// The loop was dead, and health said OK.
TEST_F(SubscriptionFailuresTest, ALoopThatDiesSaysSo) {
  Subscription subscription(*store_,
                            {.name = "all",
                             .on_state =
                                 [](SubscriptionState state, const absl::Status&) {
                                   if (state == SubscriptionState::kPaused) {
                                     throw std::runtime_error("an observer must not throw");
                                   }
                                 }},
                            Note());
  ASSERT_THAT(subscription.Start(), IsOk());
  // when: the answer may go out before the observer throws
  Subscriptions(*store_, milliseconds(100)).Pause("all").IgnoreError();
  // then
  while (subscription.Health().state != SubscriptionState::kStopped) {
  }
  EXPECT_THAT(subscription.Health().last_error,
              Fails(absl::StatusCode::kInternal, "must not throw"));
}

// The loop hung in a handler, and health said OK.
TEST_F(SubscriptionFailuresTest, ALoopThatHangsSaysSo) {
  std::promise<void> end;
  Subscription subscription(*store_, {.name = "all"}, [&](const RecordedEvent&) {
    end.get_future().wait();
    return absl::OkStatus();
  });
  Append("account-1");
  ASSERT_THAT(subscription.Start(), IsOk());
  while (subscription.Health().state != SubscriptionState::kStuck) {
    std::this_thread::yield();
  }
  EXPECT_GE(std::chrono::system_clock::now() - subscription.Health().last_turn, kStuckAfter);
  end.set_value();
  ASSERT_THAT(subscription.WaitUntil(Position(1), Soon()), IsOk());
  EXPECT_EQ(subscription.Health().state, SubscriptionState::kRunning);
}

// While an endpoint was down, record after record used up its attempts and was parked.
TEST_F(SubscriptionFailuresTest, AnOutageParksNothingAndCountsNoAttempt) {
  // given
  std::atomic<int> tries = 0;
  Subscription subscription(*store_,
                            {.name = "all", .retry = {.max_attempts = 1, .outage = kHasty.outage}},
                            [&](const RecordedEvent& event) -> absl::Status {
                              if (++tries < 10)
                                return Outage(absl::UnavailableError("the broker is down"));
                              heard_.Add(event.position());
                              return absl::OkStatus();
                            });
  for (int i = 0; i < 3; ++i) Append("account-" + std::to_string(i));
  // when
  ASSERT_THAT(subscription.Start(), IsOk());
  // then
  EXPECT_THAT(heard_.Await(3), ElementsAre(Position(1), Position(2), Position(3)));
  EXPECT_EQ(subscription.Health().parked_records, 0);
}

TEST_F(SubscriptionFailuresTest, CatchUpNeverSleeps) {
  // given: pauses of an hour
  const Backoff hour = {.first = std::chrono::hours(1), .longest = std::chrono::hours(1)};
  Append("account-1");
  Append("account-2");
  absl::Status answer = absl::AbortedError("not now");
  Subscription subscription(
      *store_, {.name = "all", .retry = {.max_attempts = 3, .backoff = hour, .outage = hour}},
      [&](const RecordedEvent& event) {
        return event.stream() == "account-1" ? answer : absl::OkStatus();
      });
  // then
  EXPECT_THAT(subscription.CatchUp(), Fails(absl::StatusCode::kAborted, "not now"));
  answer = Outage(absl::UnavailableError("down"));
  EXPECT_THAT(subscription.CatchUp(), Fails(absl::StatusCode::kUnavailable, "down"));
  answer = absl::OkStatus();
  EXPECT_THAT(subscription.CatchUp(), IsOk());
}

TEST_F(SubscriptionFailuresTest, ALimitStopsTheSubscriptionRatherThanDroppingARecord) {
  // given
  for (int i = 0; i < 4; ++i) Append("account-1");
  Subscription subscription(
      *store_, {.name = "all", .limits = {.records = 2}},
      [](const RecordedEvent&) { return Permanent(absl::InternalError("poison")); });
  // when
  const absl::Status stopped = subscription.CatchUp();
  // then
  EXPECT_THAT(stopped, HasCode(absl::StatusCode::kResourceExhausted));
  const auto one = Subscriptions(*store_).Get("all");
  ASSERT_THAT(one, IsOk());
  EXPECT_LE(one->parked_records, 2);
  EXPECT_EQ(one->checkpoint.value(), one->parked_records) << "what is not parked is not passed";
}

// A write that the store refuses for a while loses nothing, and nothing more is handled meanwhile
// than the window holds.
TEST_F(SubscriptionFailuresTest, ACheckpointThatCannotBeWrittenIsWrittenLater) {
  // given
  WatchedStore watched(*store_);
  std::atomic<bool> full = false;
  watched.before_append = [&]() -> absl::Status {
    return full ? absl::ResourceExhaustedError("the disk is full") : absl::OkStatus();
  };
  Subscription subscription(watched, {.name = "all", .checkpoint_interval = milliseconds(1)},
                            Note());
  ASSERT_THAT(subscription.Start(), IsOk());
  full = true;
  Append("account-1");
  heard_.Await(1);
  while (!absl::IsResourceExhausted(subscription.Health().last_error)) {
  }
  EXPECT_EQ(Subscriptions(*store_).Get("all")->checkpoint, Position(0));
  // when
  full = false;
  // then
  while (Subscriptions(*store_).Get("all")->checkpoint != Position(1)) {
  }
  EXPECT_THAT(heard_.Await(1), SizeIs(1));
}

// Whoever has lost the lease stops; its late checkpoint goes nowhere.
TEST_F(SubscriptionFailuresTest, AnOwnerThatLostItsLeaseStopsAndStandsBy) {
  // given
  Heard<int> lost;
  Subscription subscription(*store_,
                            {.name = "all",
                             .checkpoint_interval = milliseconds(1),
                             .on_lost_lease = [&] { lost.Add(1); }},
                            Note());
  ASSERT_THAT(subscription.Start(), IsOk());
  // when: the row is gone, as if another had taken it over and removed it
  auto rows = store_->ReadRows({.table = "daybook.subscription"});
  ASSERT_THAT(rows, IsOk());
  ASSERT_THAT(*rows, SizeIs(1));
  ASSERT_THAT(store_->Append({.row_changes = {{rows->front().table, rows->front().key}}}), IsOk());
  Append("account-1");
  // then: what it had handled is not remembered; it begins anew
  lost.Await(1);
  heard_.Await(1);
  absl::StatusOr<SubscriptionHealth> one;
  do {
    one = Subscriptions(*store_).Get("all");  // not found, until it has begun anew
  } while (!one.ok() || one->checkpoint != Position(1));
}

TEST_F(SubscriptionFailuresTest, ACompletionThatIsDroppedFailsItsRecord) {
  Append("account-1");
  std::atomic<int> attempts = 0;
  Subscription subscription(*store_, {.name = "all", .retry = kHasty},
                            Handler::Later([&](const Record&, Completion done) {
                              if (++attempts == 1) return;  // dropped
                              if (attempts == 2) throw std::runtime_error("not now");
                              done(absl::OkStatus());
                            }));
  ASSERT_THAT(subscription.Start(), IsOk());
  EXPECT_THAT(subscription.WaitUntil(Position(1), Soon()), IsOk());
  EXPECT_EQ(attempts, 3);
}

TEST_F(SubscriptionFailuresTest, StopWaitsForWhatIsInWorkAndKeepsItsCheckpoint) {
  // given
  Append("account-1");
  std::promise<Completion> started;
  {
    Subscription subscription(*store_, {.name = "all"},
                              Handler::Later([&](const Record&, Completion done) {
                                started.set_value(std::move(done));
                              }));
    ASSERT_THAT(subscription.Start(), IsOk());
    Completion done = started.get_future().get();
    // when
    std::jthread completer([&] { done(absl::OkStatus()); });
    subscription.Stop();
  }
  // then
  EXPECT_EQ(Subscriptions(*store_).Get("all")->checkpoint, Position(1));
}

TEST_F(SubscriptionFailuresTest, OptionsOutOfBoundsAreRefusedByName) {
  const auto start = [&](SubscriptionOptions options) {
    if (options.name.empty()) options.name = "all";
    return Subscription(*store_, options, Note()).Start();
  };
  const auto invalid = [](const char* what) {
    return Fails(absl::StatusCode::kInvalidArgument, what);
  };
  EXPECT_THAT(start({.name = std::string(201, 'x')}), invalid("name"));
  EXPECT_THAT(start({.name = "a\nb"}), invalid("name"));
  EXPECT_THAT(start({.max_in_flight = -1}), invalid("max_in_flight"));
  EXPECT_THAT(start({.max_in_flight = 257}), invalid("max_in_flight"));
  EXPECT_THAT(start({.window = 0}), invalid("window"));
  EXPECT_THAT(start({.retry = {.max_attempts = 0}}), invalid("max_attempts"));
  EXPECT_THAT(start({.retry = {.backoff = {.first = milliseconds(0)}}}), invalid("backoff.first"));
  EXPECT_THAT(start({.limits = {.records = 4001}}), invalid("limits.records"));
  EXPECT_THAT(start({.checkpoint_every = 0}), invalid("checkpoint_every"));
  EXPECT_THAT(start({.lease = milliseconds(99)}), invalid("lease"));
  EXPECT_THAT(start({}), IsOk());
}

TEST_F(SubscriptionFailuresTest, AKeyFunctionThatThrowsStopsTheSubscriptionAndSaysSo) {
  Append("account-1");
  Subscription subscription(
      *store_,
      {.name = "all",
       .key = [](const RecordedEvent&) -> std::string { throw std::runtime_error("no key"); }},
      Note());
  EXPECT_THAT(subscription.CatchUp(), Fails(absl::StatusCode::kInternal, "no key"));
}

TEST_F(SubscriptionFailuresTest, LanesCanBeOfAnotherKey) {
  // given: all in one lane, of which the first fails
  Append("account-1");
  Append("account-2");
  std::atomic<int> failures = 2;
  Subscription subscription(
      *store_, {.name = "all", .key = [](const RecordedEvent&) { return "one"; }, .retry = kHasty},
      [&](const RecordedEvent& event) -> absl::Status {
        if (failures-- > 0) return absl::AbortedError("not now");
        heard_.Add(event.position());
        return absl::OkStatus();
      });
  ASSERT_THAT(subscription.Start(), IsOk());
  EXPECT_THAT(heard_.Await(2), ElementsAre(Position(1), Position(2)));
}

}  // namespace
}  // namespace daybook::test
