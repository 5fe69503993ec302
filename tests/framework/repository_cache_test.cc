#include "account.h"
#include "daybook/repository.h"
#include "status_testing.h"
#include "store_file.h"
#include "support/watched_store.h"

namespace daybook::test {
namespace {

// Two stores on one file, as two processes have them; each with a repository of its own.
class RepositoryCacheTest : public ::testing::Test {
 protected:
  const StoreFile file_;
  const std::unique_ptr<SqliteEventStore> store_ = file_.Open();
  const std::unique_ptr<SqliteEventStore> other_store_ = file_.Open();
  WatchedStore watched_{*store_};
  Repository<Account> accounts_{watched_};
  Repository<Account> others_{*other_store_};
};

TEST_F(RepositoryCacheTest, ACachedAggregateIsDecidedOnWithoutReading) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(1)), IsOk());
  const int before = watched_.stream_visits();
  for (int i = 0; i < 5; ++i) ASSERT_THAT(accounts_.Execute("1", DepositOf(1)), IsOk());
  EXPECT_EQ(watched_.stream_visits(), before);
}

TEST_F(RepositoryCacheTest, LoadSeesWhatAnotherProcessWrote) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(1)), IsOk());
  ASSERT_THAT(others_.Execute("1", DepositOf(10)), IsOk());
  EXPECT_EQ(accounts_.Load("1")->balance(), 11);
  ASSERT_THAT(others_.Execute("1", DepositOf(100)), IsOk());
  EXPECT_EQ(accounts_.Load("1")->balance(), 111);
  EXPECT_EQ(accounts_.Load("1")->version(), Version(3));
}

TEST_F(RepositoryCacheTest, CommandsOfTwoProcessesInTurnAreAllKept) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_THAT(accounts_.Execute("1", DepositOf(1)), IsCommitted(2 * i + 1, 2 * i + 1));
    ASSERT_THAT(others_.Execute("1", DepositOf(10)), IsCommitted(2 * i + 2, 2 * i + 2));
  }
  EXPECT_EQ(accounts_.Load("1")->balance(), 110);
  EXPECT_EQ(others_.Load("1")->balance(), 110);
}

TEST_F(RepositoryCacheTest, AnAggregateDeletedByAnotherProcessIsNotFound) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(1)), IsOk());
  ASSERT_THAT(other_store_->Delete("account-1", ExpectedVersion::Any()), IsOk());
  EXPECT_THAT(accounts_.Load("1"), Fails(absl::StatusCode::kNotFound, "account-1"));
}

TEST_F(RepositoryCacheTest, AnAggregateDeletedByAnotherProcessBeginsAnew) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(5)), IsOk());
  ASSERT_THAT(other_store_->Delete("account-1", ExpectedVersion::Any()), IsOk());
  EXPECT_THAT(accounts_.Execute("1", [](Account& account) { return account.Withdraw(1); }),
              Fails(absl::StatusCode::kFailedPrecondition, "not enough money"));
  EXPECT_THAT(accounts_.Execute("1", DepositOf(2)), IsCommitted(2, 2));
  EXPECT_EQ(accounts_.Load("1")->balance(), 2);
}

// A deletion does not move the version, so the version alone does not tell that it happened.
TEST_F(RepositoryCacheTest, NothingIsDecidedOnWhatAnotherProcessHasDeleted) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(5)), IsOk());
  ASSERT_THAT(other_store_->Delete("account-1", ExpectedVersion::Any()), IsOk());
  EXPECT_THAT(accounts_.Execute("1", [](Account& account) { return account.Withdraw(4); }),
              Fails(absl::StatusCode::kFailedPrecondition, "not enough money"));
  EXPECT_EQ(store_->Head().value(), Position(1));
}

TEST_F(RepositoryCacheTest, ADeletionWhileACommandIsDecidedIsNoticed) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(5)), IsOk());
  int runs = 0;
  const auto answer = accounts_.Execute("1", [&](Account& account) {
    if (++runs == 1) {
      EXPECT_THAT(other_store_->Delete("account-1", Version(1)), IsOk());
    }
    return account.Withdraw(4);
  });
  EXPECT_THAT(answer, Fails(absl::StatusCode::kFailedPrecondition, "not enough money"));
  EXPECT_EQ(runs, 2);
}

TEST_F(RepositoryCacheTest, ADeletionWhileACommandIsDecidedOnAnExpectedVersionIsAConflict) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(5)), IsOk());
  int runs = 0;
  const auto answer =
      accounts_.Execute("1",
                        [&](Account& account) {
                          ++runs;
                          EXPECT_THAT(other_store_->Delete("account-1", Version(1)), IsOk());
                          return account.Withdraw(4);
                        },
                        {.expected = Version(1)});
  EXPECT_THAT(answer, IsConflictAt(1));
  EXPECT_EQ(runs, 1);
}

TEST_F(RepositoryCacheTest, NothingIsRefusedForWhatAnotherProcessHasDeleted) {
  const auto open = [](Account& account) { return account.Open("ann"); };
  ASSERT_THAT(accounts_.Execute("1", open), IsCommitted(1, 1));
  EXPECT_THAT(accounts_.Execute("1", open), Fails(absl::StatusCode::kAlreadyExists, ""));
  ASSERT_THAT(other_store_->Delete("account-1", ExpectedVersion::Any()), IsOk());
  EXPECT_THAT(accounts_.Execute("1", open), IsCommitted(2, 2));
}

TEST_F(RepositoryCacheTest, AnAggregateThatBeganAgainElsewhereIsReadFromThere) {
  ASSERT_THAT(accounts_.Execute("1", DepositOf(5)), IsOk());
  ASSERT_THAT(other_store_->Delete("account-1", ExpectedVersion::Any()), IsOk());
  ASSERT_THAT(others_.Execute("1", DepositOf(70)), IsCommitted(2, 2));
  EXPECT_EQ(accounts_.Load("1")->balance(), 70);
  ASSERT_THAT(accounts_.Execute("1", DepositOf(7)), IsCommitted(3, 3));
  EXPECT_EQ(others_.Load("1")->balance(), 77);
}

TEST_F(RepositoryCacheTest, OnlyTheRecentlyUsedAreKept) {
  Repository<Account> accounts(watched_, {.cached_aggregates = 2});
  for (const char* id : {"1", "2", "1", "3"}) {  // 2 is the one used longest ago
    ASSERT_THAT(accounts.Execute(id, DepositOf(1)), IsOk());
  }
  const auto visits_for = [&](const char* id) {
    const int before = watched_.stream_visits();
    EXPECT_THAT(accounts.Execute(id, DepositOf(1)), IsOk());
    return watched_.stream_visits() - before;
  };
  EXPECT_EQ(visits_for("1"), 0);
  EXPECT_EQ(visits_for("3"), 0);
  EXPECT_EQ(visits_for("2"), 1);
  EXPECT_EQ(accounts.Load("2")->balance(), 2);
}

TEST_F(RepositoryCacheTest, WhatDoesNotExistPushesNothingOut) {
  Repository<Account> accounts(watched_, {.cached_aggregates = 1});
  ASSERT_THAT(accounts.Execute("1", DepositOf(1)), IsOk());
  EXPECT_THAT(accounts.Load("2"), Fails(absl::StatusCode::kNotFound, ""));
  EXPECT_THAT(accounts.Execute("3", [](Account& account) { return account.Withdraw(1); }),
              Fails(absl::StatusCode::kFailedPrecondition, ""));
  const int before = watched_.stream_visits();
  ASSERT_THAT(accounts.Execute("1", DepositOf(1)), IsOk());
  EXPECT_EQ(watched_.stream_visits(), before);
}

TEST_F(RepositoryCacheTest, WithoutACacheEverythingIsRead) {
  Repository<Account> accounts(watched_, {.cached_aggregates = 0});
  for (int i = 1; i <= 3; ++i) ASSERT_THAT(accounts.Execute("1", DepositOf(1)), IsCommitted(i, i));
  EXPECT_EQ(watched_.stream_visits(), 3);
  EXPECT_EQ(accounts.Load("1")->balance(), 3);
}

}  // namespace
}  // namespace daybook::test
