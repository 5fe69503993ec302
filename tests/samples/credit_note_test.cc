#include "domain/credit_note.h"

#include <gtest/gtest.h>

#include "daybook/testing.h"

namespace shop {
namespace {

using credit_notes::v1::CreditNoteIssued;
using credit_notes::v1::CreditNoteOpened;
using credit_notes::v1::CreditNoteRefunded;
using credit_notes::v1::ItemReturned;
using daybook::testing::Given;

constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

CreditNoteOpened Opened(int64_t limit) {
  CreditNoteOpened event;
  event.set_customer_id("ann");
  event.set_currency("GBP");
  event.set_limit_minor(limit);
  return event;
}

ItemReturned Returned(int line, int quantity, int64_t price) {
  ItemReturned event;
  event.set_line(line);
  event.set_sku("CUP-6");
  event.set_quantity(quantity);
  event.set_unit_price_minor(price);
  return event;
}

NewLine Item(int64_t quantity, int64_t price) {
  return {.sku = "CUP-6", .quantity = quantity, .unit_price_minor = price};
}

CreditNoteIssued Issued(int64_t total) {
  CreditNoteIssued event;
  event.set_total_minor(total);
  return event;
}

TEST(CreditNoteTest, IsIssuedOverWhatCameBack) {
  Given<CreditNote>(Opened(0), Returned(1, 2, 250))
      .When([](CreditNote& note) { return note.Issue(std::nullopt); })
      .ThenEmits(Issued(500));
}

TEST(CreditNoteTest, IsNotIssuedOverNothing) {
  Given<CreditNote>(Opened(0))
      .When([](CreditNote& note) { return note.Issue(std::nullopt); })
      .ThenFails(kPrecondition);
}

TEST(CreditNoteTest, IsNotChangedOnceIssued) {
  Given<CreditNote>(Opened(0), Returned(1, 2, 250), Issued(500))
      .When([](CreditNote& note) { return note.ReturnItem(Item(1, 250)); })
      .ThenFails(kPrecondition);
}

TEST(CreditNoteTest, NeverExceedsItsOrder) {
  const auto note = Given<CreditNote>(Opened(600), Returned(1, 2, 250));
  note.When([](CreditNote& n) { return n.ReturnItem(Item(1, 101)); })
      .ThenFails(kPrecondition, "6.00 GBP");
  note.When([](CreditNote& n) { return n.ReturnItem(Item(1, 100)); })
      .ThenEmits(Returned(2, 1, 100));
}

TEST(CreditNoteTest, ComesOnlyFromAnOrderThatWasShipped) {
  Order order;
  ASSERT_TRUE(order.Place("ann", "GBP", std::nullopt).ok());
  ASSERT_TRUE(order.AddLine(Item(2, 250)).ok());
  ASSERT_TRUE(order.Pay(500, "GBP", "card-1", std::nullopt).ok());
  Given<CreditNote>()
      .When([&](CreditNote& note) { return note.OpenFor(order, 0, std::nullopt); })
      .ThenFails(kPrecondition, "shipped");
  ASSERT_TRUE(order.Ship("DHL", "", std::nullopt).ok());
  Given<CreditNote>()
      .When([&](CreditNote& note) { return note.OpenFor(order, 0, std::nullopt); })
      .ThenEmits(Opened(500));
  Given<CreditNote>()
      .When([&](CreditNote& note) { return note.OpenFor(order, 499, std::nullopt); })
      .ThenEmits(Opened(1));
  Given<CreditNote>()
      .When([&](CreditNote& note) { return note.OpenFor(order, 500, std::nullopt); })
      .ThenFails(kPrecondition, "in full");
  Given<CreditNote>(Opened(500))
      .When([&](CreditNote& note) { return note.OpenFor(order, 0, std::nullopt); })
      .ThenFails(absl::StatusCode::kAlreadyExists, "issue it first");
}

TEST(CreditNoteTest, IsRefundedOnceAndOnlyAfterItWasIssued) {
  CreditNoteRefunded refunded;
  refunded.set_reference("bank-1");
  Given<CreditNote>(Opened(0), Returned(1, 2, 250))
      .When([](CreditNote& note) { return note.Refund("bank-1", std::nullopt); })
      .ThenFails(kPrecondition, "issued");
  Given<CreditNote>(Opened(0), Returned(1, 2, 250), Issued(500))
      .When([](CreditNote& note) { return note.Refund("bank-1", std::nullopt); })
      .ThenEmits(refunded);
  const auto done = Given<CreditNote>(Opened(0), Returned(1, 2, 250), Issued(500), refunded);
  done.When([](CreditNote& note) { return note.Refund("bank-1", std::nullopt); }).ThenNothing();
  done.When([](CreditNote& note) { return note.Refund("bank-2", std::nullopt); })
      .ThenFails(kPrecondition, "refunded");
}

}  // namespace
}  // namespace shop
