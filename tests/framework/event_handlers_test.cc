#include "daybook/event_handlers.h"

#include "account.h"
#include "daybook/subscription.h"
#include "status_testing.h"
#include "store_file.h"

namespace daybook::test {
namespace {

using ::testing::UnorderedElementsAre;

absl::Status Handle(const EventHandlers& handlers, const std::string& type,
                    const std::string& payload) {
  return handlers.Handle(RecordedEvent(
      {.position = Position(7), .stream = "account-1", .type = type, .payload = payload}));
}

TEST(EventHandlersTest, TheEventIsDeducedFromTheCallback) {
  // given
  EventHandlers handlers;
  std::string owner;
  int64_t amount = 0;
  Position at;
  handlers.On([&](const AccountOpened& event) { owner = event.owner(); });
  handlers.On([&](const Deposited& event, const RecordedEvent& where) -> absl::Status {
    amount = event.amount();
    at = where.position();
    return absl::AbortedError("no");
  });
  // then
  EXPECT_THAT(Handle(handlers, "daybook.test.v1.AccountOpened", Opened("ada").SerializeAsString()),
              IsOk());
  EXPECT_EQ(owner, "ada");
  EXPECT_THAT(Handle(handlers, "daybook.test.v1.Deposited", Deposit(5).SerializeAsString()),
              HasCode(absl::StatusCode::kAborted));
  EXPECT_EQ(amount, 5);
  EXPECT_EQ(at, Position(7));
}

TEST(EventHandlersTest, FormerNamesAreHandledToo) {
  EventHandlers handlers;
  int64_t taken = 0;
  handlers.On<Withdrawn>([&](const auto& event) { taken += event.amount(); });
  EXPECT_THAT(handlers.types(),
              UnorderedElementsAre("daybook.test.v1.Withdrawn", "daybook.test.v0.Debited",
                                   "daybook.test.v1.TakenOut"));
  for (const std::string& type : handlers.types()) {
    EXPECT_THAT(Handle(handlers, type, Withdrawal(2).SerializeAsString()), IsOk());
  }
  EXPECT_EQ(taken, 6);
}

TEST(EventHandlersTest, ATypeWithoutACallbackIsNoError) {
  EXPECT_THAT(Handle(EventHandlers(), "shop.Unheard", "\xff"), IsOk());
}

TEST(EventHandlersTest, BytesThatAreNoSuchMessageAreDataLossForGood) {
  EventHandlers handlers;
  handlers.On([](const Deposited&) {});
  const absl::Status status = Handle(handlers, "daybook.test.v1.Deposited", "\xff");
  EXPECT_THAT(status, HasCode(absl::StatusCode::kDataLoss));
  EXPECT_EQ(status, Permanent(status)) << "it is not marked permanent";
}

}  // namespace
}  // namespace daybook::test
