// What the shop hears of parcels: an order whose parcel has left is shipped.

#ifndef SHOP_CONSUME_PARCEL_INBOX_H_
#define SHOP_CONSUME_PARCEL_INBOX_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/inbox.h"
#include "shipping/contracts/v1/parcels.pb.h"
#include "shop.h"

namespace shop {

// Thread-safe. One message has one effect, however often it comes; one that the order refuses is
// parked in `db`-inbox, with what the order said.
class ParcelInbox {
 public:
  // The shop, whose events are in `db`, outlives it.
  static absl::StatusOr<std::unique_ptr<ParcelInbox>> Open(Shop& shop, const std::string& db);

  daybook::Inbox& inbox() { return *inbox_; }

  // Since it was opened.
  int64_t received() const { return received_; }      // ParcelDispatched, however often
  int64_t duplicates() const { return duplicates_; }  // of these, those without an effect

 private:
  explicit ParcelInbox(Shop& shop) : shop_(shop) {}
  absl::Status Ship(const shipping::contracts::v1::ParcelDispatched& parcel,
                    const daybook::Received& at);

  Shop& shop_;
  std::atomic<int64_t> received_ = 0;
  std::atomic<int64_t> duplicates_ = 0;
  std::unique_ptr<daybook::Inbox> inbox_;
};

}  // namespace shop

#endif  // SHOP_CONSUME_PARCEL_INBOX_H_
