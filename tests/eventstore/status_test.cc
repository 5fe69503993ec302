#include "daybook/status.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "make_status.h"

namespace daybook {
namespace {

TEST(StatusTest, AConflictTellsTheActualVersion) {
  const absl::Status conflict = internal::MakeConflict("order-42 moved", Version(7));
  EXPECT_TRUE(absl::IsAborted(conflict));
  EXPECT_TRUE(IsConflict(conflict));
  EXPECT_TRUE(IsFromDaybook(conflict));
  EXPECT_EQ(ActualVersion(conflict), Version(7));
}

TEST(StatusTest, AConflictOfRowsHasNoVersion) {
  const absl::Status conflict = internal::MakeConflict("a row moved");
  EXPECT_TRUE(IsConflict(conflict));
  EXPECT_EQ(ActualVersion(conflict), std::nullopt);
}

TEST(StatusTest, AUsersAbortedIsNoConflict) {
  const absl::Status refused = absl::AbortedError("the customer hung up");
  EXPECT_FALSE(IsConflict(refused));
  EXPECT_FALSE(IsFromDaybook(refused));
  EXPECT_EQ(ActualVersion(refused), std::nullopt);
}

TEST(StatusTest, OtherStatusesOfDaybookAreNoConflicts) {
  const absl::Status status = internal::MakeStatus(absl::StatusCode::kAborted, "something else");
  EXPECT_TRUE(IsFromDaybook(status));
  EXPECT_FALSE(IsConflict(status));
}

TEST(StatusTest, AnExceptionBecomesInternalWithItsText) {
  absl::Status status;
  try {
    throw std::runtime_error("no paper");
  } catch (...) {
    status = internal::FromCurrentException("the printer");
  }
  EXPECT_EQ(status.message(), "the printer threw: no paper");
  EXPECT_TRUE(absl::IsInternal(status));
  try {
    throw 7;
  } catch (...) {
    status = internal::FromCurrentException("the printer");
  }
  EXPECT_TRUE(absl::IsInternal(status));
}

}  // namespace
}  // namespace daybook
