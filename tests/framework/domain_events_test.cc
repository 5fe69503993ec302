#include "daybook/domain_events.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "account.h"
#include "daybook/repository.h"
#include "heard.h"
#include "status_testing.h"
#include "store_file.h"
#include "support/watched_store.h"

namespace daybook::test {
namespace {

using boost::signals2::scoped_connection;
using ::testing::ElementsAre;

class DomainEventsTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(*store_); }

  void Start(EventStore& store) {
    auto events = DomainEvents::Start(
        store, {.on_problem = [this](const absl::Status& problem) { problems_.Add(problem); }});
    ASSERT_THAT(events, IsOk());
    events_ = *std::move(events);
  }

  void Append(const google::protobuf::Message& event, const std::string& stream = "account-1") {
    ASSERT_THAT(store_->Append(stream, ExpectedVersion::Any(), {Stored(event)}), IsOk());
  }

  scoped_connection HearDeposits(Heard<int64_t>& heard) {
    return events_->On<Deposited>([&heard](const Deposited& event) { heard.Add(event.amount()); });
  }

  const StoreFile file_;
  const std::unique_ptr<SqliteEventStore> store_ = file_.Open();
  Heard<absl::Status> problems_;
  std::unique_ptr<DomainEvents> events_;
};

TEST_F(DomainEventsTest, SlotsHearTheirTypeInCommitOrder) {
  Heard<std::string> heard;
  const scoped_connection deposits =
      events_->On<Deposited>([&heard](const Deposited& event, const RecordedEvent& at) {
        heard.Add(std::to_string(event.amount()) + " to " + std::string(at.stream_id()));
      });
  const scoped_connection openings = events_->On<AccountOpened>(
      [&heard](const AccountOpened& event) { heard.Add("opened by " + event.owner()); });
  Append(Opened("ann"), "account-7");
  Append(Withdrawal(4));
  Append(Deposit(5), "account-7");
  Append(Deposit(6), "account-8");
  EXPECT_THAT(heard.Await(3), ElementsAre("opened by ann", "5 to 7", "6 to 8"));
}

TEST_F(DomainEventsTest, WhatHappenedBeforeTheStartIsNotTold) {
  Append(Deposit(1));
  events_.reset();
  Append(Deposit(2));
  Start(*store_);
  Heard<int64_t> heard;
  const scoped_connection connection = HearDeposits(heard);
  Append(Deposit(3));
  EXPECT_THAT(heard.Await(1), ElementsAre(3));
}

TEST_F(DomainEventsTest, CommitsOfAnotherProcessAreHeardToo) {
  Heard<int64_t> heard;
  const scoped_connection connection = HearDeposits(heard);
  const auto other_store = file_.Open();
  ASSERT_THAT(other_store->Append("account-1", ExpectedVersion::Any(), {Stored(Deposit(3))}),
              IsOk());
  EXPECT_THAT(heard.Await(1), ElementsAre(3));
}

TEST_F(DomainEventsTest, EachEventIsToldExactlyOnceWhoeverCommits) {
  Heard<int64_t> heard;
  const scoped_connection connection = HearDeposits(heard);
  constexpr int kThreads = 4;
  constexpr int kEvents = 100;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([this, t] {
        for (int i = 0; i < kEvents; ++i) {
          Append(Deposit(t * kEvents + i), "account-" + std::to_string(t));
        }
      });
    }
  }
  std::vector<int64_t> amounts = heard.Await(kThreads * kEvents);
  std::sort(amounts.begin(), amounts.end());
  ASSERT_EQ(amounts.size(), static_cast<size_t>(kThreads * kEvents));
  for (int64_t i = 0; i < kThreads * kEvents; ++i) EXPECT_EQ(amounts[static_cast<size_t>(i)], i);
}

TEST_F(DomainEventsTest, EventsStoredUnderFormerNamesAreHeard) {
  Heard<int64_t> heard;
  const scoped_connection connection =
      events_->On<Withdrawn>([&heard](const Withdrawn& event) { heard.Add(event.amount()); });
  for (const char* name : {"daybook.test.v0.Debited", "daybook.test.v1.TakenOut"}) {
    NewEvent event = Stored(Withdrawal(4));
    event.type = name;
    ASSERT_THAT(store_->Append("account-1", ExpectedVersion::Any(), {event}), IsOk());
  }
  EXPECT_THAT(heard.Await(2), ElementsAre(4, 4));
}

TEST_F(DomainEventsTest, AThrowingSlotHarmsNobodyElse) {
  Heard<int64_t> heard;
  const scoped_connection throws =
      events_->On<Deposited>([](const Deposited&) { throw std::runtime_error("no display"); });
  const scoped_connection connection = HearDeposits(heard);
  Append(Deposit(1));
  Append(Deposit(2));
  EXPECT_THAT(heard.Await(2), ElementsAre(1, 2));
  const std::vector<absl::Status> problems = problems_.Await(2);
  EXPECT_THAT(problems[0], Fails(absl::StatusCode::kInternal, "no display"));
  EXPECT_THAT(problems[0], Fails(absl::StatusCode::kInternal,
                                 "account-1, version 1, daybook.test.v1.Deposited"));
}

TEST_F(DomainEventsTest, WhatCannotBeDecodedIsReportedAndPassedOver) {
  Heard<int64_t> heard;
  const scoped_connection connection = HearDeposits(heard);
  ASSERT_THAT(store_->Append("account-1", ExpectedVersion::Any(),
                             {{.type = "daybook.test.v1.Deposited", .payload = "\xff"}}),
              IsOk());
  Append(Deposit(2));
  EXPECT_THAT(heard.Await(1), ElementsAre(2));
  EXPECT_THAT(problems_.Await(1)[0], Fails(absl::StatusCode::kDataLoss, "account-1, version 1"));
}

TEST_F(DomainEventsTest, ADisconnectedSlotIsNotCalledAgain) {
  Heard<int64_t> gone;
  Heard<int64_t> heard;
  scoped_connection leaves = HearDeposits(gone);
  const scoped_connection stays = HearDeposits(heard);
  Append(Deposit(1));
  heard.Await(1);
  leaves.disconnect();
  Append(Deposit(2));
  EXPECT_THAT(heard.Await(2), ElementsAre(1, 2));
  EXPECT_THAT(gone.Await(1), ElementsAre(1));
}

TEST_F(DomainEventsTest, ASlotMayDisconnectItselfAndConnectAnother) {
  Heard<int64_t> first;
  Heard<int64_t> second;
  scoped_connection inner;
  scoped_connection outer;
  outer = events_->On<Deposited>([&](const Deposited& event) {
    outer.disconnect();
    inner = HearDeposits(second);
    first.Add(event.amount());
  });
  Append(Deposit(1));
  first.Await(1);
  Append(Deposit(2));
  EXPECT_EQ(second.Await(1).back(), 2);
  EXPECT_THAT(first.Await(1), ElementsAre(1));
}

TEST_F(DomainEventsTest, ASlotMayExecuteCommands) {
  Repository<Account> accounts(*store_);
  Heard<absl::Status> answers;
  const scoped_connection connection = events_->On<AccountOpened>([&](const AccountOpened&,
                                                                      const RecordedEvent& at) {
    answers.Add(accounts
                    .Execute(at.stream_id(), [](Account& account) { return account.Deposit(10); },
                             {.cause = CausedBy(at)})
                    .status());
  });
  Heard<int64_t> heard;
  const scoped_connection deposits = HearDeposits(heard);
  Append(Opened("ann"));
  EXPECT_THAT(heard.Await(1), ElementsAre(10));
  EXPECT_THAT(answers.Await(1)[0], IsOk());
}

TEST_F(DomainEventsTest, ALogThatCannotBeReadIsReportedAndReadAgain) {
  std::atomic<int> failures = 2;
  WatchedStore watched(*store_);
  watched.before_log_visit = [&failures] {
    return failures-- > 0 ? absl::UnavailableError("no such luck") : absl::OkStatus();
  };
  Start(watched);
  Heard<int64_t> heard;
  const scoped_connection connection = HearDeposits(heard);
  Append(Deposit(1));
  EXPECT_THAT(heard.Await(1), ElementsAre(1));
  EXPECT_THAT(problems_.Await(2), ElementsAre(absl::UnavailableError("no such luck"),
                                              absl::UnavailableError("no such luck")));
  events_.reset();
}

TEST_F(DomainEventsTest, ItEndsAtOnceWhileNothingHappensAndWhileTheLogCannotBeRead) {
  events_.reset();
  WatchedStore watched(*store_);
  watched.before_log_visit = [] { return absl::UnavailableError("no such luck"); };
  Start(watched);
  Append(Deposit(1));
  problems_.Await(3);
  events_.reset();
  EXPECT_THAT(problems_.Await(3), ::testing::Each(absl::UnavailableError("no such luck")));
}

TEST_F(DomainEventsTest, AConnectionMayOutliveIt) {
  Heard<int64_t> heard;
  scoped_connection connection = HearDeposits(heard);
  events_.reset();
  EXPECT_FALSE(connection.connected());
  connection.disconnect();
}

}  // namespace
}  // namespace daybook::test
