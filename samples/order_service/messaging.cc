#include "messaging.h"

#include <chrono>
#include <utility>

#include "daybook/publisher.h"
#include "publish/order_contracts.h"

namespace shop {
namespace {
// The transport itself takes care not to knock too often.
constexpr daybook::Backoff kOutage = {.first = std::chrono::milliseconds(250),
                                      .longest = std::chrono::seconds(2)};
}  // namespace

absl::StatusOr<std::unique_ptr<Messaging>> Messaging::Start(Shop& shop, const std::string& db,
                                                            const std::string& transport) {
  auto carrier = MakeCarrier(transport, db);
  if (!carrier.ok()) return carrier.status();
  auto parcels = ParcelInbox::Open(shop, db);
  if (!parcels.ok()) return parcels.status();
  std::unique_ptr<Messaging> messaging(
      new Messaging(*std::move(parcels), *std::move(carrier), shop));
  absl::Status started = messaging->carrier_->Listen(messaging->parcels_->inbox());
  if (started.ok()) started = messaging->publisher_.Start();
  if (!started.ok()) return started;
  return messaging;
}

// Without a filter: a new kind of event that the translator does not know stops the line, instead
// of being left out without a word.
Messaging::Messaging(std::unique_ptr<ParcelInbox> parcels, std::unique_ptr<Carrier> carrier,
                     Shop& shop)
    : parcels_(std::move(parcels)),
      carrier_(std::move(carrier)),
      publisher_(shop.store,
                 {.name = "orders-to-" + carrier_->kind(), .retry = {.outage = kOutage}},
                 daybook::PublishTo(OrderContracts(carrier_->data()), carrier_->transport())) {}

Messaging::~Messaging() { carrier_->Hush(); }

api::v1::Messaging Messaging::Health() const {
  api::v1::Messaging view;
  const daybook::SubscriptionHealth line = publisher_.Health();
  const daybook::TransportHealth transport = carrier_->transport().Health();
  api::v1::Publisher* publisher = view.mutable_publisher();
  publisher->set_subscription(line.name);
  publisher->set_state(std::string(Name(line.state)));
  publisher->set_checkpoint(line.checkpoint.value());
  publisher->set_lag(line.lag);
  publisher->set_parked(line.parked_records);
  publisher->set_endpoint(transport.endpoint);
  publisher->set_connected(transport.connected);
  publisher->set_confirmed(transport.confirmed);
  const absl::Status& error = line.last_error.ok() ? transport.last_error : line.last_error;
  publisher->set_error(std::string(error.message()));
  api::v1::Consumer* consumer = view.mutable_consumer();
  carrier_->Describe(consumer);
  consumer->set_received(parcels_->received());
  consumer->set_duplicates(parcels_->duplicates());
  if (const auto parked = parcels_->inbox().Parked(); parked.ok()) {
    consumer->set_parked(static_cast<int64_t>(parked->size()));
  } else {
    consumer->set_error(std::string(parked.status().message()));
  }
  return view;
}

}  // namespace shop
