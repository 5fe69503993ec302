// An order, from its first line to the customer's door.

#ifndef SHOP_DOMAIN_ORDER_H_
#define SHOP_DOMAIN_ORDER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "daybook/aggregate.h"
#include "domain/business_time.h"
#include "domain/lines.h"
#include "domain/order_events.pb.h"

namespace shop {

enum class OrderStatus { kNone, kOpen, kPaid, kShipped, kDelivered, kCancelled };

std::string_view Name(OrderStatus status);

// The rules: an order is changed only while it is open; it is paid at once and in full, in its own
// currency; nothing ships unpaid, nothing is delivered unshipped, nothing is cancelled once
// shipped.
//
// A command that asks for what is already so succeeds without an event. One that breaks a rule is
// refused: kNotFound (no such order, no such line), kAlreadyExists, kFailedPrecondition,
// kInvalidArgument, kOutOfRange, with a message for the customer.
class Order : public daybook::Aggregate<
                  Order, daybook::Events<orders::v1::OrderPlaced, orders::v1::LineAdded,
                                         orders::v1::QuantityChanged, orders::v1::LineRemoved,
                                         orders::v1::OrderPaid, orders::v1::OrderShipped,
                                         orders::v1::OrderDelivered, orders::v1::OrderCancelled>> {
 public:
  static constexpr std::string_view kCategory = "order";

  // An empty customer is a guest; an empty country is not known.
  absl::Status Place(const std::string& customer_id, const std::string& currency, BusinessTime at,
                     const std::string& country = "");

  absl::Status AddLine(const NewLine& line);
  absl::Status ChangeQuantity(int line, int64_t quantity);
  absl::Status RemoveLine(int line);

  absl::Status Pay(int64_t amount_minor, const std::string& currency, const std::string& reference,
                   BusinessTime at);
  absl::Status Ship(const std::string& carrier, const std::string& tracking, BusinessTime at);
  absl::Status Deliver(const std::string& received_by, BusinessTime at);
  absl::Status Cancel(const std::string& reason, BusinessTime at);

  OrderStatus status() const { return status_; }
  const std::string& customer_id() const { return customer_id_; }
  const std::string& currency() const { return currency_; }
  const std::string& country() const { return country_; }
  const Lines& lines() const { return lines_; }
  const std::string& payment_reference() const { return payment_reference_; }
  const std::string& carrier() const { return carrier_; }
  const std::string& tracking() const { return tracking_; }
  const BusinessTime& placed_at() const { return placed_at_; }

 private:
  friend Aggregate;
  void Apply(const orders::v1::OrderPlaced& event);
  void Apply(const orders::v1::LineAdded& event);
  void Apply(const orders::v1::QuantityChanged& event);
  void Apply(const orders::v1::LineRemoved& event);
  void Apply(const orders::v1::OrderPaid& event);
  void Apply(const orders::v1::OrderShipped& event);
  void Apply(const orders::v1::OrderDelivered& event);
  void Apply(const orders::v1::OrderCancelled& event);

  absl::Status RequirePlaced() const;
  absl::Status RequireOpen() const;

  OrderStatus status_ = OrderStatus::kNone;
  std::string customer_id_;
  std::string currency_;
  std::string country_;
  Lines lines_;
  std::string payment_reference_;
  std::string carrier_;
  std::string tracking_;
  BusinessTime placed_at_;
};

}  // namespace shop

#endif  // SHOP_DOMAIN_ORDER_H_
