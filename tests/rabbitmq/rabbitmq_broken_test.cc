// Connections that break, and brokers that die, stop or say nothing: every message is answered, and
// none that was answered "confirmed" is lost.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>

#include "rabbitmq/support.h"
#include "support/tcp_proxy.h"

namespace daybook::test {
namespace {

using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

class RabbitMqBrokenTest : public RabbitTest {
 protected:
  RabbitMqTransportOptions ThroughTheProxy() const {
    RabbitMqTransportOptions options = Options();
    options.uri = "amqp://127.0.0.1:" + std::to_string(proxy_.port());
    return options;
  }
  void SendMany(Transport& transport, int count, size_t size = 100) {
    for (int i = 0; i < count; ++i) {
      answers_.Send(transport, Event("id-" + std::to_string(i), std::string(size, 'x')));
    }
  }
  void ConnectFirst(Transport& transport) {
    answers_.Send(transport, Event("first"));
    ASSERT_EQ(answers_.Of("first").delivery, Delivery::kConfirmed);
  }
  // Sends new messages until one gets through.
  [[nodiscard]] bool GetsThrough(Transport& transport) {
    return Eventually([&] {
      const std::string id = "later-" + std::to_string(++later_);
      answers_.Send(transport, Event(id));
      return answers_.Of(id).delivery == Delivery::kConfirmed;
    });
  }
  std::set<std::string> Arrived(const std::string& queue) {
    std::set<std::string> ids;
    while (const std::optional<RawMessage> message = client_.Get(queue)) {
      ids.insert(message->properties.at("message-id"));
    }
    return ids;
  }

  TcpProxy proxy_{Server().port()};
  Answers answers_;
  int later_ = 0;
};

TEST_F(RabbitMqBrokenTest, AConnectionCutInTheMiddleOfAConfirmLeavesItsMessageNotKnown) {
  const std::string queue = Queue();
  const auto transport = Connect(ThroughTheProxy());
  ConnectFirst(*transport);
  proxy_.CutAfter(10);  // of the 21 bytes of a confirm

  answers_.Send(*transport, Event("cut"));

  EXPECT_EQ(answers_.Of("cut").delivery, Delivery::kNotKnown);
  EXPECT_THAT(answers_.Of("cut").why, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(client_.Count(queue), 2);  // the broker had it
  EXPECT_TRUE(GetsThrough(*transport));
  EXPECT_EQ(transport->Health().connections, 2);
}

TEST_F(RabbitMqBrokenTest, WhatWasConfirmedBeforeTheCutStaysConfirmed) {
  const std::string queue = Queue();
  const auto transport = Connect(ThroughTheProxy());
  ConnectFirst(*transport);
  proxy_.CutAfter(21 + 10);

  SendMany(*transport, 3000);

  ASSERT_TRUE(answers_.WaitFor(3001));
  EXPECT_GT(answers_.Count(Delivery::kConfirmed), 1u);
  EXPECT_GT(answers_.Count(Delivery::kNotKnown), 0u);
  ASSERT_TRUE(Eventually([&] {
    return client_.Count(queue) >= static_cast<int64_t>(answers_.Count(Delivery::kConfirmed));
  }));
  const std::set<std::string> arrived = Arrived(queue);
  for (const std::string& id : answers_.Ids()) {
    const Delivery delivery = answers_.Of(id).delivery;
    EXPECT_TRUE(arrived.contains(id) || delivery != Delivery::kConfirmed) << id;
    EXPECT_FALSE(arrived.contains(id) && delivery == Delivery::kDown) << id;
  }
}

TEST_F(RabbitMqBrokenTest, WhatWaitsWhenTheConnectionBreaksHasNotBeenSent) {
  const std::string queue = Queue();
  RabbitMqTransportOptions options = ThroughTheProxy();
  options.confirm_window = 10;
  const auto transport = Connect(options);
  ConnectFirst(*transport);
  proxy_.HoldAnswers();
  SendMany(*transport, 30);
  ASSERT_TRUE(Eventually([&] { return client_.Count(queue) == 11; }));

  proxy_.Cut();

  ASSERT_TRUE(answers_.WaitFor(31));
  EXPECT_EQ(answers_.Count(Delivery::kNotKnown), 10u);
  EXPECT_EQ(answers_.Count(Delivery::kDown), 20u);
  EXPECT_EQ(client_.Count(queue), 11);
  EXPECT_FALSE(transport->Health().connected);
  EXPECT_THAT(transport->Health().last_error, HasCode(absl::StatusCode::kUnavailable));
}

TEST_F(RabbitMqBrokenTest, AConnectionThatBreaksWhileNothingIsSentShowsInHealth) {
  Queue();
  const auto transport = Connect(ThroughTheProxy());
  ConnectFirst(*transport);

  proxy_.Cut();

  EXPECT_TRUE(Eventually([&] { return !transport->Health().connected; }));
  EXPECT_THAT(transport->Health().last_error, HasCode(absl::StatusCode::kUnavailable));
  EXPECT_TRUE(GetsThrough(*transport));
  EXPECT_THAT(transport->Health().last_error, IsOk());
}

TEST_F(RabbitMqBrokenTest, ABrokerKilledWithMessagesInFlightLosesNothingConfirmed) {
  const std::string queue = Queue();
  const auto transport = Connect(Options());
  ConnectFirst(*transport);
  std::set<std::string> confirmed = {"first"};
  int sent = 0;
  const auto send = [&](int count) {
    for (int i = 0; i < count; ++i) {
      answers_.Send(*transport, Event("id-" + std::to_string(sent++)));
    }
  };

  send(2000);
  ASSERT_TRUE(answers_.WaitFor(300));
  Server().Kill();
  ASSERT_TRUE(answers_.WaitFor(2001));
  const size_t not_known = answers_.Count(Delivery::kNotKnown);
  send(10);
  ASSERT_TRUE(answers_.WaitFor(2011));
  EXPECT_EQ(answers_.Of("id-2005").delivery, Delivery::kDown);
  EXPECT_EQ(answers_.Count(Delivery::kNotKnown), not_known);
  Server().Start();
  EXPECT_TRUE(GetsThrough(*transport));

  RabbitClient client(Server().port());
  std::set<std::string> arrived;
  while (const std::optional<RawMessage> message = client.Get(queue)) {
    arrived.insert(message->properties.at("message-id"));
  }
  for (const std::string& id : answers_.Ids()) {
    EXPECT_TRUE(arrived.contains(id) || answers_.Of(id).delivery != Delivery::kConfirmed) << id;
  }
}

TEST_F(RabbitMqBrokenTest, ABrokerThatSaysNothingIsGoneAfterTwoHeartbeats) {
  Queue();
  RabbitMqTransportOptions options = Options();
  options.heartbeat = seconds(1);
  const auto transport = Connect(options);
  ConnectFirst(*transport);
  Server().Freeze();
  const Clock::time_point frozen = Clock::now();

  answers_.Send(*transport, Event("unheard"));

  EXPECT_EQ(answers_.Of("unheard").delivery, Delivery::kNotKnown);
  EXPECT_THAT(answers_.Of("unheard").why, Fails(absl::StatusCode::kUnavailable, "heartbeat"));
  EXPECT_LT(Clock::now() - frozen, seconds(20));
  Server().Thaw();
  EXPECT_TRUE(GetsThrough(*transport));
}

TEST_F(RabbitMqBrokenTest, AConfirmThatDoesNotComeBreaksTheConnection) {
  Queue();
  RabbitMqTransportOptions options = Options();
  options.confirm_timeout = seconds(1);
  options.heartbeat = seconds(60);
  const auto transport = Connect(options);
  ConnectFirst(*transport);
  Server().Freeze();

  answers_.Send(*transport, Event("unheard"));

  EXPECT_EQ(answers_.Of("unheard").delivery, Delivery::kNotKnown);
  EXPECT_THAT(answers_.Of("unheard").why, Fails(absl::StatusCode::kUnavailable, "1000 ms"));
  Server().Thaw();
  EXPECT_TRUE(GetsThrough(*transport));
}

// The socket to the broker is full, long before heartbeats are missed.
TEST_F(RabbitMqBrokenTest, ABrokerThatReadsNothingDoesNotHangTheTransport) {
  Queue();
  RabbitMqTransportOptions options = ThroughTheProxy();
  options.confirm_timeout = seconds(2);
  options.heartbeat = seconds(60);
  const auto transport = Connect(options);
  ConnectFirst(*transport);
  proxy_.StopReading();

  SendMany(*transport, 40, 1 << 20);

  ASSERT_TRUE(answers_.WaitFor(41));
  EXPECT_EQ(answers_.Count(Delivery::kConfirmed), 1u);
  EXPECT_GT(answers_.Count(Delivery::kNotKnown), 0u);
  EXPECT_EQ(answers_.Count(Delivery::kNotKnown) + answers_.Count(Delivery::kDown), 40u);
}

TEST_F(RabbitMqBrokenTest, DestructionAnswersWhatIsNotAnswered) {
  const std::string queue = Queue();
  RabbitMqTransportOptions options = ThroughTheProxy();
  options.confirm_window = 10;
  auto transport = Connect(options);
  ConnectFirst(*transport);
  proxy_.HoldAnswers();
  SendMany(*transport, 30);
  ASSERT_TRUE(Eventually([&] { return client_.Count(queue) == 11; }));

  transport.reset();

  EXPECT_EQ(answers_.count(), 31u);
  EXPECT_EQ(answers_.Count(Delivery::kNotKnown), 10u);
  EXPECT_EQ(answers_.Count(Delivery::kDown), 20u);
}

TEST_F(RabbitMqBrokenTest, DestructionDoesNotWaitForABrokerThatReadsNothing) {
  Queue();
  RabbitMqTransportOptions options = ThroughTheProxy();
  options.confirm_timeout = std::chrono::minutes(10);
  auto transport = Connect(options);
  ConnectFirst(*transport);
  proxy_.StopReading();
  SendMany(*transport, 40, 1 << 20);
  const Clock::time_point begin = Clock::now();

  transport.reset();

  EXPECT_LT(Clock::now() - begin, seconds(10));
  EXPECT_EQ(answers_.count(), 41u);
  EXPECT_EQ(answers_.Count(Delivery::kConfirmed), 1u);
}

TEST_F(RabbitMqBrokenTest, DestructionDoesNotWaitForAConnectionThatIsBeingMade) {
  Server().Freeze();
  RabbitMqTransportOptions options = Options();
  options.connect_timeout = std::chrono::minutes(10);
  auto transport = Connect(options);
  answers_.Send(*transport, Event("1"));
  const Clock::time_point begin = Clock::now();

  transport.reset();

  EXPECT_LT(Clock::now() - begin, seconds(10));
  EXPECT_EQ(answers_.Of("1").delivery, Delivery::kDown);
  Server().Thaw();
}

TEST_F(RabbitMqBrokenTest, AnAnswerMaySendAgainAlsoDuringDestruction) {
  Queue();
  auto transport = Connect(ThroughTheProxy());
  ConnectFirst(*transport);
  proxy_.HoldAnswers();
  Transport& sends_again = *transport;
  transport->Send(Event("unanswered"), [&](DeliveryResult result) {
    answers_.For("unanswered")(std::move(result));
    answers_.Send(sends_again, Event("again"));
  });

  transport.reset();

  EXPECT_EQ(answers_.Of("again").delivery, Delivery::kDown);
}

TEST_F(RabbitMqBrokenTest, WhileTheBrokerIsGoneConnectionsAreTriedLessAndLess) {
  Queue();
  const auto transport = Connect(ThroughTheProxy());
  ConnectFirst(*transport);
  const int64_t before = proxy_.connections();
  proxy_.GoAway();
  const Clock::time_point begin = Clock::now();

  // At once, and after 100, 200 and 400 ms.
  while (proxy_.connections() < before + 4) {
    const std::string id = "down-" + std::to_string(++later_);
    answers_.Send(*transport, Event(id));
    ASSERT_NE(answers_.Of(id).delivery, Delivery::kConfirmed);
  }

  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(600));
  proxy_.ComeBack();
  EXPECT_TRUE(GetsThrough(*transport));
}

}  // namespace
}  // namespace daybook::test
