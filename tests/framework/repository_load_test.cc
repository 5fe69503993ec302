#include "account.h"
#include "daybook/repository.h"
#include "status_testing.h"
#include "store_file.h"

namespace daybook::test {
namespace {

class RepositoryLoadTest : public ::testing::Test {
 protected:
  void Append(const std::vector<NewEvent>& events) {
    ASSERT_THAT(store_->Append("account-1", ExpectedVersion::Any(), events), IsOk());
  }

  const StoreFile file_;
  const std::unique_ptr<SqliteEventStore> store_ = file_.Open();
  Repository<Account> accounts_{*store_};
};

TEST_F(RepositoryLoadTest, WhatHasNoEventsIsNotFound) {
  EXPECT_THAT(accounts_.Load("1"), Fails(kNotFound, "account-1"));
  EXPECT_THAT(accounts_.Load("").status(), Fails(absl::StatusCode::kInvalidArgument, "account-"));
}

TEST_F(RepositoryLoadTest, AnAggregateIsWhatItsEventsMadeIt) {
  Append({Stored(Opened("ann")), Stored(Deposit(7)), Stored(Withdrawal(2))});
  const absl::StatusOr<Account> account = accounts_.Load("1");
  ASSERT_THAT(account, IsOk());
  EXPECT_EQ(account->id(), "1");
  EXPECT_EQ(account->version(), Version(3));
  EXPECT_EQ(account->owner(), "ann");
  EXPECT_EQ(account->balance(), 5);
}

TEST_F(RepositoryLoadTest, AnIdMayHoldADash) {
  ASSERT_THAT(store_->Append("account-a-b", ExpectedVersion::Any(), {Stored(Deposit(7))}), IsOk());
  const absl::StatusOr<Account> account = accounts_.Load("a-b");
  ASSERT_THAT(account, IsOk());
  EXPECT_EQ(account->id(), "a-b");
}

TEST_F(RepositoryLoadTest, WhatIsLoadedIsACopy) {
  Append({Stored(Deposit(7))});
  absl::StatusOr<Account> mine = accounts_.Load("1");
  ASSERT_THAT(mine, IsOk());
  ASSERT_THAT(mine->Deposit(100), IsOk());
  const absl::StatusOr<Account> theirs = accounts_.Load("1");
  ASSERT_THAT(theirs, IsOk());
  EXPECT_EQ(theirs->balance(), 7);
}

TEST_F(RepositoryLoadTest, AReusedMessageDoesNotRememberTheEventBefore) {
  Deposited with_note = Deposit(7);
  with_note.set_note("rent");
  Append({Stored(with_note), Stored(Deposit(1))});
  const absl::StatusOr<Account> account = accounts_.Load("1");
  ASSERT_THAT(account, IsOk());
  EXPECT_EQ(account->note(), "");
}

TEST_F(RepositoryLoadTest, EventsStoredUnderFormerNamesAreRead) {
  NewEvent first = Stored(Withdrawal(1));
  first.type = "daybook.test.v0.Debited";
  NewEvent second = Stored(Withdrawal(2));
  second.type = "daybook.test.v1.TakenOut";
  Append({Stored(Deposit(10)), first, second, Stored(Withdrawal(3))});
  const absl::StatusOr<Account> account = accounts_.Load("1");
  ASSERT_THAT(account, IsOk());
  EXPECT_EQ(account->balance(), 4);
}

TEST_F(RepositoryLoadTest, AnUnknownTypeIsDataLossThatSaysWhereAndWhatToDo) {
  Append({Stored(Deposit(10)), {.type = "daybook.test.v1.Forgotten"}});
  EXPECT_THAT(accounts_.Load("1"), Fails(kDataLoss,
                                         "account-1, version 2: unknown event type "
                                         "daybook.test.v1.Forgotten (list it in"));
  EXPECT_THAT(accounts_.Execute("1", [](Account& account) { return account.Deposit(1); }),
              Fails(kDataLoss, "account-1, version 2"));
  ASSERT_THAT(accounts_.LoadAt("1", Version(1)), IsOk());
}

TEST_F(RepositoryLoadTest, APayloadThatCannotBeDecodedIsDataLossThatSaysWhere) {
  Append({Stored(Deposit(10)), {.type = "daybook.test.v1.Deposited", .payload = "\xff\xff"}});
  EXPECT_THAT(accounts_.Load("1"),
              Fails(kDataLoss, "account-1, version 2, daybook.test.v1.Deposited: "));
}

TEST_F(RepositoryLoadTest, AThrowingApplyIsInternalAndSaysWhere) {
  Append({Stored(Deposit(10)), Stored(Deposit(kApplyThrows))});
  EXPECT_THAT(accounts_.Load("1"), Fails(absl::StatusCode::kInternal,
                                         "account-1, version 2: Apply(daybook.test.v1.Deposited) "
                                         "threw: unlucky amount"));
  EXPECT_THAT(accounts_.LoadAt("1", Version(2)),
              Fails(absl::StatusCode::kInternal, "unlucky amount"));
}

TEST_F(RepositoryLoadTest, AnApplyThatEmitsInReplayIsInternal) {
  Append({Stored(Deposit(kApplyEmits))});
  EXPECT_THAT(accounts_.Load("1"), Fails(absl::StatusCode::kInternal,
                                         "account-1, version 1, daybook.test.v1.Deposited: "
                                         "Apply must not emit"));
}

TEST_F(RepositoryLoadTest, LoadAtShowsEachVersion) {
  Append({Stored(Opened("ann")), Stored(Deposit(7)), Stored(Withdrawal(2))});
  for (const auto& [version, balance] : {std::pair(1, 0), std::pair(2, 7), std::pair(3, 5)}) {
    const absl::StatusOr<Account> account = accounts_.LoadAt("1", Version(version));
    ASSERT_THAT(account, IsOk());
    EXPECT_EQ(account->version(), Version(version));
    EXPECT_EQ(account->balance(), balance);
    EXPECT_EQ(account->id(), "1");
  }
}

TEST_F(RepositoryLoadTest, LoadAtAVersionNotReachedIsNotFound) {
  EXPECT_THAT(accounts_.LoadAt("1", Version(1)), Fails(kNotFound, "it holds none"));
  Append({Stored(Deposit(7))});
  EXPECT_THAT(accounts_.LoadAt("1", Version(2)), Fails(kNotFound, "it holds 1 to 1"));
  const Version last(std::numeric_limits<int64_t>::max());
  EXPECT_THAT(accounts_.LoadAt("1", last), Fails(kNotFound, "account-1"));
  EXPECT_THAT(accounts_.LoadAt("1", Version(0)),
              Fails(absl::StatusCode::kInvalidArgument, "the first version is 1"));
}

TEST_F(RepositoryLoadTest, ADeletedAggregateIsNotFound) {
  Append({Stored(Deposit(7)), Stored(Deposit(1))});
  ASSERT_THAT(store_->Delete("account-1", ExpectedVersion::Any()), IsOk());
  EXPECT_THAT(accounts_.Load("1"), Fails(kNotFound, "account-1"));
  EXPECT_THAT(accounts_.LoadAt("1", Version(1)), Fails(kNotFound, "it holds none"));
}

TEST_F(RepositoryLoadTest, AnAggregateThatBeginsAgainIsLoadedFromThere) {
  Append({Stored(Deposit(7)), Stored(Deposit(1))});
  ASSERT_THAT(store_->Delete("account-1", ExpectedVersion::Any()), IsOk());
  Append({Stored(Deposit(100)), Stored(Deposit(20))});
  const absl::StatusOr<Account> account = accounts_.Load("1");
  ASSERT_THAT(account, IsOk());
  EXPECT_EQ(account->version(), Version(4));
  EXPECT_EQ(account->balance(), 120);
  const absl::StatusOr<Account> third = accounts_.LoadAt("1", Version(3));
  ASSERT_THAT(third, IsOk());
  EXPECT_EQ(third->balance(), 100);
  EXPECT_THAT(accounts_.LoadAt("1", Version(2)), Fails(kNotFound, "it holds 3 to 4"));
}

}  // namespace
}  // namespace daybook::test
