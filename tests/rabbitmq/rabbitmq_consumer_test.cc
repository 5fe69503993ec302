#include <gmock/gmock.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "rabbitmq/support.h"
#include "support/tcp_proxy.h"
#include "support/temp_dir.h"

namespace daybook::test {
namespace {

using google::protobuf::StringValue;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// A gate that handlers wait at, and the values of what has passed.
class Effects {
 public:
  void Add(const std::string& value) {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_ || may_pass_ > 0; });
    if (may_pass_ > 0) --may_pass_;
    values_.push_back(value);
    changed_.notify_all();
  }
  void Close() {
    std::lock_guard lock(mutex_);
    open_ = false;
  }
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void LetOnePass() {
    std::lock_guard lock(mutex_);
    ++may_pass_;
    changed_.notify_all();
  }
  [[nodiscard]] bool WaitForArrival(int count) {
    return Eventually([&] {
      std::lock_guard lock(mutex_);
      return arrived_ >= count;
    });
  }
  [[nodiscard]] bool WaitFor(size_t count) {
    return Eventually([&] { return values().size() >= count; });
  }
  std::vector<std::string> values() const {
    std::lock_guard lock(mutex_);
    return values_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int may_pass_ = 0;
  int arrived_ = 0;
  std::vector<std::string> values_;
};

class RabbitMqConsumerTest : public RabbitTest {
 protected:
  ~RabbitMqConsumerTest() override { effects_.Open(); }

  // The handler has its effect in the inbox's file.
  std::unique_ptr<Inbox> OpenInbox() {
    InboxHandlers handlers;
    handlers.On([this](ReadModel&, const StringValue& value) { effects_.Add(value.value()); });
    return OpenInbox(std::move(handlers));
  }
  std::unique_ptr<Inbox> OpenInbox(InboxHandlers handlers) {
    auto inbox =
        Inbox::Open({.path = dir_.File("inbox.db"), .consumer = "test"}, std::move(handlers));
    EXPECT_THAT(inbox, IsOk());
    return *std::move(inbox);
  }

  RabbitMqConsumerOptions ConsumerOptions(int port = Server().port()) const {
    return {.uri = "amqp://127.0.0.1:" + std::to_string(port),
            .queue = exchange_ + "-queue",
            .bindings = {{.exchange = exchange_, .routing_key = "google.protobuf.#"}}};
  }
  std::unique_ptr<RabbitMqConsumer> Start(const RabbitMqConsumerOptions& options, Inbox& inbox) {
    auto consumer = RabbitMqConsumer::Start(options, inbox);
    EXPECT_THAT(consumer, IsOk());
    return *std::move(consumer);
  }

  static std::shared_ptr<const IntegrationEvent> Value(const std::string& value) {
    StringValue message;
    message.set_value(value);
    IntegrationEvent event = *Event("id-" + value, message.SerializeAsString());
    event.type = "google.protobuf.StringValue";
    return std::make_shared<IntegrationEvent>(event);
  }
  void Publish(const std::vector<std::string>& values) {
    const auto transport = Connect(Options());
    for (const std::string& value : values) {
      const std::string id = "answer-" + std::to_string(++published_);
      transport->Send(Value(value), answers_.For(id));
      ASSERT_EQ(answers_.Of(id).delivery, Delivery::kConfirmed);
    }
  }
  // All of it is done, and the broker has forgotten it.
  [[nodiscard]] bool IsDone(const std::string& queue) {
    return Eventually([&] { return client_.Count(queue) == 0; });
  }

  TempDir dir_;
  Effects effects_;
  Answers answers_;
  int published_ = 0;
};

TEST_F(RabbitMqConsumerTest, HandlesWhatWasPublishedInOrderAndAcknowledgesIt) {
  const std::string queue = Queue();
  Publish({"a", "b", "c"});
  const auto inbox = OpenInbox();

  auto consumer = Start(ConsumerOptions(), *inbox);

  ASSERT_TRUE(effects_.WaitFor(3));
  EXPECT_THAT(effects_.values(), ElementsAre("a", "b", "c"));
  ASSERT_TRUE(Eventually([&] { return consumer->Health().handled == 3; }));
  const RabbitMqConsumerHealth health = consumer->Health();
  EXPECT_TRUE(health.connected);
  EXPECT_THAT(health.last_error, IsOk());
  EXPECT_EQ(health.received, 3);
  EXPECT_THAT(health.endpoint, HasSubstr("/%2F, queue " + queue));
  consumer.reset();
  EXPECT_EQ(client_.Count(queue), 0);
}

TEST_F(RabbitMqConsumerTest, MakesTheQueueAndItsBindings) {
  const auto inbox = OpenInbox();
  const auto consumer = Start(ConsumerOptions(), *inbox);
  ASSERT_TRUE(Eventually([&] { return consumer->Health().connected; }));

  Publish({"a"});

  ASSERT_TRUE(effects_.WaitFor(1));
  client_.DeclareQueue(exchange_ + "-queue");  // durable, or this throws
}

TEST_F(RabbitMqConsumerTest, MakesTheExchangesOfItsBindingsIfToldTo) {
  const std::string exchange = "MadeByTheConsumer";
  RabbitMqConsumerOptions options = ConsumerOptions();
  options.bindings = {{.exchange = exchange, .routing_key = "#"}};
  const auto inbox = OpenInbox();
  {
    const auto waiting = Start(options, *inbox);
    ASSERT_TRUE(Eventually([&] { return !waiting->Health().last_error.ok(); }));
    EXPECT_THAT(waiting->Health().last_error, Fails(absl::StatusCode::kNotFound, exchange));
    EXPECT_FALSE(waiting->Health().connected);
  }
  options.declare_exchanges = true;
  const auto consumer = Start(options, *inbox);
  ASSERT_TRUE(Eventually([&] { return consumer->Health().connected; }));
  client_.DeclareExchange(exchange, "topic");  // throws if it differs
}

TEST_F(RabbitMqConsumerTest, AQueueMadeWithOtherArgumentsIsTakenAsItIs) {
  Queue({{"x-queue-type", "quorum"}});
  Publish({"a"});
  const auto inbox = OpenInbox();

  const auto consumer = Start(ConsumerOptions(), *inbox);

  EXPECT_TRUE(effects_.WaitFor(1));
}

TEST_F(RabbitMqConsumerTest, StructuredMessagesAreUnderstoodToo) {
  Queue();
  RabbitMqTransportOptions options = Options();
  options.mode = ContentMode::kStructured;
  const auto transport = Connect(options);
  answers_.Send(*transport, Value("structured"));
  const auto inbox = OpenInbox();

  const auto consumer = Start(ConsumerOptions(), *inbox);

  ASSERT_TRUE(effects_.WaitFor(1));
  EXPECT_THAT(effects_.values(), ElementsAre("structured"));
}

TEST_F(RabbitMqConsumerTest, ADuplicateHasNoSecondEffect) {
  Queue();
  Publish({"a", "a", "b", "a"});
  const auto inbox = OpenInbox();

  const auto consumer = Start(ConsumerOptions(), *inbox);

  ASSERT_TRUE(Eventually([&] { return consumer->Health().duplicates == 2; }));
  EXPECT_THAT(effects_.values(), ElementsAre("a", "b"));
  EXPECT_EQ(consumer->Health().handled, 2);
}

TEST_F(RabbitMqConsumerTest, WhatIsNoCloudEventIsParkedAndWhatNobodyHandlesIgnored) {
  const std::string queue = Queue();
  client_.Publish(exchange_, "anything", "not an event", "text/plain");
  client_.Publish(exchange_, "anything", "{", "application/cloudevents+json");
  client_.Publish(exchange_, "anything", std::string("\0\xFF", 2), "",
                  {{"cloudEvents_specversion", "1.0"}, {"cloudEvents_id", "1"}, {"x-count", "7"}});
  const auto transport = Connect(Options());
  answers_.Send(*transport, Event("of another type"));
  ASSERT_EQ(answers_.Of("of another type").delivery, Delivery::kConfirmed);
  Publish({"good"});
  const auto inbox = OpenInbox();

  auto consumer = Start(ConsumerOptions(), *inbox);

  ASSERT_TRUE(effects_.WaitFor(1));
  ASSERT_TRUE(Eventually([&] { return consumer->Health().handled == 1; }));
  EXPECT_EQ(consumer->Health().parked, 3);
  EXPECT_EQ(consumer->Health().ignored, 1);
  EXPECT_THAT(*inbox->Parked(), SizeIs(3));
  consumer.reset();
  EXPECT_EQ(client_.Count(queue), 0);
}

TEST_F(RabbitMqConsumerTest, WhatTheInboxDoesNotTakeIsTriedAgainInOrder) {
  Queue();
  Publish({"a", "b", "c"});
  InboxHandlers handlers;
  std::atomic<bool> down = true;
  std::atomic<int> calls = 0;
  handlers.On([&](ReadModel&, const StringValue& value) {
    ++calls;
    if (down) return Outage(absl::UnavailableError("the printer is on fire"));
    effects_.Add(value.value());
    return absl::OkStatus();
  });
  const auto inbox = OpenInbox(std::move(handlers));

  const auto consumer = Start(ConsumerOptions(), *inbox);

  ASSERT_TRUE(Eventually([&] { return calls >= 3; }));
  EXPECT_THAT(consumer->Health().last_error,
              Fails(absl::StatusCode::kUnavailable, "the printer is on fire"));
  EXPECT_EQ(consumer->Health().received, 3);  // it was kept, not sent back
  EXPECT_THAT(effects_.values(), IsEmpty());
  down = false;
  ASSERT_TRUE(effects_.WaitFor(3));
  EXPECT_THAT(effects_.values(), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(Eventually([&] { return consumer->Health().last_error.ok(); }));
}

TEST_F(RabbitMqConsumerTest, NoMoreThanThePrefetchIsHandedOut) {
  const std::string queue = Queue();
  std::vector<std::string> values;
  for (int i = 0; i < 20; ++i) values.push_back(std::to_string(i));
  Publish(values);
  effects_.Close();
  const auto inbox = OpenInbox();
  RabbitMqConsumerOptions options = ConsumerOptions();
  options.prefetch = 5;

  const auto consumer = Start(options, *inbox);

  ASSERT_TRUE(effects_.WaitForArrival(1));
  ASSERT_TRUE(Eventually([&] { return client_.Count(queue) == 15; }));
  EXPECT_EQ(consumer->Health().received, 5);
  effects_.Open();
  EXPECT_TRUE(effects_.WaitFor(20));
}

TEST_F(RabbitMqConsumerTest, HeartbeatsGoOnWhileAHandlerIsSlow) {
  Queue();
  Publish({"slow"});
  TcpProxy proxy(Server().port());
  RabbitMqConsumerOptions options = ConsumerOptions(proxy.port());
  options.heartbeat = std::chrono::seconds(1);
  effects_.Close();
  const auto inbox = OpenInbox();
  const auto consumer = Start(options, *inbox);
  ASSERT_TRUE(effects_.WaitForArrival(1));

  // The broker's heartbeats are 8 bytes, two a second; it gives up after three seconds of silence.
  const int64_t before = proxy.answered();
  ASSERT_TRUE(Eventually([&] { return proxy.answered() >= before + 10 * 8; }));
  effects_.Open();

  ASSERT_TRUE(Eventually([&] { return consumer->Health().handled == 1; }));
  EXPECT_TRUE(consumer->Health().connected);
  EXPECT_EQ(proxy.connections(), 1);
  EXPECT_EQ(consumer->Health().received, 1);
}

TEST_F(RabbitMqConsumerTest, AMessageInWorkWhenTheConnectionBreaksComesAgainWithoutEffect) {
  const std::string queue = Queue();
  Publish({"a", "b"});
  TcpProxy proxy(Server().port());
  effects_.Close();
  const auto inbox = OpenInbox();
  const auto consumer = Start(ConsumerOptions(proxy.port()), *inbox);
  ASSERT_TRUE(effects_.WaitForArrival(1));

  proxy.Cut();
  ASSERT_TRUE(Eventually([&] { return consumer->Health().received == 4; }));
  effects_.Open();

  ASSERT_TRUE(Eventually([&] { return consumer->Health().handled == 2; }));
  EXPECT_THAT(effects_.values(), ElementsAre("a", "b"));
  EXPECT_EQ(consumer->Health().duplicates, 1);
}

// Delivery tags count anew on each connection: the old tag of "b" is that of "c" on the new one.
TEST_F(RabbitMqConsumerTest, AMessageOfABrokenConnectionAcknowledgesNoOther) {
  Queue();
  Publish({"a", "b", "c", "d"});
  TcpProxy proxy(Server().port());
  effects_.Close();
  const auto inbox = OpenInbox();
  RabbitMqConsumerOptions options = ConsumerOptions(proxy.port());
  options.prefetch = 2;  // so what is received shows what is acknowledged
  const auto consumer = Start(options, *inbox);
  const auto received = [&](int64_t count) {
    return Eventually([&] { return consumer->Health().received >= count; });
  };
  effects_.LetOnePass();
  ASSERT_TRUE(received(3));  // "a" is acknowledged
  ASSERT_TRUE(effects_.WaitForArrival(2));
  proxy.Cut();
  ASSERT_TRUE(received(5));  // "b" and "c" once more

  effects_.LetOnePass();
  ASSERT_TRUE(effects_.WaitForArrival(3));
  ASSERT_TRUE(received(6));  // "b" is acknowledged, while "c" is in work
  proxy.Cut();

  EXPECT_TRUE(received(8));  // "c" and "d" once more
  effects_.Open();
  ASSERT_TRUE(effects_.WaitFor(4));
  EXPECT_THAT(effects_.values(), ElementsAre("a", "b", "c", "d"));
}

TEST_F(RabbitMqConsumerTest, ABrokerThatIsKilledAndComesBackDeliversTheRest) {
  Queue();
  std::vector<std::string> values;
  for (int i = 0; i < 200; ++i) values.push_back(std::to_string(i));
  Publish(values);
  const auto inbox = OpenInbox();
  RabbitMqConsumerOptions options = ConsumerOptions();
  options.prefetch = 10;
  const auto consumer = Start(options, *inbox);
  ASSERT_TRUE(effects_.WaitFor(30));

  Server().Kill();
  ASSERT_TRUE(Eventually([&] { return !consumer->Health().connected; }));
  EXPECT_THAT(consumer->Health().last_error, HasCode(absl::StatusCode::kUnavailable));
  Server().Start();

  ASSERT_TRUE(effects_.WaitFor(200));
  EXPECT_EQ(effects_.values(), values);
  EXPECT_TRUE(Eventually([&] { return consumer->Health().handled == 200; }));
  EXPECT_THAT(consumer->Health().last_error, IsOk());
}

TEST_F(RabbitMqConsumerTest, AQueueThatIsDeletedIsMadeAgain) {
  const std::string queue = Queue();
  const auto inbox = OpenInbox();
  const auto consumer = Start(ConsumerOptions(), *inbox);
  Publish({"a"});
  ASSERT_TRUE(effects_.WaitFor(1));

  client_.DeleteQueue(queue);
  int n = 0;
  const auto transport = Connect(Options());

  EXPECT_TRUE(Eventually([&] {
    const std::string value = "later-" + std::to_string(++n);
    transport->Send(Value(value), answers_.For(value));
    return answers_.Of(value).delivery == Delivery::kConfirmed;
  }));
  EXPECT_TRUE(effects_.WaitFor(2));
}

TEST_F(RabbitMqConsumerTest, AMissingExchangeIsSaidAndWaitedFor) {
  const auto inbox = OpenInbox();
  RabbitMqConsumerOptions options = ConsumerOptions();
  options.bindings[0].exchange = "comes-later";

  const auto consumer = Start(options, *inbox);

  ASSERT_TRUE(Eventually([&] { return !consumer->Health().last_error.ok(); }));
  EXPECT_THAT(consumer->Health().last_error, Fails(absl::StatusCode::kNotFound, "comes-later"));
  client_.DeclareExchange("comes-later");
  EXPECT_TRUE(Eventually([&] { return consumer->Health().connected; }));
}

// The broker tells nobody that an exchange has gone, and the bindings with it.
TEST_F(RabbitMqConsumerTest, BindsAgainToAnExchangeThatWasDeletedAndMadeAgain) {
  const auto inbox = OpenInbox();
  const auto consumer = Start(ConsumerOptions(), *inbox);
  ASSERT_TRUE(Eventually([&] { return consumer->Health().connected; }));
  client_.DeleteExchange(exchange_);
  client_.DeclareExchange(exchange_);
  const auto transport = Connect(Options());

  int n = 0;
  EXPECT_TRUE(Eventually([&] {
    const std::string value = "again-" + std::to_string(++n);
    transport->Send(Value(value), answers_.For(value));
    return answers_.Of(value).delivery == Delivery::kConfirmed;
  }));
  EXPECT_TRUE(effects_.WaitFor(1));
}

TEST_F(RabbitMqConsumerTest, AWrongPasswordIsSaidButNotShown) {
  const auto inbox = OpenInbox();
  RabbitMqConsumerOptions options = ConsumerOptions();
  options.uri = "amqp://guest:hunter2@127.0.0.1:" + std::to_string(Server().port());

  const auto consumer = Start(options, *inbox);

  ASSERT_TRUE(Eventually([&] { return !consumer->Health().last_error.ok(); }));
  const RabbitMqConsumerHealth health = consumer->Health();
  EXPECT_THAT(health.last_error, Fails(absl::StatusCode::kPermissionDenied, "as guest"));
  EXPECT_THAT(health.last_error.ToString() + health.endpoint, Not(HasSubstr("hunter2")));
}

TEST_F(RabbitMqConsumerTest, DestructionFinishesTheMessageInWorkAndLeavesTheOthers) {
  const std::string queue = Queue();
  Publish({"a", "b", "c"});
  effects_.Close();
  const auto inbox = OpenInbox();
  auto consumer = Start(ConsumerOptions(), *inbox);
  ASSERT_TRUE(effects_.WaitForArrival(1));

  std::thread opener([&] {
    // The destructor waits by now, or will.
    effects_.Open();
  });
  consumer.reset();
  opener.join();

  const size_t done = effects_.values().size();
  EXPECT_GE(done, 1u);
  EXPECT_TRUE(Eventually([&] { return client_.Count(queue) == 3 - static_cast<int64_t>(done); }));
}

TEST_F(RabbitMqConsumerTest, DestructionDoesNotWaitForAPause) {
  Queue();
  Publish({"a"});
  InboxHandlers handlers;
  std::atomic<int> calls = 0;
  handlers.On([&](ReadModel&, const StringValue&) {
    ++calls;
    return Outage(absl::UnavailableError("down"));
  });
  const auto inbox = OpenInbox(std::move(handlers));
  auto consumer = Start(ConsumerOptions(), *inbox);
  ASSERT_TRUE(Eventually([&] { return calls >= 5; }));  // the next pause is 3.2 s
  const auto begin = std::chrono::steady_clock::now();

  consumer.reset();

  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1500));
}

TEST_F(RabbitMqConsumerTest, OptionsOutOfBoundsAreSaidAtOnce) {
  const auto inbox = OpenInbox();
  const auto start = [&](const RabbitMqConsumerOptions& options) {
    return RabbitMqConsumer::Start(options, *inbox).status();
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

  EXPECT_THAT(start({.uri = "broker", .queue = "q"}), Fails(kInvalid, "amqp://"));
  EXPECT_THAT(start({.uri = "amqp://h"}), Fails(kInvalid, "queue"));
  EXPECT_THAT(start({.uri = "amqp://h", .queue = "q", .prefetch = 0}), Fails(kInvalid, "prefetch"));
  EXPECT_THAT(start({.uri = "amqp://h", .queue = "q", .bindings = {{}}}),
              Fails(kInvalid, "exchange"));
  EXPECT_THAT(start({.uri = "amqp://h", .queue = "q", .heartbeat = std::chrono::seconds(601)}),
              Fails(kInvalid, "heartbeat"));
}

}  // namespace
}  // namespace daybook::test
