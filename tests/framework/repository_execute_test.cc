#include <stdexcept>

#include "account.h"
#include "daybook/repository.h"
#include "status_testing.h"
#include "store_file.h"
#include "support/watched_store.h"

namespace daybook::test {
namespace {

using ::testing::ElementsAre;

class RepositoryExecuteTest : public ::testing::Test {
 protected:
  // Another writer, who knows nothing of this repository.
  void AppendAside(const google::protobuf::Message& event) {
    ASSERT_THAT(store_->Append("account-1", ExpectedVersion::Any(), {Stored(event)}), IsOk());
  }

  // `command`, but the first time it runs another writer appends `event` before it returns.
  Command OvertakenBy(const google::protobuf::Message& event, Command command) {
    return [this, &event, command = std::move(command)](Account& account) {
      absl::Status status = command(account);
      if (++runs_ == 1) AppendAside(event);
      return status;
    };
  }

  int64_t BalanceInStore() {
    const absl::StatusOr<Account> account = Repository<Account>(*store_).Load("1");
    EXPECT_THAT(account, IsOk());
    return account.ok() ? account->balance() : -1;
  }

  const StoreFile file_;
  const std::unique_ptr<SqliteEventStore> store_ = file_.Open();
  WatchedStore watched_{*store_};
  Repository<Account> accounts_{watched_};
  int runs_ = 0;
};

TEST_F(RepositoryExecuteTest, WhatACommandEmitsIsAppendedTogether) {
  EXPECT_THAT(accounts_.Execute("1",
                                [](Account& account) {
                                  EXPECT_EQ(account.id(), "1");
                                  EXPECT_EQ(account.version(), Version(0));
                                  const absl::Status opened = account.Open("ann");
                                  return opened.ok() ? account.Deposit(5) : opened;
                                }),
              IsCommitted(2, 2));
  EXPECT_THAT(accounts_.Execute("1", WithdrawalOf(2)), IsCommitted(3, 3));
  const auto page = store_->Read(StreamQuery{.stream = "account-1"});
  ASSERT_THAT(page, IsOk());
  std::vector<std::string> types;
  for (const StoredEvent& event : page->events) types.push_back(event.type);
  EXPECT_THAT(types, ElementsAre("daybook.test.v1.AccountOpened", "daybook.test.v1.Deposited",
                                 "daybook.test.v1.Withdrawn"));
}

TEST_F(RepositoryExecuteTest, ACommandThatEmitsNothingIsAnsweredWithWhereTheAggregateStands) {
  EXPECT_THAT(accounts_.Execute("1", [](Account& account) { return account.Close(); }),
              IsCommitted(0, 0));
  ASSERT_THAT(store_->Append("account-2", ExpectedVersion::Any(), {Stored(Deposit(1))}), IsOk());
  AppendAside(Deposit(5));
  EXPECT_THAT(accounts_.Execute("1", [](Account& account) { return account.Close(); }),
              IsCommitted(1, 2));
  ASSERT_THAT(accounts_.Execute("1", DepositOf(5)), IsCommitted(2, 3));
  EXPECT_THAT(accounts_.Execute("1", [](Account& account) { return account.Close(); }),
              IsCommitted(2, 3));
}

TEST_F(RepositoryExecuteTest, ARefusalIsPassedThroughUntouchedAndStoresNothing) {
  AppendAside(Deposit(5));
  absl::Status refusal = absl::OutOfRangeError("beyond the overdraft");
  refusal.SetPayload("bank.example/limit", absl::Cord("100"));
  const auto answer = accounts_.Execute("1", [&](Account&) { return refusal; });
  EXPECT_EQ(answer.status(), refusal);
  EXPECT_FALSE(IsFromDaybook(answer.status()));
  EXPECT_EQ(store_->Head().value(), Position(1));
}

TEST_F(RepositoryExecuteTest, AnAbortedOfTheCommandsOwnIsNoConflict) {
  AppendAside(Deposit(5));
  const auto answer = accounts_.Execute("1", [this](Account&) {
    ++runs_;
    return absl::AbortedError("the customer hung up");
  });
  EXPECT_THAT(answer, Fails(absl::StatusCode::kAborted, "the customer hung up"));
  EXPECT_FALSE(IsConflict(answer.status()));
  EXPECT_EQ(runs_, 1);
}

TEST_F(RepositoryExecuteTest, WhoIsOvertakenDecidesAgainOnWhatIsNew) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  EXPECT_THAT(accounts_.Execute("1", OvertakenBy(Deposit(100), DepositOf(1))), IsCommitted(3, 3));
  EXPECT_EQ(runs_, 2);
  EXPECT_EQ(BalanceInStore(), 111);
}

TEST_F(RepositoryExecuteTest, WhoIsOvertakenMayFindThatTheAnswerIsNo) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  EXPECT_THAT(accounts_.Execute("1", OvertakenBy(Withdrawal(10), WithdrawalOf(8))),
              Fails(kFailedPrecondition, "not enough money"));
  EXPECT_EQ(BalanceInStore(), 0);
}

TEST_F(RepositoryExecuteTest, ARefusalDecidedOnAnOldVersionIsDecidedAnew) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  AppendAside(Deposit(100));
  EXPECT_THAT(accounts_.Execute("1", WithdrawalOf(50)), IsCommitted(3, 3));
  EXPECT_EQ(BalanceInStore(), 60);
}

TEST_F(RepositoryExecuteTest, ANoOpDecidedOnAnOldVersionIsDecidedAnew) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  AppendAside(Opened("ann"));
  EXPECT_THAT(accounts_.Execute("1", [](Account& account) { return account.Close(); }),
              IsCommitted(3, 3));
}

TEST_F(RepositoryExecuteTest, ARefusalAfterEmittingIsDecidedAnewToo) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  AppendAside(Deposit(100));
  const auto answer = accounts_.Execute("1", [](Account& account) {
    const absl::Status small = account.Withdraw(5);
    return small.ok() ? account.Withdraw(50) : small;
  });
  EXPECT_THAT(answer, IsCommitted(4, 4));
  EXPECT_EQ(BalanceInStore(), 55);
}

TEST_F(RepositoryExecuteTest, WhatWasEmittedBeforeARefusalIsForgotten) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  const auto refused = accounts_.Execute("1", [](Account& account) {
    const absl::Status small = account.Withdraw(5);
    return small.ok() ? account.Withdraw(50) : small;
  });
  EXPECT_THAT(refused, Fails(kFailedPrecondition, "not enough money"));
  EXPECT_THAT(accounts_.Execute("1", WithdrawalOf(10)), IsCommitted(2, 2));
  EXPECT_EQ(BalanceInStore(), 0);
}

TEST_F(RepositoryExecuteTest, AThrowingCommandIsInternalAndItsEventsAreForgotten) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  const auto threw = accounts_.Execute("1", [](Account& account) -> absl::Status {
    account.Deposit(99).IgnoreError();
    throw std::runtime_error("no such currency");
  });
  EXPECT_THAT(threw, Fails(kInternal, "account-1: the command threw: no such currency"));
  EXPECT_THAT(accounts_.Execute("1", WithdrawalOf(11)),
              Fails(kFailedPrecondition, "not enough money"));
  EXPECT_EQ(store_->Head().value(), Position(1));
}

TEST_F(RepositoryExecuteTest, AThrowingApplyIsInternalAndStoresNothing) {
  EXPECT_THAT(accounts_.Execute("1", DepositOf(kApplyThrows)), Fails(kInternal, "unlucky amount"));
  EXPECT_THAT(accounts_.Execute("1",
                                [](Account& account) {
                                  try {
                                    return account.Deposit(kApplyThrows);
                                  } catch (const std::exception&) {
                                    return absl::OkStatus();
                                  }
                                }),
              Fails(kInternal, "account-1: Apply threw"));
  EXPECT_EQ(store_->Head().value(), Position(0));
}

TEST_F(RepositoryExecuteTest, AnApplyThatEmitsIsInternalAndStoresNothing) {
  EXPECT_THAT(accounts_.Execute("1", DepositOf(kApplyEmits)),
              Fails(kInternal, "account-1: Apply must not emit"));
  EXPECT_EQ(store_->Head().value(), Position(0));
  EXPECT_THAT(accounts_.Execute("1", DepositOf(1)), IsCommitted(1, 1));
}

TEST_F(RepositoryExecuteTest, TheLastOfManyLostRacesIsReturned) {
  Repository<Account> accounts(watched_, {.max_attempts = 3});
  const auto answer = accounts.Execute("1", [this](Account& account) {
    ++runs_;
    EXPECT_EQ(account.version(), Version(runs_ - 1));
    AppendAside(Deposit(1));
    return account.Deposit(1000);
  });
  EXPECT_THAT(answer, IsConflictAt(3));
  EXPECT_EQ(runs_, 3);
  EXPECT_THAT(accounts.Execute("1", DepositOf(10)), IsCommitted(4, 4));
  EXPECT_EQ(BalanceInStore(), 13);
}

TEST_F(RepositoryExecuteTest, ARefusalThatIsNeverUpToDateEndsInAConflict) {
  Repository<Account> accounts(watched_, {.max_attempts = 3});
  const auto answer = accounts.Execute("1", [this](Account& account) {
    ++runs_;
    AppendAside(Deposit(1));
    return account.Withdraw(1000);
  });
  EXPECT_THAT(answer, IsConflictAt(3));
  EXPECT_EQ(runs_, 3);
}

TEST_F(RepositoryExecuteTest, LosingManyRacesCostsOneReplayAndThenOnlyWhatIsNew) {
  for (int i = 0; i < 9; ++i) AppendAside(Deposit(1));
  ASSERT_THAT(accounts_.Execute("1", DepositOf(1)), IsCommitted(10, 10));
  const int before = watched_.events_visited();
  const auto answer = accounts_.Execute("1", [this](Account& account) {
    if (++runs_ <= 4) AppendAside(Deposit(1));
    return account.Deposit(1);
  });
  EXPECT_THAT(answer, IsCommitted(15, 15));
  EXPECT_EQ(watched_.events_visited() - before, 11 + 1 + 1 + 1);
  EXPECT_EQ(BalanceInStore(), 15);
}

TEST_F(RepositoryExecuteTest, TheExpectedVersionHoldsOrTheCommandIsNotRun) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  const auto run = [this](Account& account) {
    ++runs_;
    return account.Deposit(1);
  };
  EXPECT_THAT(accounts_.Execute("1", run, {.expected = Version(0)}), IsConflictAt(1));
  EXPECT_THAT(accounts_.Execute("1", run, {.expected = Version(2)}), IsConflictAt(1));
  EXPECT_THAT(accounts_.Execute("2", run, {.expected = Version(2)}), IsConflictAt(0));
  EXPECT_EQ(runs_, 0);
  EXPECT_THAT(accounts_.Execute("1", run, {.expected = Version(1)}), IsCommitted(2, 2));
  EXPECT_THAT(accounts_.Execute("2", run, {.expected = Version(0)}), IsCommitted(1, 3));
}

TEST_F(RepositoryExecuteTest, AnExpectedVersionIsNotTriedAgain) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  const Deposited aside = Deposit(100);
  EXPECT_THAT(accounts_.Execute("1", OvertakenBy(aside, DepositOf(1)), {.expected = Version(1)}),
              IsConflictAt(2));
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(BalanceInStore(), 110);
}

TEST_F(RepositoryExecuteTest, AnExpectedVersionAlsoHoldsForWhatRefusesOrDoesNothing) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  AppendAside(Deposit(100));
  EXPECT_THAT(accounts_.Execute("1", WithdrawalOf(1000), {.expected = Version(1)}),
              IsConflictAt(2));
  const auto nothing = [](Account&) { return absl::OkStatus(); };
  EXPECT_THAT(accounts_.Execute("1", nothing, {.expected = Version(1)}), IsConflictAt(2));
  EXPECT_THAT(accounts_.Execute("1", nothing, {.expected = Version(2)}), IsCommitted(2, 2));
}

TEST_F(RepositoryExecuteTest, AnExpectedVersionThatAnotherWriterReachedHolds) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  AppendAside(Deposit(100));
  EXPECT_THAT(accounts_.Execute("1", WithdrawalOf(110), {.expected = Version(2)}),
              IsCommitted(3, 3));
}

TEST_F(RepositoryExecuteTest, TheCauseIsStoredBesideEachEvent) {
  Metadata cause;
  cause.set_actor("ann");
  cause.set_correlation_id("c1");
  ASSERT_THAT(accounts_.Execute("1",
                                [](Account& account) {
                                  const absl::Status opened = account.Open("ann");
                                  return opened.ok() ? account.Deposit(5) : opened;
                                },
                                {.cause = cause}),
              IsOk());
  const auto page = store_->Read(StreamQuery{.stream = "account-1"});
  ASSERT_THAT(page, IsOk());
  ASSERT_EQ(page->events.size(), 2u);
  for (const StoredEvent& event : page->events) {
    const auto metadata = MetadataOf(event.View());
    ASSERT_THAT(metadata, IsOk());
    EXPECT_EQ(metadata->actor(), "ann");
    EXPECT_EQ(metadata->correlation_id(), "c1");
  }
}

TEST_F(RepositoryExecuteTest, ACauseThatCouldNotBeReadBackIsRefused) {
  Metadata cause;
  cause.set_traceparent("\xff");
  EXPECT_THAT(accounts_.Execute("1", DepositOf(1), {.cause = cause}),
              Fails(absl::StatusCode::kInvalidArgument, "daybook.Metadata"));
  cause.set_traceparent(std::string(kMaxMetadataBytes, 'x'));
  EXPECT_THAT(accounts_.Execute("1", DepositOf(1), {.cause = cause}),
              Fails(absl::StatusCode::kInvalidArgument, "daybook.Metadata"));
  EXPECT_EQ(store_->Head().value(), Position(0));
}

// Protobuf remarks on such strings on stderr; a library does not.
TEST_F(RepositoryExecuteTest, NothingIsPrintedAboutWhatIsNotUtf8) {
  Metadata cause;
  cause.add_headers()->set_name("name");
  cause.add_headers()->set_value("caf\xe9");
  const NewEvent stored{
      .type = "daybook.test.v1.Deposited", .payload = "\x12\x01\xff", .metadata = "\x0a\x01\xff"};
  ASSERT_THAT(store_->Append("account-2", ExpectedVersion::Any(), {stored}), IsOk());
  ::testing::internal::CaptureStderr();
  const auto event = accounts_.Execute(
      "1", [](Account& account) { return account.Deposit(1, "\xf0\x90\x28\xbc"); });
  const auto metadata = accounts_.Execute("1", DepositOf(1), {.cause = cause});
  const auto replayed = accounts_.Load("2");
  const auto read = MetadataOf(StoredEvent(store_->Read(LogQuery{})->events.at(0)).View());
  const std::string printed = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(printed, "");
  EXPECT_THAT(event, Fails(kInvalidArgument, "Deposited: the string in field note is not UTF-8"));
  EXPECT_THAT(metadata, Fails(kInvalidArgument, "the string in field headers.value"));
  EXPECT_THAT(replayed, Fails(absl::StatusCode::kDataLoss, "cannot be decoded"));
  EXPECT_THAT(read, Fails(absl::StatusCode::kDataLoss, "no daybook.Metadata"));
}

TEST_F(RepositoryExecuteTest, TextInAnyTongueIsTaken) {
  const std::string text = "\x7f caf\u00e9 \u0800 \uffff \U00010000 \U0010ffff";
  EXPECT_THAT(accounts_.Execute("1", [&](Account& account) { return account.Deposit(1, text); }),
              IsOk());
  EXPECT_EQ(accounts_.Load("1")->note(), text);
  for (const char* broken : {"\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                             "\xf0\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\x80", "\xc3"}) {
    EXPECT_THAT(
        accounts_.Execute("1", [&](Account& account) { return account.Deposit(1, broken); }),
        Fails(kInvalidArgument, "not UTF-8"));
  }
}

TEST_F(RepositoryExecuteTest, ACommandThatTakesItsAggregateAwayIsToldSo) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  const auto moves_away = [](Account& account) {
    const Account taken = std::move(account);
    return absl::OkStatus();
  };
  const auto uses_what_it_took = [](Account& account) {
    Account taken = std::move(account);
    return taken.Deposit(1);
  };
  const auto begins_anew = [](Account& account) {
    account = Account();
    return account.Deposit(1);
  };
  const Account another = *accounts_.Load("1");
  const auto takes_another = [&](Account& account) {
    account = another;
    return account.Deposit(1);
  };
  for (const std::string id : {"1", "2"}) {
    EXPECT_THAT(accounts_.Execute(id, moves_away), Fails(kInternal, "moved its aggregate away"));
    EXPECT_THAT(accounts_.Execute(id, uses_what_it_took), Fails(kInternal, "moved its aggregate"));
    EXPECT_THAT(accounts_.Execute(id, begins_anew), Fails(kInternal, "put another in its place"));
  }
  EXPECT_THAT(accounts_.Execute("2", takes_another), Fails(kInternal, "put another in its place"));
  EXPECT_EQ(store_->Head().value(), Position(1));
  EXPECT_THAT(accounts_.Execute("1", WithdrawalOf(10)), IsCommitted(2, 2));
}

TEST_F(RepositoryExecuteTest, FewerAttemptsThanOneAreRefused) {
  for (const int attempts : {0, -3}) {
    Repository<Account> accounts(watched_, {.max_attempts = attempts});
    EXPECT_THAT(accounts.Execute("1", DepositOf(1)), Fails(kInvalidArgument, "max_attempts"));
  }
  EXPECT_EQ(store_->Head().value(), Position(0));
}

TEST_F(RepositoryExecuteTest, AnIdThatMakesNoStreamNameIsRefused) {
  EXPECT_THAT(accounts_.Execute("", DepositOf(1)),
              Fails(absl::StatusCode::kInvalidArgument, "account-"));
  EXPECT_THAT(accounts_.Execute("a\nb", DepositOf(1)),
              Fails(absl::StatusCode::kInvalidArgument, ""));
}

TEST_F(RepositoryExecuteTest, ATombstonedAggregateTakesNoCommands) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  ASSERT_THAT(store_->Tombstone("account-1", ExpectedVersion::Any()), IsOk());
  EXPECT_THAT(accounts_.Execute("1", DepositOf(10)), Fails(kFailedPrecondition, "tombstoned"));
}

TEST_F(RepositoryExecuteTest, ACommandOnItsOwnAggregateIsRefusedInsteadOfWaitingForItself) {
  const auto nested = accounts_.Execute("1", [this](Account& account) {
    EXPECT_THAT(accounts_.Load("1"), Fails(kFailedPrecondition, "from inside its own command"));
    EXPECT_THAT(accounts_.Execute("1", DepositOf(1)),
                Fails(kFailedPrecondition, "from inside its own command"));
    return account.Deposit(5);
  });
  EXPECT_THAT(nested, IsCommitted(1, 1));
  EXPECT_THAT(accounts_.Load("1"), IsOk());
}

TEST_F(RepositoryExecuteTest, AnAppendOfUnknownOutcomeIsForgottenAndReadAgain) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(10)), IsOk());
  watched_.after_append = [] { return absl::UnknownError("the disk went away"); };
  EXPECT_THAT(accounts_.Execute("1", DepositOf(5)),
              Fails(absl::StatusCode::kUnknown, "the disk went away"));
  watched_.after_append = [] { return absl::OkStatus(); };
  EXPECT_THAT(accounts_.Execute("1", WithdrawalOf(15)), IsCommitted(3, 3));

  watched_.before_append = [] { return absl::ResourceExhaustedError("full"); };
  EXPECT_THAT(accounts_.Execute("1", DepositOf(5)),
              Fails(absl::StatusCode::kResourceExhausted, "full"));
  watched_.before_append = [] { return absl::OkStatus(); };
  EXPECT_THAT(accounts_.Execute("1", WithdrawalOf(1)),
              Fails(kFailedPrecondition, "not enough money"));
}

}  // namespace
}  // namespace daybook::test
