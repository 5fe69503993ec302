#include "parcel.h"

namespace shipping {

absl::Status Parcel::Pack(const std::string& order_id) {
  if (order_id.empty()) return absl::InvalidArgumentError("there is no order without an id");
  if (!order_id_.empty()) return absl::AlreadyExistsError("the parcel is packed already");
  parcels::v1::ParcelPacked event;
  event.set_order_id(order_id);
  return Emit(event);
}

absl::Status Parcel::Dispatch(const std::string& carrier, const std::string& tracking,
                              const google::protobuf::Timestamp& at) {
  if (order_id_.empty()) return absl::FailedPreconditionError("the parcel is not packed");
  if (dispatched()) return absl::FailedPreconditionError("the parcel has left");
  if (carrier.empty()) return absl::InvalidArgumentError("a carrier is needed");
  parcels::v1::ParcelDispatched event;
  event.set_order_id(order_id_);
  event.set_carrier(carrier);
  event.set_tracking(tracking);
  *event.mutable_dispatched_at() = at;
  return Emit(event);
}

void Parcel::Apply(const parcels::v1::ParcelDispatched& event) {
  carrier_ = event.carrier();
  tracking_ = event.tracking();
}

}  // namespace shipping
