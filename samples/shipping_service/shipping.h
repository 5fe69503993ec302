// Shipping: packs and dispatches a parcel for each order that is paid, and tells of it.

#ifndef SHIPPING_SHIPPING_H_
#define SHIPPING_SHIPPING_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/inbox.h"
#include "daybook/repository.h"
#include "daybook/sqlite_event_store.h"
#include "daybook/subscription.h"
#include "daybook/transport.h"
#include "parcel.h"
#include "shop/contracts/v1/orders.pb.h"

namespace shipping {

struct Counts {
  int64_t received = 0;    // OrderPaid, however often
  int64_t parcels = 0;     // made
  int64_t duplicates = 0;  // received again, without an effect
  int64_t parked = 0;      // set aside, and still there
};

// Thread-safe. Its events are in `db`, what it could not handle in `db`-inbox.
class Shipping {
 public:
  static absl::StatusOr<std::unique_ptr<Shipping>> Open(
      const std::string& db, std::function<void(const absl::Status&)> on_problem = {});

  // Takes what the shop says of its orders. One message has one effect, however often it comes.
  daybook::Inbox& inbox() { return *inbox_; }

  // Publishes what has happened to parcels and what will, until StopPublishing(), which the
  // transport outlives. How far it has come is remembered for each `kind` of transport.
  absl::Status Publish(daybook::Transport& transport, const std::string& kind);
  void StopPublishing() { publisher_.reset(); }
  // Why the line stands still. REQUIRES: it has been started.
  absl::Status PublishingProblem() const;

  absl::StatusOr<Counts> Count() const;

  daybook::SqliteEventStore& store() { return *store_; }

 private:
  explicit Shipping(std::unique_ptr<daybook::SqliteEventStore> store);
  daybook::InboxHandlers Handlers();
  absl::Status Ship(const shop::contracts::v1::OrderPaid& paid, const daybook::Received& at);

  const std::unique_ptr<daybook::SqliteEventStore> store_;
  daybook::Repository<Parcel> parcels_;
  std::atomic<int64_t> received_ = 0;
  std::atomic<int64_t> made_ = 0;
  std::atomic<int64_t> duplicates_ = 0;
  std::unique_ptr<daybook::Inbox> inbox_;
  std::unique_ptr<daybook::Subscription> publisher_;
};

}  // namespace shipping

#endif  // SHIPPING_SHIPPING_H_
