#include "demo/round_trip.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "daybook/event_handlers.h"
#include "daybook/translator.h"
#include "domain/order_events.pb.h"
#include "parcel_events.pb.h"
#include "publish/order_contracts.h"
#include "shipping_service/contracts.h"

namespace shop {
namespace {

using daybook::RecordedEvent;

struct Fate {
  int paid = 0;
  int cancelled = 0;
  std::vector<std::string> shipped = {};  // tracking numbers, by the shop
  std::vector<std::string> parcels = {};  // and by shipping
};
using Fates = std::map<std::string, Fate, std::less<>>;

bool LeftInAParcel(const Fate& fate) {
  return !fate.shipped.empty() && std::find(fate.parcels.begin(), fate.parcels.end(),
                                            fate.shipped.front()) != fate.parcels.end();
}

// Hands each event of the log to the handlers, and counts what is published of it.
absl::StatusOr<int64_t> Scan(daybook::EventStore& store, const daybook::EventHandlers& handlers,
                             const daybook::Translator& contracts) {
  int64_t messages = 0;
  daybook::LogQuery query;
  for (;;) {
    const auto scan = store.Visit(query, [&](const RecordedEvent& event) {
      const auto published = contracts.Translate(event);
      if (!published.ok()) return published.status();
      messages += static_cast<int64_t>(published->size());
      return handlers.Handle(event);
    });
    if (!scan.ok()) return scan.status();
    if (scan->end) return messages;
    query.after = scan->looked;
  }
}

daybook::EventHandlers FromOrders(Fates& fates) {
  const auto fate = [&fates](const RecordedEvent& at) -> Fate& {
    return fates[std::string(at.stream_id())];
  };
  daybook::EventHandlers handlers;
  handlers.On([fate](const orders::v1::OrderPlaced&, const RecordedEvent& at) { fate(at); });
  handlers.On([fate](const orders::v1::OrderPaid&, const RecordedEvent& at) { ++fate(at).paid; });
  handlers.On(
      [fate](const orders::v1::OrderCancelled&, const RecordedEvent& at) { ++fate(at).cancelled; });
  handlers.On([fate](const orders::v1::OrderShipped& event, const RecordedEvent& at) {
    fate(at).shipped.push_back(event.tracking());
  });
  return handlers;
}

daybook::EventHandlers FromParcels(Fates& fates) {
  daybook::EventHandlers handlers;
  handlers.On([&fates](const shipping::parcels::v1::ParcelDispatched& event) {
    fates[event.order_id()].parcels.push_back(event.tracking());
  });
  return handlers;
}

}  // namespace

absl::StatusOr<api::v1::RoundTrip> CountRoundTrip(daybook::EventStore& orders,
                                                  daybook::EventStore& parcels) {
  Fates fates;
  const auto from_orders = Scan(orders, FromOrders(fates), OrderContracts());
  if (!from_orders.ok()) return from_orders.status();
  const auto from_parcels = Scan(parcels, FromParcels(fates), shipping::ParcelContracts());
  if (!from_parcels.ok()) return from_parcels.status();
  api::v1::RoundTrip trip;
  trip.set_orders(static_cast<int64_t>(fates.size()));
  trip.set_messages(*from_orders + *from_parcels);
  for (const auto& [id, fate] : fates) {
    const bool due = fate.paid > 0 && fate.cancelled == 0;
    trip.set_paid(trip.paid() + (fate.paid > 0));
    trip.set_parcels(trip.parcels() + static_cast<int64_t>(fate.parcels.size()));
    trip.set_shipped(trip.shipped() + !fate.shipped.empty());
    trip.set_twice(trip.twice() + (fate.parcels.size() > 1 || fate.shipped.size() > 1));
    trip.set_lost(trip.lost() + (due && !LeftInAParcel(fate)));
  }
  return trip;
}

bool IsWhole(const api::v1::RoundTrip& trip) { return trip.twice() == 0 && trip.lost() == 0; }

}  // namespace shop
