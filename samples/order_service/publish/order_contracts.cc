#include "publish/order_contracts.h"

#include <chrono>
#include <string>

#include "domain/business_time.h"
#include "domain/credit_note_events.pb.h"
#include "domain/order_events.pb.h"
#include "shop/contracts/v1/orders.pb.h"

namespace shop {
namespace {

using daybook::RecordedEvent;

// What is not said to have happened earlier happened when it was recorded.
google::protobuf::Timestamp When(bool is_known, const google::protobuf::Timestamp& time,
                                 const RecordedEvent& at) {
  return is_known ? time : *At(std::chrono::floor<std::chrono::seconds>(at.time()));
}

contracts::v1::OrderPlaced Placed(const orders::v1::OrderPlaced& event, const RecordedEvent& at) {
  contracts::v1::OrderPlaced out;
  out.set_order_id(std::string(at.stream_id()));
  out.set_customer_id(event.customer_id());
  out.set_currency(event.currency());
  out.set_country(event.country());
  *out.mutable_placed_at() = When(event.has_placed_at(), event.placed_at(), at);
  return out;
}

contracts::v1::OrderPaid Paid(const orders::v1::OrderPaid& event, const RecordedEvent& at) {
  contracts::v1::OrderPaid out;
  out.set_order_id(std::string(at.stream_id()));
  out.set_amount_minor(event.amount_minor());
  out.set_payment_reference(event.reference());
  *out.mutable_paid_at() = When(event.has_paid_at(), event.paid_at(), at);
  return out;
}

contracts::v1::OrderShipped Shipped(const orders::v1::OrderShipped& event,
                                    const RecordedEvent& at) {
  contracts::v1::OrderShipped out;
  out.set_order_id(std::string(at.stream_id()));
  out.set_carrier(event.carrier());
  out.set_tracking(event.tracking());
  *out.mutable_shipped_at() = When(event.has_shipped_at(), event.shipped_at(), at);
  return out;
}

contracts::v1::OrderCancelled Cancelled(const orders::v1::OrderCancelled& event,
                                        const RecordedEvent& at) {
  contracts::v1::OrderCancelled out;
  out.set_order_id(std::string(at.stream_id()));
  out.set_reason(event.reason());
  out.set_refund_minor(event.refund_minor());
  *out.mutable_cancelled_at() = When(event.has_cancelled_at(), event.cancelled_at(), at);
  return out;
}

}  // namespace

daybook::Translator OrderContracts(daybook::TranslatorOptions::Data data) {
  daybook::Translator contracts({.source = "/shop/orders", .data = data});
  contracts.On(&Placed).On(&Paid).On(&Shipped).On(&Cancelled);
  // What is in an order, and who took it in at the door, is nobody else's business.
  contracts.Ignore<orders::v1::LineAdded, orders::v1::QuantityChanged, orders::v1::LineRemoved,
                   orders::v1::OrderDelivered>();
  // Credit notes are the shop's own affair so far.
  contracts.Ignore<credit_notes::v1::CreditNoteOpened, credit_notes::v1::ItemReturned,
                   credit_notes::v1::CreditNoteIssued, credit_notes::v1::CreditNoteRefunded>();
  return contracts;
}

}  // namespace shop
