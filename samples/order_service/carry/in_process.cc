#include "daybook/in_process.h"

#include <stop_token>
#include <utility>

#include "carry/carrier.h"
#include "shipping_service/shipping.h"

namespace shop {
namespace {

// Shipping runs in this process, with a store of its own, as it would elsewhere.
class InProcessCarrier : public Carrier {
 public:
  explicit InProcessCarrier(std::unique_ptr<shipping::Shipping> shipping)
      : shipping_(std::move(shipping)) {
    orders_.Connect([this](const daybook::IntegrationEvent& event) {
      return shipping_->inbox().Receive(event, stop_.get_token()).status();
    });
  }

  std::string kind() const override { return "in_process"; }
  daybook::Transport& transport() override { return orders_; }

  absl::Status Listen(daybook::Inbox& inbox) override {
    parcels_.Connect([this, &inbox](const daybook::IntegrationEvent& event) {
      return inbox.Receive(event, stop_.get_token()).status();
    });
    return shipping_->Publish(parcels_, kind());
  }

  void Hush() override {
    stop_.request_stop();
    shipping_->StopPublishing();
  }

  void Describe(api::v1::Consumer* view) const override {
    const daybook::TransportHealth health = parcels_.Health();
    view->set_endpoint(health.endpoint);
    view->set_connected(health.connected);
    view->set_error(std::string(health.last_error.message()));
  }

 private:
  std::stop_source stop_;
  const std::unique_ptr<shipping::Shipping> shipping_;
  daybook::InProcessTransport parcels_;  // from shipping to the shop
  daybook::InProcessTransport orders_;   // from the shop to shipping
};

}  // namespace

std::string ParcelFile(const std::string& db) { return db + "-parcels"; }

absl::StatusOr<std::unique_ptr<Carrier>> MakeInProcessCarrier(const std::string& db) {
  auto shipping = shipping::Shipping::Open(ParcelFile(db));
  if (!shipping.ok()) return shipping.status();
  return std::make_unique<InProcessCarrier>(*std::move(shipping));
}

}  // namespace shop
