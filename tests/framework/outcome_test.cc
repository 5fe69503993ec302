#include "subscription/outcome.h"

#include "account.h"
#include "daybook/repository.h"
#include "make_status.h"
#include "status_testing.h"
#include "store_file.h"

namespace daybook::test {
namespace {

using internal::MakeStatus;
using internal::OutcomeOf;
using internal::Verdict;

Verdict Of(const absl::Status& answer) { return OutcomeOf(FromCommand(answer)).verdict; }

TEST(FromCommandTest, WhatTheAggregateRefusesIsPermanentWhateverItsCode) {
  EXPECT_EQ(Of(absl::FailedPreconditionError("shipped already")), Verdict::kNever);
  EXPECT_EQ(Of(absl::UnavailableError("the shop is closed")), Verdict::kNever);
}

TEST(FromCommandTest, WhatTheStoreCanTakeFromNobodyIsAnOutage) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kUnavailable, absl::StatusCode::kUnknown,
        absl::StatusCode::kResourceExhausted, absl::StatusCode::kPermissionDenied,
        absl::StatusCode::kFailedPrecondition}) {
    EXPECT_EQ(Of(MakeStatus(code, "not now")), Verdict::kEverything) << static_cast<int>(code);
  }
}

TEST(FromCommandTest, ALostRaceAndAThrowAreFailures) {
  EXPECT_EQ(Of(internal::MakeConflict("moved on")), Verdict::kFailed);
  EXPECT_EQ(Of(MakeStatus(absl::StatusCode::kInternal, "the command threw")), Verdict::kFailed);
}

TEST(FromCommandTest, WhatTheStoreRefusesForGoodIsPermanent) {
  // given
  const StoreFile file;
  const auto store = file.Open();
  Repository<Account> accounts(*store);
  ASSERT_THAT(store->Tombstone("account-1", ExpectedVersion::Any()), IsOk());
  // when
  const auto deposit = [](Account& account) { return account.Deposit(1); };
  const absl::Status tombstoned = accounts.Execute("1", deposit).status();
  // then
  EXPECT_TRUE(IsTombstoned(tombstoned)) << tombstoned;
  EXPECT_EQ(Of(tombstoned), Verdict::kNever);
  EXPECT_EQ(Of(accounts.Execute("", deposit).status()), Verdict::kNever);
  EXPECT_EQ(Of(MakeStatus(absl::StatusCode::kDataLoss, "an unknown type")), Verdict::kNever);
  EXPECT_FALSE(IsTombstoned(MakeStatus(absl::StatusCode::kFailedPrecondition, "open it anew")));
}

TEST(FromCommandTest, OkAndWhatIsMarkedStayAsTheyAre) {
  EXPECT_EQ(Of(absl::OkStatus()), OutcomeOf(absl::OkStatus()).verdict);
  EXPECT_EQ(Of(Halt(absl::InternalError("too old"))), Verdict::kHalt);
  EXPECT_EQ(Of(Outage(absl::InternalError("down"))), Verdict::kEverything);
}

}  // namespace
}  // namespace daybook::test
