#include "domain/credit_note.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "domain/money.h"
#include "domain/text.h"

namespace shop {

using credit_notes::v1::CreditNoteIssued;
using credit_notes::v1::CreditNoteOpened;
using credit_notes::v1::CreditNoteRefunded;
using credit_notes::v1::ItemReturned;

namespace {}  // namespace

std::string_view Name(CreditNoteStatus status) {
  switch (status) {
    case CreditNoteStatus::kNone:
      return "none";
    case CreditNoteStatus::kOpen:
      return "open";
    case CreditNoteStatus::kIssued:
      return "issued";
    case CreditNoteStatus::kRefunded:
      return "refunded";
  }
  return "unknown";
}

absl::Status CreditNote::RequireOpened() const {
  if (status_ == CreditNoteStatus::kNone)
    return absl::NotFoundError("there is no such credit note");
  return absl::OkStatus();
}

absl::Status CreditNote::Open(const std::string& customer_id, const std::string& currency,
                              BusinessTime at, const std::string& country) {
  if (status_ != CreditNoteStatus::kNone) {
    return absl::AlreadyExistsError("the credit note is open already");
  }
  if (absl::Status text = CheckText("the customer", customer_id, kMaxName); !text.ok()) return text;
  if (absl::Status text = CheckText("the country", country, kMaxName); !text.ok()) return text;
  if (!IsCurrency(currency)) {
    return absl::InvalidArgumentError("the currency is not a three-letter code such as GBP");
  }
  CreditNoteOpened event;
  event.set_customer_id(customer_id);
  event.set_currency(currency);
  event.set_country(country);
  if (at.has_value()) *event.mutable_opened_at() = *at;
  return Emit(event);
}

absl::Status CreditNote::OpenFor(const Order& order, int64_t credited_minor, BusinessTime at) {
  if (status_ != CreditNoteStatus::kNone) {
    return absl::AlreadyExistsError(
        absl::StrCat("the order's credit note ", id(), " is open; add to it, or issue it first"));
  }
  if (order.status() != OrderStatus::kShipped && order.status() != OrderStatus::kDelivered) {
    return absl::FailedPreconditionError(absl::StrCat(
        "only what was shipped comes back; the order is ", std::string(Name(order.status()))));
  }
  const int64_t left_minor = order.lines().total_minor() - credited_minor;
  if (left_minor <= 0) return absl::FailedPreconditionError("the order is credited in full");
  CreditNoteOpened event;
  event.set_customer_id(order.customer_id());
  event.set_currency(order.currency());
  event.set_country(order.country());
  event.set_order_id(order.id());
  event.set_limit_minor(left_minor);
  if (at.has_value()) *event.mutable_opened_at() = *at;
  return Emit(event);
}

absl::Status CreditNote::ReturnItem(const NewLine& item) {
  if (absl::Status opened = RequireOpened(); !opened.ok()) return opened;
  if (status_ != CreditNoteStatus::kOpen) {
    return absl::FailedPreconditionError("the credit note is issued and can no longer be changed");
  }
  if (absl::Status good = lines_.CheckNew(item); !good.ok()) return good;
  const int64_t total = lines_.total_minor() + item.quantity * item.unit_price_minor;
  if (limit_minor_ > 0 && total > limit_minor_) {
    return absl::FailedPreconditionError(
        absl::StrCat("of the order no more is left than ", FormatMoney(limit_minor_, currency_)));
  }
  ItemReturned event;
  event.set_line(lines_.next_number());
  event.set_sku(item.sku);
  event.set_description(item.description);
  event.set_quantity(static_cast<int32_t>(item.quantity));
  event.set_unit_price_minor(item.unit_price_minor);
  return Emit(event);
}

absl::Status CreditNote::Issue(BusinessTime at) {
  if (absl::Status opened = RequireOpened(); !opened.ok()) return opened;
  if (status_ != CreditNoteStatus::kOpen) return absl::OkStatus();
  if (lines_.empty()) return absl::FailedPreconditionError("nothing has come back");
  CreditNoteIssued event;
  event.set_total_minor(lines_.total_minor());
  if (at.has_value()) *event.mutable_issued_at() = *at;
  return Emit(event);
}

absl::Status CreditNote::Refund(const std::string& reference, BusinessTime at) {
  if (absl::Status opened = RequireOpened(); !opened.ok()) return opened;
  if (absl::Status text = CheckRequired("the refund reference", reference, kMaxName); !text.ok()) {
    return text;
  }
  if (status_ == CreditNoteStatus::kRefunded && refund_reference_ == reference) {
    return absl::OkStatus();
  }
  if (status_ != CreditNoteStatus::kIssued) {
    return absl::FailedPreconditionError(absl::StrCat(
        "only an issued credit note is refunded; this one is ", std::string(Name(status_))));
  }
  CreditNoteRefunded event;
  event.set_reference(reference);
  if (at.has_value()) *event.mutable_refunded_at() = *at;
  return Emit(event);
}

void CreditNote::Apply(const CreditNoteOpened& event) {
  status_ = CreditNoteStatus::kOpen;
  customer_id_ = event.customer_id();
  currency_ = event.currency();
  order_id_ = event.order_id();
  limit_minor_ = event.limit_minor();
  if (event.has_opened_at()) opened_at_ = event.opened_at();
}

void CreditNote::Apply(const ItemReturned& event) {
  lines_.Add(event.line(), {.sku = event.sku(),
                            .description = event.description(),
                            .quantity = event.quantity(),
                            .unit_price_minor = event.unit_price_minor()});
}

void CreditNote::Apply(const CreditNoteIssued&) { status_ = CreditNoteStatus::kIssued; }

void CreditNote::Apply(const CreditNoteRefunded& event) {
  status_ = CreditNoteStatus::kRefunded;
  refund_reference_ = event.reference();
}

}  // namespace shop
