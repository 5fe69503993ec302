// Confirms: delayed, out of order, several at once, negative; and messages that came back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rabbitmq/support.h"
#include "support/tcp_proxy.h"

namespace daybook::test {
namespace {

using ::testing::HasSubstr;

class RabbitMqConfirmsTest : public RabbitTest {
 protected:
  RabbitMqTransportOptions ThroughTheProxy() const {
    RabbitMqTransportOptions options = Options();
    options.uri = "amqp://127.0.0.1:" + std::to_string(proxy_.port());
    return options;
  }
  void SendMany(Transport& transport, int count) {
    for (int i = 0; i < count; ++i) answers_.Send(transport, Event("id-" + std::to_string(i)));
  }
  // So that later answers are those to messages.
  void ConnectFirst(Transport& transport) {
    answers_.Send(transport, Event("first"));
    ASSERT_EQ(answers_.Of("first").delivery, Delivery::kConfirmed);
  }

  TcpProxy proxy_{Server().port()};
  Answers answers_;
};

TEST_F(RabbitMqConfirmsTest, NothingIsConfirmedBeforeTheBrokerSaysSo) {
  const std::string queue = Queue();
  const auto transport = Connect(ThroughTheProxy());
  ConnectFirst(*transport);
  proxy_.HoldAnswers();

  SendMany(*transport, 20);

  ASSERT_TRUE(Eventually([&] { return client_.Count(queue) == 21; }));
  EXPECT_EQ(answers_.count(), 1u);
  EXPECT_EQ(transport->Health().in_flight, 20);
  proxy_.ReleaseAnswers();
  ASSERT_TRUE(answers_.WaitFor(21));
  EXPECT_EQ(answers_.Count(Delivery::kConfirmed), 21u);
  EXPECT_EQ(transport->Health().connections, 1);
}

TEST_F(RabbitMqConfirmsTest, NoMoreThanTheWindowIsUnconfirmed) {
  const std::string queue = Queue();
  RabbitMqTransportOptions options = ThroughTheProxy();
  options.confirm_window = 10;
  const auto transport = Connect(options);
  ConnectFirst(*transport);
  proxy_.HoldAnswers();

  SendMany(*transport, 50);

  ASSERT_TRUE(Eventually([&] { return client_.Count(queue) >= 11; }));
  for (int i = 0; i < 50; ++i) ASSERT_EQ(client_.Count(queue), 11);
  proxy_.ReleaseAnswers();
  ASSERT_TRUE(answers_.WaitFor(51));
  EXPECT_EQ(answers_.Count(Delivery::kConfirmed), 51u);
  EXPECT_EQ(client_.Count(queue), 51);
}

// The broker answers several messages at once when it has been busy.
TEST_F(RabbitMqConfirmsTest, ThousandsAreEachConfirmedOnce) {
  const std::string queue = Queue();
  const auto transport = Connect(Options());

  SendMany(*transport, 5000);

  ASSERT_TRUE(answers_.WaitFor(5000));
  EXPECT_EQ(answers_.Count(Delivery::kConfirmed), 5000u);
  EXPECT_EQ(transport->Health().confirmed, 5000);
  EXPECT_EQ(client_.Count(queue), 5000);
}

std::string AckFrame(uint64_t tag) {
  std::string frame("\x01\0\x01\0\0\0\x0d\0\x3c\0\x50", 11);
  for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>(tag >> shift & 0xFF);
  frame += std::string("\0\xCE", 2);
  return frame;
}

// The proxy says what a broker may: the confirms of 3, 2 and 4, in this order.
TEST_F(RabbitMqConfirmsTest, ConfirmsMayComeInAnyOrder) {
  Queue();
  const auto transport = Connect(ThroughTheProxy());
  ConnectFirst(*transport);
  proxy_.FilterAnswers([](std::string_view) { return std::string(); });
  SendMany(*transport, 3);
  ASSERT_TRUE(Eventually([&] { return transport->Health().in_flight == 3; }));

  proxy_.FilterAnswers([](std::string_view) { return AckFrame(3); });
  answers_.Send(*transport, Event("another"));  // which the broker answers
  ASSERT_TRUE(answers_.WaitFor(2));
  EXPECT_EQ(answers_.Ids().back(), "id-1");
  EXPECT_EQ(transport->Health().in_flight, 3);
  proxy_.FilterAnswers([](std::string_view) { return AckFrame(2) + AckFrame(4) + AckFrame(5); });
  answers_.Send(*transport, Event("yet another"));

  ASSERT_TRUE(answers_.WaitFor(5));
  EXPECT_THAT(answers_.Ids(), ::testing::ElementsAre("first", "id-1", "id-0", "id-2", "another"));
}

TEST_F(RabbitMqConfirmsTest, ANegativeConfirmIsToBeTriedAgain) {
  const std::string queue = Queue({{"x-max-length", "5"}, {"x-overflow", "reject-publish"}});
  const auto transport = Connect(Options());

  SendMany(*transport, 20);

  ASSERT_TRUE(answers_.WaitFor(20));
  EXPECT_EQ(answers_.Count(Delivery::kConfirmed), static_cast<size_t>(client_.Count(queue)));
  EXPECT_EQ(answers_.Count(Delivery::kConfirmed) + answers_.Count(Delivery::kTryAgain), 20u);
  EXPECT_GT(answers_.Count(Delivery::kTryAgain), 0u);
  EXPECT_THAT(answers_.Of("id-19").why, HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_TRUE(transport->Health().connected);
  client_.Purge(queue);
  answers_.Send(*transport, Event("later"));
  EXPECT_EQ(answers_.Of("later").delivery, Delivery::kConfirmed);
}

TEST_F(RabbitMqConfirmsTest, AMessageNoQueueIsBoundForStopsTheLine) {
  const auto transport = Connect(Options());

  SendMany(*transport, 3);

  ASSERT_TRUE(answers_.WaitFor(3));
  EXPECT_EQ(answers_.Count(Delivery::kDown), 3u);
  const absl::Status why = answers_.Of("id-1").why;
  EXPECT_THAT(why, Fails(absl::StatusCode::kNotFound, "exchange " + exchange_));
  EXPECT_THAT(why, Fails(absl::StatusCode::kNotFound, "routing key test.contracts.v1.Happened"));
  EXPECT_THAT(transport->Health().last_error, Fails(absl::StatusCode::kNotFound, exchange_));
  Queue();
  answers_.Send(*transport, Event("later"));
  EXPECT_EQ(answers_.Of("later").delivery, Delivery::kConfirmed);
  EXPECT_EQ(transport->Health().connections, 1);
}

TEST_F(RabbitMqConfirmsTest, AMessageNoQueueIsBoundForHasFailedIfToldSo) {
  client_.DeclareQueue("only-some");
  client_.Bind("only-some", exchange_, "test.contracts.v2.#");
  RabbitMqTransportOptions options = Options();
  options.unroutable = RabbitMqTransportOptions::kPark;
  const auto transport = Connect(options);
  IntegrationEvent routed = *Event("routed");
  routed.type = "test.contracts.v2.Happened";

  for (int i = 0; i < 20; ++i) {
    answers_.Send(*transport, Event("lost-" + std::to_string(i)));
    routed.id = "routed-" + std::to_string(i);
    answers_.Send(*transport, std::make_shared<IntegrationEvent>(routed));
  }

  ASSERT_TRUE(answers_.WaitFor(40));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(answers_.Of("lost-" + std::to_string(i)).delivery, Delivery::kFailed);
    EXPECT_EQ(answers_.Of("routed-" + std::to_string(i)).delivery, Delivery::kConfirmed);
  }
  EXPECT_THAT(answers_.Of("lost-7").why, Fails(absl::StatusCode::kNotFound, exchange_));
  EXPECT_EQ(client_.Count("only-some"), 20);
}

}  // namespace
}  // namespace daybook::test
