#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daybook/testing.h"
#include "rabbitmq/support.h"
#include "support/tcp_proxy.h"

namespace daybook::test {
namespace {

WireMessage ToWireMessage(const RawMessage& raw) {
  WireMessage message = {.body = raw.body};
  if (const auto type = raw.properties.find("content-type"); type != raw.properties.end()) {
    message.content_type = type->second;
  }
  message.headers.assign(raw.headers.begin(), raw.headers.end());
  return message;
}

// An exchange with a queue, on the one broker, behind a proxy that can be away.
struct Ground {
  explicit Ground(int number)
      : exchange("contract-" + std::to_string(number)),
        client(Server().port()),
        proxy(Server().port()) {
    client.DeclareExchange(exchange);
    client.DeclareQueue(exchange);
    client.Bind(exchange, exchange);
  }
  ~Ground() {
    client.DeleteQueue(exchange);
    client.DeleteExchange(exchange);
  }

  const std::string exchange;
  RabbitClient client;
  TcpProxy proxy;
  std::vector<IntegrationEvent> received;
};

testing::TransportUnderTest Make(ContentMode mode) {
  static int number = 0;
  auto ground = std::make_shared<Ground>(++number);
  auto transport =
      RabbitMqTransport::Connect({.uri = "amqp://127.0.0.1:" + std::to_string(ground->proxy.port()),
                                  .exchange = ground->exchange,
                                  .mode = mode});
  return {.transport = *std::move(transport),
          .received =
              [ground](size_t count) {
                const size_t missing = count - std::min(count, ground->received.size());
                for (const RawMessage& raw : ground->client.Take(ground->exchange, missing)) {
                  ground->received.push_back(*FromWire(ToWireMessage(raw)));
                }
                while (auto raw = ground->client.Get(ground->exchange)) {
                  ground->received.push_back(*FromWire(ToWireMessage(*raw)));
                }
                return ground->received;
              },
          .break_endpoint = [ground] { ground->proxy.GoAway(); },
          .restore_endpoint = [ground] { ground->proxy.ComeBack(); },
          .ground = ground};
}

}  // namespace
}  // namespace daybook::test

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  using daybook::ContentMode;
  daybook::testing::RegisterTransportContract(
      "RabbitMqBinary", [] { return daybook::test::Make(ContentMode::kBinary); });
  daybook::testing::RegisterTransportContract(
      "RabbitMqStructured", [] { return daybook::test::Make(ContentMode::kStructured); });
  return RUN_ALL_TESTS();
}
