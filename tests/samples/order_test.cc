#include "domain/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "daybook/testing.h"
#include "domain/credit_note.h"

namespace shop {
namespace {

using daybook::testing::Given;
using orders::v1::LineAdded;
using orders::v1::LineRemoved;
using orders::v1::OrderCancelled;
using orders::v1::OrderDelivered;
using orders::v1::OrderPaid;
using orders::v1::OrderPlaced;
using orders::v1::OrderShipped;
using orders::v1::QuantityChanged;

constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

OrderPlaced Placed() {
  OrderPlaced event;
  event.set_customer_id("ann");
  event.set_currency("GBP");
  return event;
}

LineAdded Added(int line, int quantity, int64_t price) {
  LineAdded event;
  event.set_line(line);
  event.set_sku("CUP-6");
  event.set_quantity(quantity);
  event.set_unit_price_minor(price);
  return event;
}

NewLine Item(int64_t quantity, int64_t price) {
  return {.sku = "CUP-6", .quantity = quantity, .unit_price_minor = price};
}

OrderPaid Paid(int64_t amount) {
  OrderPaid event;
  event.set_amount_minor(amount);
  event.set_reference("card-1");
  return event;
}

OrderShipped Shipped() {
  OrderShipped event;
  event.set_carrier("DHL");
  return event;
}

TEST(OrderTest, EveryEventOfTheShopIsListed) {
  EXPECT_THAT((daybook::testing::UnlistedEvents<Order, CreditNote>()), testing::IsEmpty());
}

TEST(OrderTest, IsPlacedOnceInACurrency) {
  Given<Order>()
      .When([](Order& order) { return order.Place("ann", "GBP", std::nullopt); })
      .ThenEmits(Placed());
  Given<Order>()
      .When([](Order& order) { return order.Place("ann", "pounds", std::nullopt); })
      .ThenFails(kInvalid, "currency");
  Given<Order>(Placed())
      .When([](Order& order) { return order.Place("bob", "GBP", std::nullopt); })
      .ThenFails(absl::StatusCode::kAlreadyExists);
}

TEST(OrderTest, LinesAreNumberedAndANumberIsNotUsedAgain) {
  LineRemoved removed;
  removed.set_line(2);
  Given<Order>(Placed(), Added(1, 2, 250), Added(2, 1, 100), removed)
      .When([](Order& order) { return order.AddLine(Item(3, 50)); })
      .ThenEmits(Added(3, 3, 50))
      .ThenState([](const Order& order) { EXPECT_EQ(order.lines().total_minor(), 650); });
}

TEST(OrderTest, ALineNeedsAPositiveQuantityAndPriceAndAStockCode) {
  const auto order = Given<Order>(Placed());
  order.When([](Order& o) { return o.AddLine(Item(0, 250)); }).ThenFails(kInvalid, "quantity");
  order.When([](Order& o) { return o.AddLine(Item(-1, 250)); }).ThenFails(kInvalid, "quantity");
  order.When([](Order& o) { return o.AddLine(Item(1'000'001, 1)); }).ThenFails(kInvalid);
  order.When([](Order& o) { return o.AddLine(Item(1, 0)); }).ThenFails(kInvalid, "price");
  order.When([](Order& o) { return o.AddLine({.quantity = 1, .unit_price_minor = 1}); })
      .ThenFails(kInvalid, "stock code");
}

TEST(OrderTest, TextsThatCouldNotBeReadBackAreRefused) {
  const auto order = Given<Order>(Placed());
  const auto add = [&order](const std::string& sku) {
    return order.When(
        [sku](Order& o) { return o.AddLine({.sku = sku, .quantity = 1, .unit_price_minor = 1}); });
  };
  add("\xC3\x28").ThenFails(kInvalid, "UTF-8");
  add("\xED\xA0\x80").ThenFails(kInvalid, "UTF-8");
  add("a\nb").ThenFails(kInvalid, "control");
  add(std::string(65, 'x')).ThenFails(kInvalid, "longer");
}

TEST(OrderTest, ATotalThatDoesNotFitIsRefused) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const auto order = Given<Order>(Placed(), Added(1, 1, kMost - 10));
  order.When([](Order& o) { return o.AddLine(Item(1, 11)); })
      .ThenFails(absl::StatusCode::kOutOfRange);
  order.When([](Order& o) { return o.AddLine(Item(2, kMost / 2 + 1)); })
      .ThenFails(absl::StatusCode::kOutOfRange);
  order.When([](Order& o) { return o.ChangeQuantity(1, 2); })
      .ThenFails(absl::StatusCode::kOutOfRange);
  order.When([](Order& o) { return o.AddLine(Item(1, 10)); }).ThenEmits(Added(2, 1, 10));
}

TEST(OrderTest, AQuantityChangesAndAnUnchangedOneIsNoEvent) {
  const auto order = Given<Order>(Placed(), Added(1, 2, 250));
  QuantityChanged changed;
  changed.set_line(1);
  changed.set_quantity(5);
  order.When([](Order& o) { return o.ChangeQuantity(1, 5); })
      .ThenEmits(changed)
      .ThenState([](const Order& o) { EXPECT_EQ(o.lines().total_minor(), 1250); });
  order.When([](Order& o) { return o.ChangeQuantity(1, 2); }).ThenNothing();
  order.When([](Order& o) { return o.ChangeQuantity(1, -2); }).ThenFails(kInvalid);
  order.When([](Order& o) { return o.ChangeQuantity(9, 2); })
      .ThenFails(absl::StatusCode::kNotFound, "line 9");
}

TEST(OrderTest, IsPaidInFullAndInItsOwnCurrency) {
  const auto order = Given<Order>(Placed(), Added(1, 2, 250));
  const auto pay = [&order](int64_t amount, const std::string& currency) {
    return order.When([=](Order& o) { return o.Pay(amount, currency, "card-1", std::nullopt); });
  };
  pay(500, "GBP").ThenEmits(Paid(500));
  pay(499, "GBP").ThenFails(kInvalid, "5.00 GBP");
  pay(500, "EUR").ThenFails(kInvalid, "GBP");
  Given<Order>(Placed())
      .When([](Order& o) { return o.Pay(0, "GBP", "card-1", std::nullopt); })
      .ThenFails(kPrecondition, "nothing to pay");
}

TEST(OrderTest, IsNotPaidTwice) {
  const auto order = Given<Order>(Placed(), Added(1, 2, 250), Paid(500));
  order.When([](Order& o) { return o.Pay(500, "GBP", "card-1", std::nullopt); }).ThenNothing();
  order.When([](Order& o) { return o.Pay(500, "GBP", "card-2", std::nullopt); })
      .ThenFails(kPrecondition, "paid");
}

TEST(OrderTest, IsNotChangedOnceItIsPaid) {
  const auto order = Given<Order>(Placed(), Added(1, 2, 250), Paid(500));
  order.When([](Order& o) { return o.AddLine(Item(1, 1)); }).ThenFails(kPrecondition);
  order.When([](Order& o) { return o.ChangeQuantity(1, 1); }).ThenFails(kPrecondition);
  order.When([](Order& o) { return o.RemoveLine(1); }).ThenFails(kPrecondition);
}

TEST(OrderTest, NothingShipsUnpaid) {
  Given<Order>(Placed(), Added(1, 2, 250))
      .When([](Order& o) { return o.Ship("DHL", "", std::nullopt); })
      .ThenFails(kPrecondition, "paid");
  Given<Order>(Placed(), Added(1, 2, 250), Paid(500))
      .When([](Order& o) { return o.Ship("DHL", "", std::nullopt); })
      .ThenEmits(Shipped());
}

TEST(OrderTest, NothingIsDeliveredUnshipped) {
  Given<Order>(Placed(), Added(1, 2, 250), Paid(500))
      .When([](Order& o) { return o.Deliver("ann", std::nullopt); })
      .ThenFails(kPrecondition, "shipped");
  Given<Order>(Placed(), Added(1, 2, 250), Paid(500), Shipped(), OrderDelivered())
      .When([](Order& o) { return o.Deliver("ann", std::nullopt); })
      .ThenNothing();
}

TEST(OrderTest, NothingIsCancelledOnceShipped) {
  Given<Order>(Placed(), Added(1, 2, 250), Paid(500), Shipped())
      .When([](Order& o) { return o.Cancel("changed my mind", std::nullopt); })
      .ThenFails(kPrecondition, "shipped");
}

TEST(OrderTest, CancellingAPaidOrderRefundsIt) {
  OrderCancelled cancelled;
  cancelled.set_reason("too slow");
  cancelled.set_refund_minor(500);
  Given<Order>(Placed(), Added(1, 2, 250), Paid(500))
      .When([](Order& o) { return o.Cancel("too slow", std::nullopt); })
      .ThenEmits(cancelled);
}

TEST(OrderTest, NothingHappensToAnOrderThatWasNeverPlaced) {
  const auto order = Given<Order>();
  constexpr auto kNotFound = absl::StatusCode::kNotFound;
  order.When([](Order& o) { return o.AddLine(Item(1, 1)); }).ThenFails(kNotFound);
  order.When([](Order& o) { return o.Pay(0, "GBP", "x", std::nullopt); }).ThenFails(kNotFound);
  order.When([](Order& o) { return o.Ship("DHL", "", std::nullopt); }).ThenFails(kNotFound);
  order.When([](Order& o) { return o.Deliver("x", std::nullopt); }).ThenFails(kNotFound);
  order.When([](Order& o) { return o.Cancel("x", std::nullopt); }).ThenFails(kNotFound);
}

}  // namespace
}  // namespace shop
