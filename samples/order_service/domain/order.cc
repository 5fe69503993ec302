#include "domain/order.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "domain/money.h"
#include "domain/text.h"

namespace shop {

using orders::v1::LineAdded;
using orders::v1::LineRemoved;
using orders::v1::OrderCancelled;
using orders::v1::OrderDelivered;
using orders::v1::OrderPaid;
using orders::v1::OrderPlaced;
using orders::v1::OrderShipped;
using orders::v1::QuantityChanged;

namespace {
constexpr size_t kMaxReason = 500;
}  // namespace

std::string_view Name(OrderStatus status) {
  switch (status) {
    case OrderStatus::kNone:
      return "none";
    case OrderStatus::kOpen:
      return "open";
    case OrderStatus::kPaid:
      return "paid";
    case OrderStatus::kShipped:
      return "shipped";
    case OrderStatus::kDelivered:
      return "delivered";
    case OrderStatus::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

absl::Status Order::RequirePlaced() const {
  if (status_ == OrderStatus::kNone) return absl::NotFoundError("there is no such order");
  return absl::OkStatus();
}

absl::Status Order::RequireOpen() const {
  if (absl::Status placed = RequirePlaced(); !placed.ok()) return placed;
  if (status_ == OrderStatus::kOpen) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the order is ", std::string(Name(status_)), " and can no longer be changed"));
}

absl::Status Order::Place(const std::string& customer_id, const std::string& currency,
                          BusinessTime at, const std::string& country) {
  if (status_ != OrderStatus::kNone) return absl::AlreadyExistsError("the order is placed already");
  if (absl::Status text = CheckText("the customer", customer_id, kMaxName); !text.ok()) return text;
  if (absl::Status text = CheckText("the country", country, kMaxName); !text.ok()) return text;
  if (!IsCurrency(currency)) {
    return absl::InvalidArgumentError("the currency is not a three-letter code such as GBP");
  }
  OrderPlaced event;
  event.set_customer_id(customer_id);
  event.set_currency(currency);
  event.set_country(country);
  if (at.has_value()) *event.mutable_placed_at() = *at;
  return Emit(event);
}

absl::Status Order::AddLine(const NewLine& line) {
  if (absl::Status open = RequireOpen(); !open.ok()) return open;
  if (absl::Status good = lines_.CheckNew(line); !good.ok()) return good;
  LineAdded event;
  event.set_line(lines_.next_number());
  event.set_sku(line.sku);
  event.set_description(line.description);
  event.set_quantity(static_cast<int32_t>(line.quantity));
  event.set_unit_price_minor(line.unit_price_minor);
  return Emit(event);
}

absl::Status Order::ChangeQuantity(int line, int64_t quantity) {
  if (absl::Status open = RequireOpen(); !open.ok()) return open;
  if (absl::Status good = lines_.CheckQuantity(line, quantity); !good.ok()) return good;
  if (lines_.Find(line)->quantity == quantity) return absl::OkStatus();
  QuantityChanged event;
  event.set_line(line);
  event.set_quantity(static_cast<int32_t>(quantity));
  return Emit(event);
}

absl::Status Order::RemoveLine(int line) {
  if (absl::Status open = RequireOpen(); !open.ok()) return open;
  if (lines_.Find(line) == nullptr) {
    return absl::NotFoundError(absl::StrCat("there is no line ", line));
  }
  LineRemoved event;
  event.set_line(line);
  return Emit(event);
}

absl::Status Order::Pay(int64_t amount_minor, const std::string& currency,
                        const std::string& reference, BusinessTime at) {
  if (absl::Status placed = RequirePlaced(); !placed.ok()) return placed;
  if (absl::Status text = CheckRequired("the payment reference", reference, kMaxName); !text.ok()) {
    return text;
  }
  if (currency != currency_) {
    return absl::InvalidArgumentError(absl::StrCat("the order is in ", currency_));
  }
  if (amount_minor != lines_.total_minor()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the order comes to ", FormatMoney(lines_.total_minor(), currency_)));
  }
  if (!payment_reference_.empty() && payment_reference_ == reference) return absl::OkStatus();
  if (absl::Status open = RequireOpen(); !open.ok()) return open;
  if (lines_.empty()) return absl::FailedPreconditionError("there is nothing to pay for");
  OrderPaid event;
  event.set_amount_minor(amount_minor);
  event.set_reference(reference);
  if (at.has_value()) *event.mutable_paid_at() = *at;
  return Emit(event);
}

absl::Status Order::Ship(const std::string& carrier, const std::string& tracking, BusinessTime at) {
  if (absl::Status placed = RequirePlaced(); !placed.ok()) return placed;
  if (absl::Status text = CheckRequired("the carrier", carrier, kMaxName); !text.ok()) return text;
  if (absl::Status text = CheckText("the tracking number", tracking, kMaxName); !text.ok()) {
    return text;
  }
  if (!carrier_.empty() && carrier_ == carrier && tracking_ == tracking) return absl::OkStatus();
  if (status_ != OrderStatus::kPaid) {
    return absl::FailedPreconditionError(
        absl::StrCat("only a paid order is shipped; this one is ", std::string(Name(status_))));
  }
  OrderShipped event;
  event.set_carrier(carrier);
  event.set_tracking(tracking);
  if (at.has_value()) *event.mutable_shipped_at() = *at;
  return Emit(event);
}

absl::Status Order::Deliver(const std::string& received_by, BusinessTime at) {
  if (absl::Status placed = RequirePlaced(); !placed.ok()) return placed;
  if (absl::Status text = CheckText("the receiver", received_by, kMaxName); !text.ok()) return text;
  if (status_ == OrderStatus::kDelivered) return absl::OkStatus();
  if (status_ != OrderStatus::kShipped) {
    return absl::FailedPreconditionError(absl::StrCat(
        "only a shipped order is delivered; this one is ", std::string(Name(status_))));
  }
  OrderDelivered event;
  event.set_received_by(received_by);
  if (at.has_value()) *event.mutable_delivered_at() = *at;
  return Emit(event);
}

absl::Status Order::Cancel(const std::string& reason, BusinessTime at) {
  if (absl::Status placed = RequirePlaced(); !placed.ok()) return placed;
  if (absl::Status text = CheckRequired("the reason", reason, kMaxReason); !text.ok()) return text;
  if (status_ == OrderStatus::kCancelled) return absl::OkStatus();
  if (status_ != OrderStatus::kOpen && status_ != OrderStatus::kPaid) {
    return absl::FailedPreconditionError(absl::StrCat("the order is ", std::string(Name(status_)),
                                                      " and can no longer be cancelled"));
  }
  OrderCancelled event;
  event.set_reason(reason);
  event.set_refund_minor(status_ == OrderStatus::kPaid ? lines_.total_minor() : 0);
  if (at.has_value()) *event.mutable_cancelled_at() = *at;
  return Emit(event);
}

void Order::Apply(const OrderPlaced& event) {
  status_ = OrderStatus::kOpen;
  customer_id_ = event.customer_id();
  currency_ = event.currency();
  country_ = event.country();
  if (event.has_placed_at()) placed_at_ = event.placed_at();
}

void Order::Apply(const LineAdded& event) {
  lines_.Add(event.line(), {.sku = event.sku(),
                            .description = event.description(),
                            .quantity = event.quantity(),
                            .unit_price_minor = event.unit_price_minor()});
}

void Order::Apply(const QuantityChanged& event) {
  lines_.SetQuantity(event.line(), event.quantity());
}

void Order::Apply(const LineRemoved& event) { lines_.Remove(event.line()); }

void Order::Apply(const OrderPaid& event) {
  status_ = OrderStatus::kPaid;
  payment_reference_ = event.reference();
}

void Order::Apply(const OrderShipped& event) {
  status_ = OrderStatus::kShipped;
  carrier_ = event.carrier();
  tracking_ = event.tracking();
}

void Order::Apply(const OrderDelivered&) { status_ = OrderStatus::kDelivered; }

void Order::Apply(const OrderCancelled&) { status_ = OrderStatus::kCancelled; }

}  // namespace shop
