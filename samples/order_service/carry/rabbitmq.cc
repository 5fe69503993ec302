#include "daybook/rabbitmq.h"

#include <utility>

#include "carry/carrier.h"

namespace shop {
namespace {

class RabbitMqCarrier : public Carrier {
 public:
  RabbitMqCarrier(std::string uri, std::unique_ptr<daybook::RabbitMqTransport> transport)
      : uri_(std::move(uri)), transport_(std::move(transport)) {}

  std::string kind() const override { return "rabbitmq"; }
  daybook::Transport& transport() override { return *transport_; }

  absl::Status Listen(daybook::Inbox& inbox) override {
    auto consumer = daybook::RabbitMqConsumer::Start(
        {.uri = uri_,
         .queue = "orders",
         .bindings = {{.exchange = "parcels", .routing_key = "shipping.contracts.v1.*"}},
         .declare_exchanges = true},
        inbox);
    if (!consumer.ok()) return consumer.status();
    consumer_ = *std::move(consumer);
    return absl::OkStatus();
  }

  void Hush() override { consumer_.reset(); }

  void Describe(api::v1::Consumer* view) const override {
    if (consumer_ == nullptr) return;
    const daybook::RabbitMqConsumerHealth health = consumer_->Health();
    view->set_endpoint(health.endpoint);
    view->set_connected(health.connected);
    view->set_error(std::string(health.last_error.message()));
  }

 private:
  const std::string uri_;
  const std::unique_ptr<daybook::RabbitMqTransport> transport_;
  std::unique_ptr<daybook::RabbitMqConsumer> consumer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Carrier>> MakeRabbitMqCarrier(const std::string& uri) {
  auto transport = daybook::RabbitMqTransport::Connect(
      {.uri = uri, .exchange = "orders", .declare_exchange = true});
  if (!transport.ok()) return transport.status();
  return std::make_unique<RabbitMqCarrier>(uri, *std::move(transport));
}

}  // namespace shop
