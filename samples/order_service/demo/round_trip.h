// Counting what has gone from the shop to shipping and back, from the two logs.

#ifndef SHOP_DEMO_ROUND_TRIP_H_
#define SHOP_DEMO_ROUND_TRIP_H_

#include "absl/status/statusor.h"
#include "api/api.pb.h"
#include "daybook/event_store.h"

namespace shop {

// kDataLoss: an event cannot be decoded. Otherwise as EventStore::Visit.
absl::StatusOr<api::v1::RoundTrip> CountRoundTrip(daybook::EventStore& orders,
                                                  daybook::EventStore& parcels);

// Whether each order that was paid, and not cancelled, was shipped exactly once.
bool IsWhole(const api::v1::RoundTrip& trip);

}  // namespace shop

#endif  // SHOP_DEMO_ROUND_TRIP_H_
