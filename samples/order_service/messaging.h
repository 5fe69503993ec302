// The shop among other services: what happens here is published, and what they say is heard.

#ifndef SHOP_MESSAGING_H_
#define SHOP_MESSAGING_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "api/api.pb.h"
#include "carry/carrier.h"
#include "consume/parcel_inbox.h"
#include "daybook/subscription.h"
#include "shop.h"

namespace shop {

// Thread-safe.
class Messaging {
 public:
  // Publishes from the first event that this kind of transport has not had, and hears what comes
  // in, from then on. `transport`: see CheckTransport(). The shop, whose events are in `db`,
  // outlives it. Statuses: of whatever cannot be opened.
  static absl::StatusOr<std::unique_ptr<Messaging>> Start(Shop& shop, const std::string& db,
                                                          const std::string& transport);

  // Waits for the message in work.
  ~Messaging();
  Messaging(const Messaging&) = delete;
  Messaging& operator=(const Messaging&) = delete;

  // How it goes; without secrets.
  api::v1::Messaging Health() const;

 private:
  Messaging(std::unique_ptr<ParcelInbox> parcels, std::unique_ptr<Carrier> carrier, Shop& shop);

  const std::unique_ptr<ParcelInbox> parcels_;
  const std::unique_ptr<Carrier> carrier_;
  daybook::Subscription publisher_;
};

}  // namespace shop

#endif  // SHOP_MESSAGING_H_
