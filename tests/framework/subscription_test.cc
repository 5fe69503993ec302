#include "daybook/subscription.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "account.h"
#include "heard.h"
#include "status_testing.h"
#include "store_file.h"
#include "support/patience.h"

namespace daybook::test {
namespace {

using std::chrono::steady_clock;
using ::testing::ElementsAre;

class SubscriptionTest : public ::testing::Test {
 protected:
  Position Append(const std::string& stream, const google::protobuf::Message& event) {
    const auto appended = store_->Append(stream, ExpectedVersion::Any(), {Stored(event)});
    EXPECT_THAT(appended, IsOk());
    return appended.ok() ? appended->position : Position();
  }

  // Notes "stream/version".
  Handler Note() {
    return [this](const RecordedEvent& event) {
      heard_.Add(std::string(event.stream()) + "/" + std::to_string(event.version().value()));
      return absl::OkStatus();
    };
  }

  StoreFile file_;
  std::unique_ptr<SqliteEventStore> store_ = file_.Open();
  Heard<std::string> heard_;
};

TEST_F(SubscriptionTest, HandlesWhatIsThereAndWhatComes) {
  // given
  Append("account-1", Opened("ada"));
  Append("account-2", Opened("bob"));
  Subscription subscription(*store_, {.name = "all"}, Note());
  // when
  ASSERT_THAT(subscription.Start(), IsOk());
  heard_.Await(2);
  const Position last = Append("account-1", Deposit(5));
  // then
  EXPECT_THAT(heard_.Await(3), ElementsAre("account-1/1", "account-2/1", "account-1/2"));
  EXPECT_THAT(subscription.WaitUntil(last, Soon()), IsOk());
  const SubscriptionHealth health = subscription.Health();
  EXPECT_EQ(health.state, SubscriptionState::kRunning);
  EXPECT_EQ(health.checkpoint, last);
  EXPECT_EQ(health.lag, 0);
}

TEST_F(SubscriptionTest, GoesOnBehindItsCheckpoint) {
  // given
  Append("account-1", Opened("ada"));
  {
    Subscription subscription(*store_, {.name = "all"}, Note());
    ASSERT_THAT(subscription.CatchUp(), IsOk());
  }
  // when
  Append("account-1", Deposit(5));
  Subscription subscription(*store_, {.name = "all"}, Note());
  ASSERT_THAT(subscription.CatchUp(), IsOk());
  ASSERT_THAT(subscription.CatchUp(), IsOk());
  // then
  EXPECT_THAT(heard_.Await(2), ElementsAre("account-1/1", "account-1/2"));
}

TEST_F(SubscriptionTest, SeesTheTypesThatItsHandlersTake) {
  // given
  Append("account-1", Opened("ada"));
  Append("account-1", Deposit(5));
  Append("order-1", Deposit(70));
  int64_t sum = 0;
  EventHandlers handlers;
  handlers.On([&](const Deposited& event) { sum += event.amount(); });
  Subscription subscription(*store_, {.name = "sum", .category = "account"}, handlers);
  // when
  ASSERT_THAT(subscription.CatchUp(), IsOk());
  // then
  EXPECT_EQ(sum, 5);
  EXPECT_EQ(subscription.Health().checkpoint, Position(3));
}

TEST_F(SubscriptionTest, StartsWhereItIsTold) {
  for (int i = 0; i < 3; ++i) Append("account-1", Deposit(1));
  Subscription end(*store_, {.name = "end", .start = StartAt::End()}, Note());
  Subscription after(*store_, {.name = "after", .start = StartAt::After(Position(2))}, Note());
  ASSERT_THAT(end.CatchUp(), IsOk());
  ASSERT_THAT(after.CatchUp(), IsOk());
  EXPECT_THAT(heard_.Await(1), ElementsAre("account-1/3"));
}

TEST_F(SubscriptionTest, AFailedRecordIsTriedAgainWhileOtherLanesGoOn) {
  // given
  Append("account-1", Deposit(1));
  Append("account-1", Deposit(1));
  Append("account-2", Deposit(1));
  std::atomic<int> failures = 2;
  Subscription subscription(
      *store_, {.name = "all", .retry = {.backoff = {.first = std::chrono::milliseconds(1)}}},
      [&](const RecordedEvent& event) -> absl::Status {
        if (event.stream() == "account-1" && failures-- > 0) throw std::runtime_error("not now");
        heard_.Add(std::string(event.stream()) + "/" + std::to_string(event.version().value()));
        return absl::OkStatus();
      });
  // when
  ASSERT_THAT(subscription.Start(), IsOk());
  // then
  EXPECT_THAT(heard_.Await(3), ElementsAre("account-2/1", "account-1/1", "account-1/2"));
}

TEST_F(SubscriptionTest, ALaneIsParkedInOrderAndOthersGoOn) {
  // given
  Append("account-1", Deposit(1));
  Append("account-2", Deposit(1));
  Append("account-1", Deposit(1));
  Heard<Position> parked;
  Subscription subscription(
      *store_,
      {.name = "all", .on_parked = [&](const ParkedRecord& one) { parked.Add(one.position); }},
      [&](const RecordedEvent& event) -> absl::Status {
        if (event.stream() == "account-1") return Permanent(absl::InternalError("poison"));
        return absl::OkStatus();
      });
  // when
  ASSERT_THAT(subscription.CatchUp(), IsOk());
  // then
  EXPECT_THAT(parked.Await(2), ElementsAre(Position(1), Position(3)));
  EXPECT_EQ(subscription.Health().checkpoint, Position(3));
}

TEST_F(SubscriptionTest, ManyAreInWorkWithoutAThreadEach) {
  // given
  constexpr int kCount = 1000;
  for (int i = 0; i < kCount; ++i) Append("account-" + std::to_string(i), Deposit(1));
  std::mutex mutex;
  std::vector<Completion> waiting;
  Subscription subscription(*store_, {.name = "all", .max_in_flight = kCount},
                            Handler::Later([&](Record record, Completion done) {
                              const std::lock_guard lock(mutex);
                              waiting.push_back(std::move(done));
                              heard_.Add(std::string(record->stream()));
                            }));
  ASSERT_THAT(subscription.Start(), IsOk());
  // when
  heard_.Await(kCount);
  EXPECT_EQ(subscription.Health().checkpoint, Position(0));
  {
    const std::lock_guard lock(mutex);
    for (Completion& done : waiting) done(absl::OkStatus());
  }
  // then
  EXPECT_THAT(subscription.WaitUntil(Position(kCount), Soon()), IsOk());
}

TEST_F(SubscriptionTest, OneObjectOfANameRunsAndTheOtherTakesOver) {
  // given
  auto first = std::make_unique<Subscription>(*store_, SubscriptionOptions{.name = "all"}, Note());
  Subscription second(*store_, {.name = "all"}, Note());
  ASSERT_THAT(first->Start(), IsOk());
  ASSERT_THAT(second.Start(), IsOk());
  EXPECT_EQ(second.Health().state, SubscriptionState::kStandby);
  Append("account-1", Opened("ada"));
  heard_.Await(1);
  // when
  first.reset();
  const Position last = Append("account-1", Deposit(1));
  // then
  EXPECT_THAT(second.WaitUntil(last, Soon()), IsOk());
  EXPECT_THAT(heard_.Await(2), ElementsAre("account-1/1", "account-1/2"));
}

}  // namespace
}  // namespace daybook::test
