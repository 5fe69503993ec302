#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rabbitmq/support.h"

namespace daybook::test {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using RabbitMqTransportTest = RabbitTest;

TEST_F(RabbitMqTransportTest, AConfirmedMessageIsInTheQueue) {
  const std::string queue = Queue();
  const auto transport = Connect(Options());
  Answers answers;

  answers.Send(*transport, Event("1"));

  EXPECT_EQ(answers.Of("1").delivery, Delivery::kConfirmed);
  EXPECT_THAT(answers.Of("1").why, IsOk());
  EXPECT_EQ(client_.Count(queue), 1);
  const TransportHealth health = transport->Health();
  EXPECT_TRUE(health.connected);
  EXPECT_EQ(health.confirmed, 1);
  EXPECT_EQ(health.in_flight, 0);
  EXPECT_EQ(health.connections, 1);
  EXPECT_EQ(health.endpoint, "amqp://127.0.0.1:" + std::to_string(Server().port()) +
                                 "/%2F, exchange AConfirmedMessageIsInTheQueue");
}

TEST_F(RabbitMqTransportTest, BinaryModeIsTheCloudEventsBindingWithTableHeaders) {
  const std::string queue = Queue();
  const auto transport = Connect(Options());
  Answers answers;

  answers.Send(*transport, Event("id-1", "some bytes"));
  ASSERT_TRUE(answers.WaitFor(1));

  const std::vector<RawMessage> taken = client_.Take(queue, 1);
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].exchange, exchange_);
  EXPECT_EQ(taken[0].routing_key, "test.contracts.v1.Happened");
  EXPECT_THAT(
      taken[0].properties,
      UnorderedElementsAre(Pair("content-type", "application/protobuf"), Pair("delivery-mode", "2"),
                           Pair("message-id", "id-1"), Pair("type", "test.contracts.v1.Happened"),
                           Pair("timestamp", "1700000000")));
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_THAT(
      taken[0].headers,
      UnorderedElementsAre(
          Pair("cloudEvents_specversion", "1.0"), Pair("cloudEvents_id", "id-1"),
          Pair("cloudEvents_source", "/test/orders"),
          Pair("cloudEvents_type", "test.contracts.v1.Happened"), Pair("cloudEvents_subject", "42"),
          Pair("cloudEvents_time", "2023-11-14T22:13:20.123456Z"),
          Pair("cloudEvents_dataschema", "type.googleapis.com/test.contracts.v1.Happened"),
          Pair("cloudEvents_partitionkey", "order-42"),
          Pair("cloudEvents_sequence", "00000000000000000007"),
          Pair("cloudEvents_correlationid", "conversation"),
          Pair("cloudEvents_causationid", "cause"), Pair("cloudEvents_traceparent", trace),
          Pair("cloudEvents_tracestate", "vendor=value"), Pair("traceparent", trace),
          Pair("tracestate", "vendor=value")));
  EXPECT_THAT(taken[0].header_kinds, Each(Pair(Not(""), 'S')));
  EXPECT_EQ(taken[0].body, "some bytes");
}

TEST_F(RabbitMqTransportTest, StructuredModeIsOneJsonDocument) {
  const std::string queue = Queue();
  RabbitMqTransportOptions options = Options();
  options.mode = ContentMode::kStructured;
  const auto transport = Connect(options);
  Answers answers;

  answers.Send(*transport, Event("id-1", "some bytes"));
  ASSERT_TRUE(answers.WaitFor(1));

  const std::vector<RawMessage> taken = client_.Take(queue, 1);
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].routing_key, "test.contracts.v1.Happened");
  EXPECT_THAT(taken[0].properties,
              UnorderedElementsAre(Pair("content-type", "application/cloudevents+json"),
                                   Pair("delivery-mode", "2"), Pair("message-id", "id-1"),
                                   Pair("type", "test.contracts.v1.Happened"),
                                   Pair("timestamp", "1700000000")));
  EXPECT_THAT(taken[0].headers,
              UnorderedElementsAre(
                  Pair("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                  Pair("tracestate", "vendor=value")));
  for (const char* part :
       {R"("specversion":"1.0")", R"("id":"id-1")", R"("source":"/test/orders")",
        R"("type":"test.contracts.v1.Happened")", R"("subject":"42")",
        R"("time":"2023-11-14T22:13:20.123456Z")", R"("datacontenttype":"application/protobuf")",
        R"("dataschema":"type.googleapis.com/test.contracts.v1.Happened")",
        R"("partitionkey":"order-42")", R"("sequence":"00000000000000000007")",
        R"("correlationid":"conversation")", R"("causationid":"cause")",
        R"("traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")",
        R"("tracestate":"vendor=value")", R"("data_base64":"c29tZSBieXRlcw==")"}) {
    EXPECT_THAT(taken[0].body, HasSubstr(part));
  }
}

TEST_F(RabbitMqTransportTest, MakesTheExchangeIfToldTo) {
  RabbitMqTransportOptions options = Options();
  options.exchange = "MadeByTheTransport";
  options.declare_exchange = true;
  options.unroutable = RabbitMqTransportOptions::kPark;
  const auto transport = Connect(options);
  Answers answers;

  answers.Send(*transport, Event("1"));

  EXPECT_THAT(answers.Of("1").why, Fails(absl::StatusCode::kNotFound, "NO_ROUTE"));
  client_.DeclareExchange("MadeByTheTransport", "topic");  // throws if it differs
}

TEST(RabbitMqTransportOptionsTest, WhatIsOutOfBoundsIsSaidAtOnce) {
  const auto connect = [](RabbitMqTransportOptions options) {
    if (options.uri.empty()) options.uri = "amqp://localhost";
    return RabbitMqTransport::Connect(std::move(options)).status();
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  using std::chrono::milliseconds;
  using std::chrono::seconds;

  EXPECT_THAT(connect({.exchange = "e"}), IsOk());
  EXPECT_THAT(connect({.uri = "http://h", .exchange = "e"}), Fails(kInvalid, "amqp://"));
  EXPECT_THAT(connect({}), Fails(kInvalid, "exchange"));
  EXPECT_THAT(connect({.exchange = "e", .confirm_window = 0}), Fails(kInvalid, "confirm_window"));
  EXPECT_THAT(connect({.exchange = "e", .confirm_window = 65536}),
              Fails(kInvalid, "confirm_window"));
  EXPECT_THAT(connect({.exchange = "e", .confirm_timeout = milliseconds(999)}),
              Fails(kInvalid, "confirm_timeout"));
  EXPECT_THAT(connect({.exchange = "e", .connect_timeout = milliseconds(99)}),
              Fails(kInvalid, "connect_timeout"));
  EXPECT_THAT(connect({.exchange = "e", .heartbeat = seconds(0)}), Fails(kInvalid, "heartbeat"));
  EXPECT_THAT(connect({.exchange = "e", .tls = {.key_file = "key.pem"}}),
              Fails(kInvalid, "certificate_file"));
}

}  // namespace
}  // namespace daybook::test
