#include "daybook/testing.h"

#include <gtest/gtest-spi.h>

#include <stdexcept>

#include "account.h"
#include "shelf_events.pb.h"
#include "status_testing.h"

namespace daybook::test {
namespace {

using ::testing::ElementsAre;
using testing::Given;
using ::testing::IsEmpty;
using testing::UnlistedEvents;

absl::Status WithdrawFive(Account& account) { return account.Withdraw(5); }

TEST(GivenTest, ACommandIsJudgedByWhatItEmits) {
  Given<Account>(Opened("ann"), Deposit(7)).When(&WithdrawFive).ThenEmits(Withdrawal(5));
}

TEST(GivenTest, ACommandIsJudgedByItsRefusal) {
  Given<Account>()
      .When(&WithdrawFive)
      .ThenFails(kFailedPrecondition)
      .ThenFails(kFailedPrecondition, "not enough");
}

TEST(GivenTest, ACommandIsJudgedByTheStateItLeaves) {
  Given<Account>(Deposit(7))
      .When(&WithdrawFive)
      .ThenEmits(Withdrawal(5))
      .ThenState([](const Account& account) { EXPECT_EQ(account.balance(), 2); });
}

TEST(GivenTest, ANoOpEmitsNothing) {
  Given<Account>().When([](Account& account) { return account.Close(); }).ThenNothing();
}

TEST(GivenTest, AThrowingCommandIsInternal) {
  Given<Account>()
      .When([](Account&) -> absl::Status { throw std::runtime_error("no such currency"); })
      .ThenFails(absl::StatusCode::kInternal, "no such currency");
}

TEST(GivenTest, TheIdIsGiven) {
  Given<Account>()
      .WithId("42")
      .When([](Account& account) {
        EXPECT_EQ(account.id(), "42");
        return absl::OkStatus();
      })
      .ThenNothing();
}

TEST(GivenTest, AHistoryServesSeveralCommands) {
  const auto history = Given<Account>(Deposit(7));
  for (int i = 0; i < 2; ++i) history.When(&WithdrawFive).ThenEmits(Withdrawal(5));
}

TEST(GivenTest, OtherEventsThanExpectedAreAFailureThatShowsBoth) {
  EXPECT_NONFATAL_FAILURE(Given<Account>(Deposit(7)).When(&WithdrawFive).ThenEmits(Withdrawal(4)),
                          "the command emitted:\n"
                          "  daybook.test.v1.Withdrawn { amount: 5 }\n"
                          "expected:\n"
                          "  daybook.test.v1.Withdrawn { amount: 4 }");
  EXPECT_NONFATAL_FAILURE(Given<Account>(Deposit(7)).When(&WithdrawFive).ThenEmits(Deposit(5)),
                          "daybook.test.v1.Deposited { amount: 5 }");
}

TEST(GivenTest, FewerOrMoreEventsThanExpectedAreAFailure) {
  EXPECT_NONFATAL_FAILURE(Given<Account>(Deposit(7)).When(&WithdrawFive).ThenNothing(),
                          "expected: nothing");
  EXPECT_NONFATAL_FAILURE(
      Given<Account>(Deposit(7)).When(&WithdrawFive).ThenEmits(Withdrawal(5), Withdrawal(5)),
      "the command emitted:");
  EXPECT_NONFATAL_FAILURE(Given<Account>()
                              .When([](Account& account) { return account.Close(); })
                              .ThenEmits(AccountClosed()),
                          "the command emitted: nothing");
}

TEST(GivenTest, AFailureWhereEventsAreExpectedIsAFailure) {
  EXPECT_NONFATAL_FAILURE(Given<Account>().When(&WithdrawFive).ThenEmits(Withdrawal(5)),
                          "the command failed: FAILED_PRECONDITION: not enough money");
  EXPECT_NONFATAL_FAILURE(Given<Account>().When(&WithdrawFive).ThenNothing(), "the command failed");
}

TEST(GivenTest, AnotherFailureThanExpectedIsAFailure) {
  EXPECT_NONFATAL_FAILURE(
      Given<Account>().When(&WithdrawFive).ThenFails(absl::StatusCode::kAborted),
      "the command answered: FAILED_PRECONDITION: not enough money\nexpected: ABORTED");
  EXPECT_NONFATAL_FAILURE(
      Given<Account>().When(&WithdrawFive).ThenFails(kFailedPrecondition, "overdraft"),
      "\"overdraft\" in its message");
  EXPECT_NONFATAL_FAILURE(
      Given<Account>(Deposit(7)).When(&WithdrawFive).ThenFails(kFailedPrecondition),
      "the command answered: OK");
}

TEST(GivenTest, AHistoryThatCannotBeReplayedIsOneFailure) {
  EXPECT_NONFATAL_FAILURE(Given<Account>(Deposit(kApplyThrows))
                              .When(&WithdrawFive)
                              .ThenEmits(Withdrawal(5))
                              .ThenFails(kFailedPrecondition)
                              .ThenState([](const Account&) { ADD_FAILURE(); }),
                          "the given events cannot be replayed: INTERNAL: given, version 1: "
                          "Apply(daybook.test.v1.Deposited) threw: unlucky amount");
  EXPECT_NONFATAL_FAILURE(
      Given<Account>(v1::BookLost()).When(&WithdrawFive).ThenFails(kFailedPrecondition),
      "unknown event type daybook.test.v1.BookLost");
}

TEST(GivenTest, AFailureStandsAtTheLineOfTheWhen) {
  ::testing::TestPartResultArray failures;
  int line = 0;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(&failures);
    line = __LINE__ + 1;
    Given<Account>().When(&WithdrawFive).ThenNothing();
  }
  ASSERT_EQ(failures.size(), 1);
  EXPECT_STREQ(failures.GetTestPartResult(0).file_name(), __FILE__);
  EXPECT_EQ(failures.GetTestPartResult(0).line_number(), line);
}

class TestedShelf : public Aggregate<TestedShelf, Events<v1::BookShelved>> {
 private:
  friend Aggregate;
  void Apply(const v1::BookShelved&) {}
};

class Loan : public Aggregate<Loan, Events<v1::BookLent>> {
 private:
  friend Aggregate;
  void Apply(const v1::BookLent&) {}
};

TEST(UnlistedEventsTest, AllOfAnAggregatesFileAreListed) {
  EXPECT_THAT(UnlistedEvents<Account>(), IsEmpty());
}

TEST(UnlistedEventsTest, WhatNoAggregateListsIsNamedAndValueObjectsAreNot) {
  EXPECT_THAT((UnlistedEvents<TestedShelf, Loan>()),
              ElementsAre("daybook.test.v1.BookBorrowed", "daybook.test.v1.BookLost"));
  EXPECT_THAT((UnlistedEvents<TestedShelf, Account>()),
              ElementsAre("daybook.test.v1.BookBorrowed", "daybook.test.v1.BookLent",
                          "daybook.test.v1.BookLost"));
}

}  // namespace
}  // namespace daybook::test
