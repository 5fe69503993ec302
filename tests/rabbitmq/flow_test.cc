// Guarantees 5 and 6 against a real broker, from the log to the effect: whatever is killed, every
// event arrives, those of one key in order, and each has one effect.
//
// Long proof: 50 kills of a publisher and of a consumer at DAYBOOK_TEST_SCALE=100.

#include "rabbitmq/flow.h"

#include <random>
#include <vector>

#include "daybook/sqlite_event_store.h"
#include "fault/child_process.h"
#include "fault/support.h"
#include "rabbitmq/support.h"
#include "support/temp_dir.h"

namespace daybook::test {
namespace {

using fault::ChildProcess;
using fault::RawDb;
using fault::Scaled;

class FlowTest : public RabbitTest {
 protected:
  FlowTest() : queue_(Queue()) {
    auto opened = SqliteEventStore::Open({.path = Log(), .durability = Durability::kProcess});
    EXPECT_THAT(opened, IsOk());
    store_ = *std::move(opened);
  }

  std::string Log() const { return dir_.File("log.db"); }
  std::string InboxPath() const { return dir_.File("inbox.db"); }

  // So many more events, over 1,000 keys.
  void Append(int64_t count) {
    for (int64_t end = events_ + count; events_ < end;) {
      AppendRequest request;
      for (int i = 0; i < 100 && events_ < end; ++i, ++events_) {
        google::protobuf::Int64Value event;
        event.set_value(events_);
        request.streams.push_back({.stream = "key-" + std::to_string(events_ % 1000),
                                   .events = {{.type = "google.protobuf.Int64Value",
                                               .payload = event.SerializeAsString()}}});
      }
      ASSERT_THAT(store_->Append(request), IsOk());
    }
  }

  void StartPublisher() {
    transport_ = Connect(Options());
    publisher_ = FlowPublisher(*store_, *transport_);
    ASSERT_THAT(publisher_->Start(), IsOk());
  }

  void StartConsumer() {
    auto inbox = FlowInbox(InboxPath());
    ASSERT_THAT(inbox, IsOk());
    inbox_ = *std::move(inbox);
    auto consumer = RabbitMqConsumer::Start({.uri = Server().uri(), .queue = queue_}, *inbox_);
    ASSERT_THAT(consumer, IsOk());
    consumer_ = *std::move(consumer);
  }

  int64_t Taken() const {
    const RabbitMqConsumerHealth health = consumer_->Health();
    return health.handled + health.duplicates;
  }

  // Waits until every event has had its effect; then each had one, and a key's are in order.
  void ExpectOneEffectEachInOrder() {
    RawDb db(InboxPath());
    // However slow the disk: only one that has stood still for too long is not waited for.
    for (int64_t seen = -1, now = 0; now < events_ && now > seen;
         now = db.Int("SELECT count(*) FROM effect")) {
      seen = now;
      (void)Eventually([&] { return db.Int("SELECT count(*) FROM effect") > seen; });
    }
    EXPECT_EQ(db.Int("SELECT count(*) FROM effect"), events_);
    EXPECT_EQ(db.Int("SELECT count(DISTINCT number) FROM effect"), events_);
    EXPECT_EQ(db.Int("SELECT count(*) FROM (SELECT sequence, lag(sequence) OVER (PARTITION BY key "
                     "ORDER BY place) AS before FROM effect) WHERE before >= sequence"),
              0)
        << "out of order";
    EXPECT_EQ(db.Int("SELECT count(*) FROM daybook_parked_message"), 0);
  }

  const std::string queue_;
  TempDir dir_;
  std::unique_ptr<SqliteEventStore> store_;
  int64_t events_ = 0;
  std::unique_ptr<RabbitMqTransport> transport_;
  std::unique_ptr<Subscription> publisher_;
  std::unique_ptr<Inbox> inbox_;
  std::unique_ptr<RabbitMqConsumer> consumer_;
  std::mt19937_64 random_{5};
};

TEST_F(FlowTest, ABrokerThatIsKilledAndRestartedLosesNothing) {
  // given
  Append(20'000);
  StartConsumer();
  StartPublisher();
  ASSERT_TRUE(Eventually([&] { return Taken() > 5'000; }));
  // when: there is more to publish, however quick the publisher was
  Server().Kill();
  Append(1'000);
  EXPECT_TRUE(Eventually([&] { return publisher_->Health().state == SubscriptionState::kOutage; }));
  Server().Start();
  // then
  ExpectOneEffectEachInOrder();
  EXPECT_EQ(publisher_->Health().parked_records, 0);
}

TEST_F(FlowTest, PublishersThatAreKilledLoseNothing) {
  StartConsumer();
  const int64_t kills = Scaled(50, 5);
  for (int64_t kill = 0; kill < kills && !HasFailure(); ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill));
    Append(2'000);
    ChildProcess child(DAYBOOK_FLOW_CHILD, {"publish", Log(), Server().uri(), exchange_});
    ASSERT_TRUE(child.Next().has_value()) << "the child could not start";
    const int64_t until = Taken() + 1 + static_cast<int64_t>(random_() % 2'000);
    ASSERT_TRUE(Eventually([&] { return Taken() >= until; }));
    child.Kill();
    child.Wait();
  }
  StartPublisher();
  ExpectOneEffectEachInOrder();
  EXPECT_GT(consumer_->Health().duplicates, 0)
      << "no kill came between a confirm and its checkpoint";
}

TEST_F(FlowTest, ConsumersThatAreKilledHaveOneEffectEach) {
  StartPublisher();
  const int64_t kills = Scaled(50, 5);
  for (int64_t kill = 0; kill < kills && !HasFailure(); ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill));
    Append(1'000);
    ChildProcess child(DAYBOOK_FLOW_CHILD, {"consume", InboxPath(), Server().uri(), queue_});
    ASSERT_TRUE(child.Next().has_value()) << "the child could not start";
    for (uint64_t handled = random_() % 900; handled > 0; --handled) {
      ASSERT_TRUE(child.Next().has_value());
    }
    child.Kill();
    child.Wait();
  }
  StartConsumer();
  ExpectOneEffectEachInOrder();
}

}  // namespace
}  // namespace daybook::test
