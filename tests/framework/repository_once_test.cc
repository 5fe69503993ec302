#include <utility>

#include "account.h"
#include "daybook/repository.h"
#include "status_testing.h"
#include "store_file.h"
#include "support/watched_store.h"

namespace daybook::test {
namespace {

const OnceKey kKey = {"command", "c1"};

class RepositoryOnceTest : public ::testing::Test {
 protected:
  absl::StatusOr<Committed> DepositOnce(Repository<Account>& accounts, int64_t amount) {
    return accounts.Execute("1",
                            [this, amount](Account& account) {
                              ++runs_;
                              return account.Deposit(amount);
                            },
                            {.once = kKey});
  }

  absl::StatusOr<Committed> WithdrawOnce(Repository<Account>& accounts, int64_t amount) {
    return accounts.Execute("1", [amount](Account& account) { return account.Withdraw(amount); },
                            {.once = kKey});
  }

  const StoreFile file_;
  std::unique_ptr<SqliteEventStore> store_ = file_.Open();
  WatchedStore watched_{*store_};
  Repository<Account> accounts_{watched_};
  int runs_ = 0;
};

TEST_F(RepositoryOnceTest, TheSameCommandIdHasHappenedOnce) {
  EXPECT_THAT(DepositOnce(accounts_, 10), IsCommitted(1, 1));
  ASSERT_THAT(accounts_.Execute("1", [](Account& account) { return account.Deposit(1); }), IsOk());
  EXPECT_THAT(DepositOnce(accounts_, 10), IsRepeated(1, 1));
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(accounts_.Load("1")->balance(), 11);
}

TEST_F(RepositoryOnceTest, TheSameCommandIdHasHappenedOnceAlsoAfterARestart) {
  ASSERT_THAT(DepositOnce(accounts_, 10), IsCommitted(1, 1));
  const StoreFile& file = file_;
  store_.reset();
  store_ = file.Open();
  Repository<Account> accounts(*store_);
  EXPECT_THAT(DepositOnce(accounts, 10), IsRepeated(1, 1));
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(accounts.Load("1")->balance(), 10);
}

TEST_F(RepositoryOnceTest, TheFirstAnswerComesBackAlsoWhereTheCommandWouldNowBeRefused) {
  ASSERT_THAT(accounts_.Execute("1", [](Account& account) { return account.Deposit(10); }), IsOk());
  ASSERT_THAT(WithdrawOnce(accounts_, 10), IsCommitted(2, 2));
  EXPECT_THAT(WithdrawOnce(accounts_, 10), IsRepeated(2, 2));
}

TEST_F(RepositoryOnceTest, TheFirstAnswerComesBackWhateverVersionIsExpected) {
  ASSERT_THAT(DepositOnce(accounts_, 10), IsCommitted(1, 1));
  EXPECT_THAT(accounts_.Execute("1", [](Account& account) { return account.Deposit(10); },
                                {.expected = Version(0), .once = kKey}),
              IsRepeated(1, 1));
}

// Somebody else executes the same command after it was looked for, and before it is appended.
TEST_F(RepositoryOnceTest, ARacedCommandIdIsAnsweredByTheAppend) {
  Repository<Account> others(*store_);
  bool first = true;
  watched_.before_append = [&] {
    return std::exchange(first, false) ? DepositOnce(others, 10).status() : absl::OkStatus();
  };
  EXPECT_THAT(DepositOnce(accounts_, 10), IsRepeated(1, 1));
  EXPECT_EQ(accounts_.Load("1")->balance(), 10);
  EXPECT_EQ(accounts_.Load("1")->version(), Version(1));
}

TEST_F(RepositoryOnceTest, ARacedCommandIdIsNoticedByARefusalToo) {
  Repository<Account> others(*store_);
  ASSERT_THAT(others.Execute("1", [](Account& account) { return account.Deposit(10); }), IsOk());
  bool first = true;
  watched_.before_stream_visit = [&] {
    return std::exchange(first, false) ? WithdrawOnce(others, 10).status() : absl::OkStatus();
  };
  EXPECT_THAT(WithdrawOnce(accounts_, 10), IsRepeated(2, 2));
}

TEST_F(RepositoryOnceTest, ACommandIdRacedWhileTheCommandRunsIsNoticedByARefusalToo) {
  Repository<Account> others(*store_);
  ASSERT_THAT(accounts_.Execute("1", [](Account& account) { return account.Deposit(10); }), IsOk());
  bool first = true;
  const auto answer =
      accounts_.Execute("1",
                        [&](Account& account) {
                          if (std::exchange(first, false)) {
                            EXPECT_THAT(WithdrawOnce(others, 10), IsCommitted(2, 2));
                          }
                          return account.Withdraw(11);
                        },
                        {.once = kKey});
  EXPECT_THAT(answer, IsRepeated(2, 2));
}

TEST_F(RepositoryOnceTest, ARefusalIsNotRememberedButDecidedAnew) {
  EXPECT_THAT(WithdrawOnce(accounts_, 10),
              Fails(absl::StatusCode::kFailedPrecondition, "not enough money"));
  ASSERT_THAT(accounts_.Execute("1", [](Account& account) { return account.Deposit(10); }), IsOk());
  EXPECT_THAT(WithdrawOnce(accounts_, 10), IsCommitted(2, 2));
}

TEST_F(RepositoryOnceTest, AfterAnUnknownOutcomeTheCommandIdTellsWhatHappened) {
  watched_.after_append = [] { return absl::UnknownError("the disk went away"); };
  EXPECT_THAT(DepositOnce(accounts_, 10), Fails(absl::StatusCode::kUnknown, ""));
  watched_.after_append = [] { return absl::OkStatus(); };
  EXPECT_THAT(DepositOnce(accounts_, 10), IsRepeated(1, 1));
}

TEST_F(RepositoryOnceTest, AnEmptyCommandIdIsRefused) {
  EXPECT_THAT(accounts_.Execute("1", [](Account& account) { return account.Deposit(10); },
                                {.once = OnceKey{"command", ""}}),
              Fails(absl::StatusCode::kInvalidArgument, ""));
}

}  // namespace
}  // namespace daybook::test
