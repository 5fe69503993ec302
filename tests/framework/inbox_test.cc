#include "daybook/inbox.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>
#include <stop_token>
#include <thread>

#include "account.h"
#include "daybook/repository.h"
#include "inbox_testing.h"
#include "store_file.h"

namespace daybook::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class InboxTest : public InboxTesting {};

// ---- Duplicates --------------------------------------------------------------------------------

TEST_F(InboxTest, ADuplicateHasNoSecondEffectInTheFile) {
  auto inbox = Open(Writers());
  EXPECT_THAT(inbox->Receive(Wire(Credited("a", 5))), IsHandled());

  EXPECT_THAT(inbox->Receive(Wire(Credited("a", 5))), IsDuplicate());

  EXPECT_THAT(inbox->Receive(Credited("b", 6)), IsHandled());
  EXPECT_THAT(Written(), ElementsAre(5, 6));
}

TEST_F(InboxTest, ADuplicateIsKnownAfterARestart) {
  EXPECT_THAT(Open(Writers())->Receive(Credited("a", 5)), IsHandled());

  EXPECT_THAT(Open(Writers())->Receive(Credited("a", 5)), IsDuplicate());

  EXPECT_THAT(Written(), ElementsAre(5));
}

TEST_F(InboxTest, ADuplicateAppendsNothingToALog) {
  // given
  StoreFile file;
  const auto store = file.Open();
  Repository<Account> accounts(*store);
  ASSERT_THAT(accounts.Execute("1", [](Account& account) { return account.Open("ada"); }), IsOk());
  std::vector<bool> repeated;
  InboxHandlers handlers;
  handlers.On([&](const AccountCredited& event, const Received& at) {
    const auto done = accounts.Execute(
        event.account_id(), [&](Account& account) { return account.Deposit(event.amount()); },
        {.once = at.once(), .cause = CausedBy(at.event())});
    if (done.ok()) repeated.push_back(done->repeated);
    return done.status();
  });
  auto inbox = Open(std::move(handlers));
  // when
  for (int i = 0; i < 2; ++i) EXPECT_THAT(inbox->Receive(Wire(Credited("a", 5))), IsHandled());
  // then
  EXPECT_THAT(repeated, ElementsAre(false, true));
  EXPECT_EQ(accounts.Load("1")->balance(), 5);
  EXPECT_EQ(Marks(), 0) << "the log holds the mark";
}

TEST_F(InboxTest, EachConsumerAndSourceHasItsOwnMarks) {
  auto reports = Open(Writers());
  InboxOptions options = Options();
  options.consumer = "alarms";
  auto alarms = Open(options, Writers());
  IntegrationEvent elsewhere = Credited("a", 7);
  elsewhere.source = "/branch";

  EXPECT_THAT(reports->Receive(Credited("a", 5)), IsHandled());
  EXPECT_THAT(alarms->Receive(Credited("a", 6)), IsHandled());
  EXPECT_THAT(alarms->Receive(elsewhere), IsHandled());

  EXPECT_THAT(Written(), ElementsAre(5, 6, 7));
}

TEST_F(InboxTest, IdsThatDifferInAnyByteAreDifferent) {
  auto inbox = Open(Writers());
  std::string long_id(5000, 'x');
  std::vector<std::string> ids = {"a", "A", "a ", " a", "é", "\xff", "\xfe", "'", "%", long_id};
  ids.push_back(long_id + "y");
  for (const std::string& id : ids) {
    WireMessage message = Wire(Credited("a", 1));
    for (auto& [name, value] : message.headers) {
      if (name == "cloudEvents_id") value = id;
    }
    if (!FromWire(message).ok()) continue;
    EXPECT_THAT(inbox->Receive(message), IsHandled()) << id;
    EXPECT_THAT(inbox->Receive(message), IsDuplicate()) << id;
  }
  EXPECT_GE(Marks(), 9);
}

TEST_F(InboxTest, OnceKeysFitTheLogWhateverSourceAndIdAre) {
  const auto key = [](std::string source, std::string id) {
    const IntegrationEvent event = {.id = std::move(id), .source = std::move(source)};
    const OnceKey once = Received(event, "reports", 1).once();
    EXPECT_EQ(once.scope, "inbox/reports");
    EXPECT_LE(once.key.size(), kMaxOnceKeyBytes);
    EXPECT_TRUE(
        std::all_of(once.key.begin(), once.key.end(), [](unsigned char c) { return c >= 0x20; }));
    return once.key;
  };
  const std::string text(3000, 's');
  std::vector<std::string> keys = {key("/bank", "a"),    key("/banka", "1"), key("/bank", "a1"),
                                   key("/bank", "a\n"),  key(text, "a"),     key(text, "b"),
                                   key(text + "a", "b"), key(text, "ab"),    key("/b", text),
                                   key("/ba", text)};
  EXPECT_EQ(keys[0], "5:/banka");
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

// ---- The transaction ---------------------------------------------------------------------------

TEST_F(InboxTest, WhatAHandlerWroteBeforeItFailedIsUndoneWithItsMark) {
  int tries = 0;
  answer_ = [&](const AccountCredited&, const Received& at) {
    EXPECT_EQ(at.attempt(), ++tries);
    EXPECT_EQ(at.event().id, "a");
    return tries < 3 ? absl::InternalError("not yet") : absl::OkStatus();
  };
  auto inbox = Open(Writers());

  EXPECT_THAT(inbox->Receive(Credited("a", 5)), IsHandled());

  EXPECT_EQ(tries, 3);
  EXPECT_THAT(Written(), ElementsAre(5));
  EXPECT_EQ(Marks(), 1);
}

TEST_F(InboxTest, AThrowIsAFailureLikeAnyOther) {
  answer_ = [](const AccountCredited&, const Received& at) -> absl::Status {
    if (at.attempt() == 1) throw std::runtime_error("a bad day");
    return absl::OkStatus();
  };
  auto inbox = Open(Writers());
  EXPECT_THAT(inbox->Receive(Credited("a", 5)), IsHandled());
  EXPECT_THAT(Written(), ElementsAre(5));
}

TEST_F(InboxTest, NothingCommitsBehindAHandlersOwnRollback) {
  InboxHandlers handlers;
  handlers.On([](ReadModel& db, const AccountCredited& event) {
    db.Execute("INSERT INTO one VALUES (1)").IgnoreError();
    db.Execute("INSERT OR ROLLBACK INTO one VALUES (1)").IgnoreError();
    return db.Execute("INSERT INTO credit VALUES ('', ?1)", event.amount());
  });
  InboxOptions options = Options();
  options.schema += "; CREATE TABLE one (one INTEGER PRIMARY KEY) STRICT";
  auto inbox = Open(options, std::move(handlers));

  EXPECT_THAT(inbox->Receive(Credited("a", 5)), IsParked());

  EXPECT_THAT(Written(), IsEmpty());
  EXPECT_EQ(Marks(), 0);
  EXPECT_THAT(Parked(*inbox).at(0).reason,
              Fails(absl::StatusCode::kFailedPrecondition, "ROLLBACK"));
}

TEST_F(InboxTest, AHandlerIsKeptOffTransactionsAndDaybooksTables) {
  std::vector<absl::StatusCode> codes;
  InboxHandlers handlers;
  handlers.On([&](ReadModel& db, const AccountCredited&) {
    for (const char* sql : {"COMMIT", "DELETE FROM daybook_inbox",
                            "DELETE FROM daybook_parked_message", "DROP TABLE daybook_inbox"}) {
      codes.push_back(db.Execute(sql).code());
    }
  });
  EXPECT_THAT(Open(std::move(handlers))->Receive(Credited("a", 5)), IsHandled());
  EXPECT_THAT(codes, ::testing::Each(absl::StatusCode::kPermissionDenied));
}

TEST_F(InboxTest, TwoInboxesOfOneFileGiveAMessageOneEffect) {
  auto one = Open(Writers());
  auto other = Open(Writers());
  constexpr int kMessages = 200;
  std::atomic<int> handled = 0;
  const auto receive_all = [&](Inbox& inbox) {
    for (int i = 0; i < kMessages; ++i) {
      const auto receipt = inbox.Receive(Credited("id" + std::to_string(i), i, std::to_string(i)));
      EXPECT_THAT(receipt, IsOk());
      if (receipt.ok() && *receipt == Receipt::kHandled) ++handled;
    }
  };
  std::thread first([&] { receive_all(*one); });
  std::thread second([&] { receive_all(*other); });
  first.join();
  second.join();
  EXPECT_EQ(handled, kMessages);
  EXPECT_THAT(Written(), SizeIs(kMessages));
}

// ---- Failures that leave the message -----------------------------------------------------------

TEST_F(InboxTest, AnOutageOrAHaltLeavesTheMessageWithTheBroker) {
  auto inbox = Open(Writers());
  for (const auto& mark : {&Outage, &Halt}) {
    answer_ = [&](const AccountCredited&, const Received& at) {
      EXPECT_EQ(at.attempt(), 1);
      return mark(absl::UnavailableError("the shop is closed"));
    };
    EXPECT_THAT(inbox->Receive(Credited("a", 5)), IsOutage(absl::StatusCode::kUnavailable));
  }
  EXPECT_THAT(Written(), IsEmpty());
  EXPECT_THAT(Parked(*inbox), IsEmpty());

  answer_ = [](const AccountCredited&, const Received&) { return absl::OkStatus(); };
  EXPECT_THAT(inbox->Receive(Credited("a", 5)), IsHandled());
}

TEST_F(InboxTest, AStopInterruptsThePauseBetweenAttempts) {
  std::promise<void> failed;
  answer_ = [&](const AccountCredited&, const Received&) {
    failed.set_value();
    return absl::InternalError("no");
  };
  InboxOptions options = Options();
  options.retry.backoff = {.first = std::chrono::hours(1), .longest = std::chrono::hours(1)};
  auto inbox = Open(options, Callers());
  std::stop_source stop;
  std::thread stopper([&] {
    failed.get_future().wait();
    stop.request_stop();
  });
  EXPECT_THAT(inbox->Receive(Credited("a", 5), stop.get_token()),
              IsOutage(absl::StatusCode::kDeadlineExceeded));
  stopper.join();
  EXPECT_THAT(Parked(*inbox), IsEmpty());
}

TEST_F(InboxTest, AFileThatOthersKeepLockedIsAnOutage) {
  auto inbox = Open(Writers());
  fault::RawDb other(Path());
  other.Exec("BEGIN IMMEDIATE");
  EXPECT_THAT(inbox->Receive(Credited("a", 5)), IsOutage(absl::StatusCode::kUnavailable));
  other.Exec("COMMIT");
  EXPECT_THAT(inbox->Receive(Credited("a", 5)), IsHandled());
}

// ---- What the data is --------------------------------------------------------------------------

TEST_F(InboxTest, DataInJsonIsRead) {
  IntegrationEvent event = Credited("a", 0);
  event.data_content_type = "application/json; charset=utf-8";
  event.data = R"({"accountId": "1", "amount": "5", "currency": "newer than this program"})";
  auto inbox = Open(Writers());
  EXPECT_THAT(inbox->Receive(Wire(event)), IsHandled());
  EXPECT_THAT(Written(), ElementsAre(5));
}

TEST_F(InboxTest, StructuredModeIsRead) {
  const auto wire = ToWire(Credited("a", 5), ContentMode::kStructured, Binding::kAmqp);
  auto inbox = Open(Writers());
  EXPECT_THAT(inbox->Receive(*wire), IsHandled());
  EXPECT_THAT(inbox->Receive(Wire(Credited("a", 5))), IsDuplicate());
  EXPECT_THAT(Written(), ElementsAre(5));
}

TEST_F(InboxTest, HandlersOfEveryShapeAreCalled) {
  int calls = 0;
  InboxHandlers handlers;
  auto received = [&](InboxHandlers& with) {
    auto inbox = Open(with);
    const std::string id = "id" + std::to_string(calls);
    EXPECT_THAT(inbox->Receive(Credited(id, 1)), IsHandled());
  };
  received(handlers.On([&](const AccountCredited&) { ++calls; }));
  received(handlers.On([&](const AccountCredited&, const Received&) { ++calls; }));
  received(handlers.On([&](ReadModel&, const AccountCredited&) mutable { ++calls; }));
  received(handlers.On([&](ReadModel&, const AccountCredited&, const Received&) { ++calls; }));
  received(handlers.On<AccountCredited>([&](const auto&) {
    ++calls;
    return absl::OkStatus();
  }));
  EXPECT_EQ(calls, 5);
  EXPECT_THAT(handlers.types(), ElementsAre("daybook.test.contracts.v1.AccountCredited"));
}

// ---- Forgetting --------------------------------------------------------------------------------

TEST_F(InboxTest, OldMarksAreForgottenInSmallSteps) {
  // given: many old marks, and one of an hour ago
  ASSERT_THAT(Open(Writers())->Receive(Credited("young", 5)), IsHandled());
  constexpr int kOld = 1000;
  fault::RawDb(Path()).Exec(
      "UPDATE daybook_inbox SET handled_at = handled_at - 3600000000;"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
      "INSERT INTO daybook_inbox SELECT 'reports', x'00', CAST(i AS BLOB), i FROM n;"
      "INSERT INTO daybook_inbox VALUES ('another consumer', x'00', x'00', 0)");
  // when
  auto inbox = Open(Writers());
  const int64_t after_open = Marks();
  int64_t received = 0, before = after_open, largest_step = 0;
  for (; received < 2 * kOld && before > received + 2; ++received) {
    ASSERT_THAT(inbox->Receive(Credited("id" + std::to_string(received), 1)), IsHandled());
    const int64_t now = Marks();
    largest_step = std::max(largest_step, before - now);
    before = now;
  }
  // then
  EXPECT_LT(after_open, kOld + 2);
  EXPECT_GT(after_open, kOld / 2);
  EXPECT_LT(largest_step, kOld / 2);
  EXPECT_EQ(before, received + 2) << "the young ones and the other consumer's stay";
  EXPECT_THAT(inbox->Receive(Credited("young", 5)), IsDuplicate());
}

TEST_F(InboxTest, MarksStayForEverIfSoAsked) {
  InboxOptions options = Options();
  options.retention = std::chrono::hours::max();
  ASSERT_THAT(Open(options, Writers())->Receive(Credited("a", 5)), IsHandled());
  EXPECT_THAT(Open(options, Writers())->Receive(Credited("a", 5)), IsDuplicate());
}

}  // namespace
}  // namespace daybook::test
