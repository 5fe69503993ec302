// A credit note: what the shop owes for goods that came back.

#ifndef SHOP_DOMAIN_CREDIT_NOTE_H_
#define SHOP_DOMAIN_CREDIT_NOTE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "daybook/aggregate.h"
#include "domain/business_time.h"
#include "domain/credit_note_events.pb.h"
#include "domain/lines.h"
#include "domain/order.h"

namespace shop {

enum class CreditNoteStatus { kNone, kOpen, kIssued, kRefunded };

std::string_view Name(CreditNoteStatus status);

// The rules: items are taken back only while the note is open; it is issued once, with at least one
// item, and refunded only after that. Those that are made against an order never exceed, together,
// that order: the next is opened when the one before is issued, for what is left.
// Refusals: as for Order.
class CreditNote
    : public daybook::Aggregate<CreditNote, daybook::Events<credit_notes::v1::CreditNoteOpened,
                                                            credit_notes::v1::ItemReturned,
                                                            credit_notes::v1::CreditNoteIssued,
                                                            credit_notes::v1::CreditNoteRefunded>> {
 public:
  static constexpr std::string_view kCategory = "credit_note";

  // For goods brought back without naming an order.
  absl::Status Open(const std::string& customer_id, const std::string& currency, BusinessTime at,
                    const std::string& country = "");

  // For goods of this order, which must have left the shop, and of which its earlier notes have
  // credited so much.
  absl::Status OpenFor(const Order& order, int64_t credited_minor, BusinessTime at);

  absl::Status ReturnItem(const NewLine& item);
  absl::Status Issue(BusinessTime at);
  absl::Status Refund(const std::string& reference, BusinessTime at);

  CreditNoteStatus status() const { return status_; }
  const std::string& customer_id() const { return customer_id_; }
  const std::string& currency() const { return currency_; }
  const std::string& order_id() const { return order_id_; }
  const Lines& lines() const { return lines_; }
  const std::string& refund_reference() const { return refund_reference_; }
  const BusinessTime& opened_at() const { return opened_at_; }

 private:
  friend Aggregate;
  void Apply(const credit_notes::v1::CreditNoteOpened& event);
  void Apply(const credit_notes::v1::ItemReturned& event);
  void Apply(const credit_notes::v1::CreditNoteIssued& event);
  void Apply(const credit_notes::v1::CreditNoteRefunded& event);

  absl::Status RequireOpened() const;

  CreditNoteStatus status_ = CreditNoteStatus::kNone;
  std::string customer_id_;
  std::string currency_;
  std::string order_id_;
  int64_t limit_minor_ = 0;
  Lines lines_;
  std::string refund_reference_;
  BusinessTime opened_at_;
};

}  // namespace shop

#endif  // SHOP_DOMAIN_CREDIT_NOTE_H_
