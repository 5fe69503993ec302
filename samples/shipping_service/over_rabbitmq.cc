#include "broker.h"
#include "daybook/rabbitmq.h"

namespace shipping {
namespace {

class OverRabbitMq : public Broker {
 public:
  OverRabbitMq(Shipping& shipping, std::unique_ptr<daybook::RabbitMqTransport> transport)
      : shipping_(shipping), transport_(std::move(transport)) {}

  ~OverRabbitMq() override {
    consumer_.reset();
    shipping_.StopPublishing();
  }

  absl::Status Start(const std::string& uri) {
    // All that the shop says of its orders has a queue here: to the shop, a message without one
    // means that shipping has not been there yet. The inbox leaves out what it has no use for.
    auto consumer = daybook::RabbitMqConsumer::Start(
        {.uri = uri,
         .queue = "shipping",
         .bindings = {{.exchange = "orders", .routing_key = "shop.contracts.v1.*"}},
         .declare_exchanges = true},
        shipping_.inbox());
    if (!consumer.ok()) return consumer.status();
    consumer_ = *std::move(consumer);
    return shipping_.Publish(*transport_, "rabbitmq");
  }

  std::string endpoint() const override { return transport_->Health().endpoint; }

  absl::Status Problem() const override {
    const absl::Status in = consumer_->Health().last_error;
    return in.ok() ? shipping_.PublishingProblem() : in;
  }

 private:
  Shipping& shipping_;
  const std::unique_ptr<daybook::RabbitMqTransport> transport_;
  std::unique_ptr<daybook::RabbitMqConsumer> consumer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Broker>> Broker::Connect(Shipping& shipping,
                                                        const std::string& uri) {
  auto transport = daybook::RabbitMqTransport::Connect(
      {.uri = uri, .exchange = "parcels", .declare_exchange = true});
  if (!transport.ok()) return transport.status();
  auto broker = std::make_unique<OverRabbitMq>(shipping, *std::move(transport));
  if (absl::Status started = broker->Start(uri); !started.ok()) return started;
  return broker;
}

}  // namespace shipping
