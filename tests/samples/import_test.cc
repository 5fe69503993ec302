#include "import/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>

#include "daybook/sqlite_event_store.h"
#include "support/temp_dir.h"
#include "timeline.h"

namespace shop::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kHeader[] =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

class ImportTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = daybook::SqliteEventStore::Open({.path = folder_.File("orders.db")});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    shop_ = std::make_unique<Shop>(*store_);
  }

  absl::StatusOr<api::v1::ImportReport> ImportFile(const std::string& path) {
    const auto book = ReadRetailBook(path);
    if (!book.ok()) return book.status();
    return Import(*shop_, *book);
  }

  absl::StatusOr<api::v1::ImportReport> ImportText(const std::string& text) {
    const std::string path = folder_.File("book.csv");
    std::ofstream(path, std::ios::binary) << text;
    return ImportFile(path);
  }

  daybook::test::TempDir folder_;
  std::unique_ptr<daybook::SqliteEventStore> store_;
  std::unique_ptr<Shop> shop_;
};

std::string Reasons(const api::v1::ImportReport& report) {
  std::string reasons;
  for (const auto& row : report.refused()) {
    reasons += std::to_string(row.line()) + ": " + row.reason() + "\n";
  }
  return reasons;
}

TEST_F(ImportTest, TheSmallBookBecomesOrdersCreditNotesAndRefusals) {
  const auto report = ImportFile(SMALL_BOOK);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->reconciled());
  EXPECT_EQ(report->rows(), 17);
  EXPECT_EQ(report->new_orders(), 4);
  EXPECT_EQ(report->new_credit_notes(), 1);
  EXPECT_EQ(report->orders_total(), "489.50");
  EXPECT_EQ(report->credit_notes_total(), "31.25");
  EXPECT_EQ(report->refused_total(), "61.10");
  EXPECT_EQ(report->file_total(), "519.35");
  EXPECT_EQ(Reasons(*report),
            "8: the unit price is not positive\n"
            "9: the quantity is not positive\n"
            "12: the quantity is not positive\n"
            "13: the unit price has a fraction of a penny\n"
            "14: the quantity cannot be read\n"
            "15: the date cannot be read\n"
            "18: the quantity is not positive\n");
}

TEST_F(ImportTest, AnInvoiceIsPaidAndShippedOnItsDate) {
  ASSERT_TRUE(ImportFile(SMALL_BOOK).ok());
  const auto order = shop_->orders.Load("900002");
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(order->status(), OrderStatus::kShipped);
  EXPECT_EQ(order->lines().Find(1)->description, "Caf\xC3\xA9 beans 1 kg");
  EXPECT_EQ(order->placed_at()->seconds(), 1'709'289'000);  // 2024-03-01 10:30, its first time
  const auto timeline = TimelineOf(*shop_, "900002");
  ASSERT_TRUE(timeline.ok());
  orders::v1::OrderShipped shipped;
  ASSERT_TRUE(timeline->events(4).event().UnpackTo(&shipped));
  EXPECT_EQ(shipped.shipped_at().seconds(), 1'709'289'060);  // its last
}

TEST_F(ImportTest, RowsOfAnInvoiceNeedNotStandTogetherAndMayRepeat) {
  ASSERT_TRUE(ImportFile(SMALL_BOOK).ok());
  const auto order = shop_->orders.Load("900001");
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(order->customer_id(), "17850");
  EXPECT_EQ(order->lines().all().size(), 4u);
  EXPECT_EQ(order->lines().Find(4)->sku, "MILK-1");
}

TEST_F(ImportTest, ImportingAgainChangesNothing) {
  const auto first = ImportFile(SMALL_BOOK);
  const auto head = store_->Head();
  const auto again = ImportFile(SMALL_BOOK);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*store_->Head(), *head);
  EXPECT_TRUE(again->reconciled());
  EXPECT_EQ(again->new_orders(), 0);
  EXPECT_EQ(again->new_credit_notes(), 0);
  EXPECT_EQ(again->orders_total(), first->orders_total());
  EXPECT_EQ(Reasons(*again), Reasons(*first));
}

TEST_F(ImportTest, AnOrderThatIsNotWhatTheFileSaysIsFoundOut) {
  const auto placed = shop_->orders.Execute(
      "900001", [](Order& order) { return order.Place("somebody else", "GBP", std::nullopt); });
  ASSERT_TRUE(placed.ok());
  const auto report = ImportFile(SMALL_BOOK);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->reconciled());
  EXPECT_THAT(report->mismatched(), ElementsAre("900001"));
}

TEST_F(ImportTest, TakesFilesWithoutADateWithAMarkAndBareCustomers) {
  const auto report = ImportText(
      "\xEF\xBB\xBFInvoiceNo,StockCode,Description,Quantity,UnitPrice,CustomerID,Country\r\n"
      "1,A,Caf\xE9,2,2.55,17850,UK\r\n"
      "\r\n"
      "1,A,,1,x,17850,UK\r\n");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->orders_total(), "5.10");
  EXPECT_EQ(Reasons(*report), "4: the unit price cannot be read\n");
  const auto order = shop_->orders.Load("1");
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(order->customer_id(), "17850");
  EXPECT_FALSE(order->placed_at().has_value());
}

TEST_F(ImportTest, TakesTheDatesOfOtherCopiesOfTheData) {
  const auto report = ImportText(std::string(kHeader) +
                                 "1,A,,1,12/1/2010 8:26,1,,\n"
                                 "2,A,,1,2010-12-01 08:26:00,1,,\n"
                                 "3,A,,1,2010-02-30 08:26:00,1,,\n"
                                 "4,A,,1,infinite-future,1,,\n");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(Reasons(*report), "4: the date cannot be read\n5: the date cannot be read\n");
  EXPECT_EQ(shop_->orders.Load("1")->placed_at()->seconds(), 1'291'191'960);
  EXPECT_EQ(shop_->orders.Load("2")->placed_at()->seconds(), 1'291'191'960);
}

TEST_F(ImportTest, RowsThatCannotBeUnderstoodAreListedAndTheRestGoesOn) {
  const auto report = ImportText(std::string(kHeader) +
                                 "1,A,,1,,1.10,7,\n"
                                 "1,A,,1\n"
                                 ",A,,1,,1,7,\n"
                                 "../etc,A,,1,,1,7,\n"
                                 "1,A,,1,,1,8,\n"
                                 "1,,,1,,1,7,\n"
                                 "1,A,,99999999999999999999,,1,7,\n"
                                 "1,A,,9000000000,,9000000000,7,\n"
                                 "2,A,,1,,1," +
                                 std::string(200, 'c') + ",\n");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->reconciled());
  EXPECT_EQ(report->orders_total(), "1.10");
  EXPECT_EQ(Reasons(*report),
            "3: has 4 columns, not 8\n"
            "4: the invoice number cannot be a name\n"
            "5: the invoice number cannot be a name\n"
            "6: the invoice is another customer's\n"
            "7: the stock code is missing\n"
            "8: the quantity cannot be read\n"
            "9: the unit price cannot be read\n"
            "10: the customer is longer than 100 bytes\n");
}

TEST_F(ImportTest, ANulIsNoText) {
  using std::string_literals::operator""s;
  const auto report = ImportText(std::string(kHeader) +
                                 "1,A,a\0b,1,,1.10,7,\n"
                                 "1,A,a\tb,1,,1.10,7,\n"s);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(Reasons(*report), "2: the description holds a control character\n");
  EXPECT_EQ(report->orders_total(), "1.10");
  EXPECT_TRUE(report->reconciled());
}

TEST_F(ImportTest, WhatIsNoBookIsRefusedWhole) {
  EXPECT_THAT(std::string(ImportText("a,b\n1,2\n").status().message()), HasSubstr("InvoiceNo"));
  EXPECT_EQ(ImportText("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(ImportText(std::string(kHeader) + "1,\"A,,1,,1,,\n").status().message()),
              HasSubstr("line 2"));
  EXPECT_TRUE(absl::IsNotFound(ImportFile(folder_.File("nothing.csv")).status()));
  EXPECT_FALSE(ImportFile(folder_.path()).ok());
  EXPECT_EQ(*store_->Head(), daybook::Position(0));
}

#ifdef RETAIL_BOOK
TEST_F(ImportTest, ARealRetailersBookReconcilesToThePenny) {
  const auto report = ImportFile(RETAIL_BOOK);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->reconciled());
  EXPECT_EQ(report->rows(), 10'000);
  EXPECT_EQ(report->new_orders(), 424);
  EXPECT_EQ(report->new_credit_notes(), 43);
  EXPECT_EQ(report->refused_size(), 46);
  EXPECT_EQ(report->orders_total(), "184248.33");
  EXPECT_EQ(report->credit_notes_total(), "3580.58");
  EXPECT_EQ(report->file_total(), "180667.75");
  const auto head = store_->Head();
  const auto again = ImportFile(RETAIL_BOOK);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->reconciled());
  EXPECT_EQ(again->new_orders() + again->new_credit_notes(), 0);
  EXPECT_EQ(*store_->Head(), *head);
}
#endif

}  // namespace
}  // namespace shop::test
