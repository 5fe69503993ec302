// A parcel, from the packing table to the carrier's van.

#ifndef SHIPPING_PARCEL_H_
#define SHIPPING_PARCEL_H_

#include <string>

#include "absl/status/status.h"
#include "daybook/aggregate.h"
#include "google/protobuf/timestamp.pb.h"
#include "parcel_events.pb.h"

namespace shipping {

// It is packed once, and dispatched once after that. Refusals: kAlreadyExists,
// kFailedPrecondition, kInvalidArgument.
class Parcel
    : public daybook::Aggregate<
          Parcel, daybook::Events<parcels::v1::ParcelPacked, parcels::v1::ParcelDispatched>> {
 public:
  static constexpr std::string_view kCategory = "parcel";

  absl::Status Pack(const std::string& order_id);
  absl::Status Dispatch(const std::string& carrier, const std::string& tracking,
                        const google::protobuf::Timestamp& at);

  const std::string& order_id() const { return order_id_; }
  const std::string& carrier() const { return carrier_; }
  const std::string& tracking() const { return tracking_; }
  bool dispatched() const { return !carrier_.empty(); }

 private:
  friend Aggregate;
  void Apply(const parcels::v1::ParcelPacked& event) { order_id_ = event.order_id(); }
  void Apply(const parcels::v1::ParcelDispatched& event);

  std::string order_id_;
  std::string carrier_;
  std::string tracking_;
};

}  // namespace shipping

#endif  // SHIPPING_PARCEL_H_
