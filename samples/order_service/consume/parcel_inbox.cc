#include "consume/parcel_inbox.h"

#include <utility>

#include "daybook/subscription.h"

namespace shop {
absl::StatusOr<std::unique_ptr<ParcelInbox>> ParcelInbox::Open(Shop& shop, const std::string& db) {
  std::unique_ptr<ParcelInbox> parcels(new ParcelInbox(shop));
  daybook::InboxHandlers handlers;
  handlers.On(
      [self = parcels.get()](const shipping::contracts::v1::ParcelDispatched& parcel,
                             const daybook::Received& at) { return self->Ship(parcel, at); });
  auto inbox = daybook::Inbox::Open({.path = db + "-inbox", .consumer = "orders"}, handlers);
  if (!inbox.ok()) return inbox.status();
  parcels->inbox_ = *std::move(inbox);
  return parcels;
}

absl::Status ParcelInbox::Ship(const shipping::contracts::v1::ParcelDispatched& parcel,
                               const daybook::Received& at) {
  if (at.attempt() == 1) ++received_;
  const auto shipped = shop_.orders.Execute(
      parcel.order_id(),
      [&](Order& order) {
        return order.Ship(parcel.carrier(), parcel.tracking(), parcel.dispatched_at());
      },
      {.once = at.once(), .cause = daybook::CausedBy(at.event())});
  if (!shipped.ok()) return daybook::FromCommand(shipped.status());
  if (shipped->repeated) ++duplicates_;
  return absl::OkStatus();
}

}  // namespace shop
