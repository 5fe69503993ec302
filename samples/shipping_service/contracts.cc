#include "contracts.h"

#include <string>

#include "parcel_events.pb.h"
#include "shipping/contracts/v1/parcels.pb.h"

namespace shipping {

daybook::Translator ParcelContracts() {
  daybook::Translator contracts({.source = "/shop/shipping"});
  contracts.On([](const parcels::v1::ParcelDispatched& event, const daybook::RecordedEvent& at) {
    contracts::v1::ParcelDispatched out;
    out.set_parcel_id(std::string(at.stream_id()));
    out.set_order_id(event.order_id());
    out.set_carrier(event.carrier());
    out.set_tracking(event.tracking());
    *out.mutable_dispatched_at() = event.dispatched_at();
    return out;
  });
  contracts.Ignore<parcels::v1::ParcelPacked>();
  return contracts;
}

}  // namespace shipping
