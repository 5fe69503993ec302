#include "shipping.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "contracts.h"
#include "daybook/publisher.h"

namespace shipping {
namespace {

// The transport itself takes care not to knock too often.
constexpr daybook::Backoff kOutage = {.first = std::chrono::milliseconds(250),
                                      .longest = std::chrono::seconds(2)};

google::protobuf::Timestamp Now() {
  google::protobuf::Timestamp now;
  now.set_seconds(absl::ToUnixSeconds(absl::Now()));
  return now;
}

}  // namespace

Shipping::Shipping(std::unique_ptr<daybook::SqliteEventStore> store)
    : store_(std::move(store)), parcels_(*store_) {}

absl::StatusOr<std::unique_ptr<Shipping>> Shipping::Open(
    const std::string& db, std::function<void(const absl::Status&)> on_problem) {
  auto store = daybook::SqliteEventStore::Open({.path = db, .on_problem = std::move(on_problem)});
  if (!store.ok()) return store.status();
  std::unique_ptr<Shipping> shipping(new Shipping(*std::move(store)));
  auto inbox =
      daybook::Inbox::Open({.path = db + "-inbox", .consumer = "shipping"}, shipping->Handlers());
  if (!inbox.ok()) return inbox.status();
  shipping->inbox_ = *std::move(inbox);
  return shipping;
}

daybook::InboxHandlers Shipping::Handlers() {
  daybook::InboxHandlers handlers;
  handlers.On([this](const shop::contracts::v1::OrderPaid& paid, const daybook::Received& at) {
    return Ship(paid, at);
  });
  return handlers;
}

// Nothing in a parcel keeps a second one for the same order from being made: the once-key does.
absl::Status Shipping::Ship(const shop::contracts::v1::OrderPaid& paid,
                            const daybook::Received& at) {
  if (at.attempt() == 1) ++received_;
  const std::string id = daybook::EventId::Generate().ToString();
  const std::string tracking = absl::StrCat("DB-", id.substr(id.size() - 12));
  const google::protobuf::Timestamp now = Now();
  const auto shipped =
      parcels_.Execute(id,
                       [&](Parcel& parcel) {
                         absl::Status packed = parcel.Pack(paid.order_id());
                         return packed.ok() ? parcel.Dispatch("DHL", tracking, now) : packed;
                       },
                       {.once = at.once(), .cause = daybook::CausedBy(at.event())});
  if (!shipped.ok()) return daybook::FromCommand(shipped.status());
  ++(shipped->repeated ? duplicates_ : made_);
  return absl::OkStatus();
}

absl::Status Shipping::Publish(daybook::Transport& transport, const std::string& kind) {
  publisher_ = std::make_unique<daybook::Subscription>(
      *store_,
      daybook::SubscriptionOptions{.name = "parcels-to-" + kind, .retry = {.outage = kOutage}},
      daybook::PublishTo(ParcelContracts(), transport));
  return publisher_->Start();
}

absl::Status Shipping::PublishingProblem() const {
  const daybook::SubscriptionHealth health = publisher_->Health();
  return health.state == daybook::SubscriptionState::kRunning ? absl::OkStatus()
                                                              : health.last_error;
}

absl::StatusOr<Counts> Shipping::Count() const {
  const auto parked = inbox_->Parked();
  if (!parked.ok()) return parked.status();
  return Counts{.received = received_,
                .parcels = made_,
                .duplicates = duplicates_,
                .parked = static_cast<int64_t>(parked->size())};
}

}  // namespace shipping
