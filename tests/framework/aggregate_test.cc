#include "daybook/aggregate.h"

#include "account.h"
#include "daybook/repository.h"
#include "daybook/testing.h"
#include "shelf_events.pb.h"
#include "status_testing.h"
#include "store_file.h"

namespace daybook::test {
namespace {

using testing::Given;

TEST(AggregateTest, EmittingAppliesTheEventAndCountsIt) {
  Given<Account>(Opened("ann"), Deposit(5))
      .When([](Account& account) {
        EXPECT_EQ(account.version(), Version(2));
        const absl::Status deposited = account.Deposit(3);
        EXPECT_EQ(account.balance(), 8);
        EXPECT_EQ(account.version(), Version(3));
        EXPECT_EQ(account.version_in_apply(), Version(3));
        return deposited;
      })
      .ThenEmits(Deposit(3));
}

TEST(AggregateTest, ReplayedEventsStandAtTheirVersion) {
  Given<Account>(Opened("ann"), Deposit(5))
      .When([](Account& account) {
        EXPECT_EQ(account.version_in_apply(), Version(2));
        return absl::OkStatus();
      })
      .ThenNothing();
}

TEST(AggregateTest, ApplyMustNotEmit) {
  Given<Account>()
      .When([](Account& account) { return account.Deposit(kApplyEmits); })
      .ThenFails(kInternal, "Apply must not emit; it emitted daybook.test.v1.AccountClosed");
}

TEST(AggregateTest, AThrowInApplyIsNotLostWhenTheCommandSwallowsIt) {
  Given<Account>()
      .When([](Account& account) {
        try {
          return account.Deposit(kApplyThrows);
        } catch (const std::exception&) {
          return absl::OkStatus();
        }
      })
      .ThenFails(kInternal, "Apply threw");
}

TEST(AggregateTest, ACommandThatGoesOnAfterItsApplyThrewIsToldThatItThrew) {
  Given<Account>()
      .When([](Account& account) {
        try {
          account.Deposit(kApplyThrows).IgnoreError();
        } catch (const std::exception&) {
        }
        const absl::Status next = account.Deposit(1);
        EXPECT_THAT(next, Fails(kInternal, "Apply threw"));
        return next;
      })
      .ThenFails(kInternal, "Apply threw");
}

TEST(AggregateTest, AnEventBeyondTheBoundIsNeitherRecordedNorApplied) {
  Given<Account>(Opened("ann"))
      .When([](Account& account) {
        EXPECT_THAT(account.Deposit(1, std::string(kMaxPayloadBytes, 'x')),
                    Fails(kInvalidArgument, "daybook.test.v1.Deposited: 167772"));
        EXPECT_EQ(account.balance(), 0);
        EXPECT_EQ(account.version(), Version(1));
        return account.Deposit(2);
      })
      .ThenEmits(Deposit(2));
}

// Protobuf writes such a string, and then refuses to read it.
TEST(AggregateTest, AnEventThatCouldNotBeReadBackIsRefused) {
  Given<Account>(Opened("ann"))
      .When([](Account& account) { return account.Deposit(1, "caf\xe9"); })
      .ThenFails(kInvalidArgument,
                 "daybook.test.v1.Deposited: the string in field note is not UTF-8");
}

TEST(AggregateTest, EventsAreFoundByTheirNameAndByFormerOnes) {
  const internal::EventTable table({AccountOpened::descriptor(), Withdrawn::descriptor()});
  EXPECT_THAT(table.status(), IsOk());
  EXPECT_EQ(table.Find("daybook.test.v1.AccountOpened"), 0);
  EXPECT_EQ(table.Find("daybook.test.v1.Withdrawn"), 1);
  EXPECT_EQ(table.Find("daybook.test.v1.TakenOut"), 1);
  EXPECT_EQ(table.Find("daybook.test.v0.Debited"), 1);
  EXPECT_EQ(table.Find("daybook.test.v1.Deposited"), -1);
  EXPECT_EQ(table.Find(""), -1);
}

// BookBorrowed names BookLent as its former name, and BookLent still stands in the list.
class Shelf : public Aggregate<Shelf, Events<v1::BookLent, v1::BookBorrowed>> {
 public:
  static constexpr std::string_view kCategory = "shelf";

 private:
  friend Aggregate;
  void Apply(const v1::BookLent&) {}
  void Apply(const v1::BookBorrowed&) {}
};

TEST(AggregateTest, TwoEventsOfOneNameAreRefusedBeforeAnythingHappens) {
  const StoreFile file;
  const auto store = file.Open();
  Repository<Shelf> shelves(*store);
  bool ran = false;
  EXPECT_THAT(shelves.Execute("1",
                              [&ran](Shelf&) {
                                ran = true;
                                return absl::OkStatus();
                              }),
              Fails(kInvalidArgument, "stored as daybook.test.v1.BookLent"));
  EXPECT_THAT(shelves.Load("1"), Fails(kInvalidArgument, "daybook.test.v1.BookLent"));
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace daybook::test
