// The order list and the revenue report: by themselves over an imported book, and as served.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "daybook/sqlite_event_store.h"
#include "import/import.h"
#include "readmodel/order_list.h"
#include "readmodel/revenue.h"
#include "samples/http_testing.h"
#include "samples/program.h"
#include "shop.h"
#include "support/temp_dir.h"

namespace shop::test {
namespace {

using testing::ElementsAre;

// Pennies by day and country.
using Revenues = std::map<std::tuple<std::string, std::string>, int64_t>;

Revenues In(const api::v1::RevenueReport& report) {
  Revenues revenues;
  for (const auto& day : report.days()) {
    revenues[{day.day(), day.country()}] += day.revenue_minor();
  }
  return revenues;
}

std::string TotalOf(const api::v1::RevenueReport& report) {
  if (report.totals_size() != 1) return "not one currency";
  return Decimal::FromHundredths(report.totals(0).revenue_minor()).ToString();
}

std::string Imported(const api::v1::ImportReport& report) {
  return Decimal::Parse(report.orders_total())
      ->Plus(*Decimal::Parse(report.credit_notes_total())->Times(-1))
      ->ToString();
}

// What the accepted rows of the file add up to.
Revenues In(const RetailBook& book, const api::v1::ImportReport& report) {
  std::set<int64_t> refused;
  for (const auto& row : report.refused()) refused.insert(row.line());
  Revenues revenues;
  for (const Invoice& invoice : book.invoices) {
    const std::string day = absl::FormatTime(
        "%Y-%m-%d", absl::FromUnixSeconds(invoice.last_at->seconds()), absl::UTCTimeZone());
    for (const BookRow& row : invoice.rows) {
      if (refused.count(row.line) != 0) continue;
      revenues[{day, invoice.country}] += *row.amount.Hundredths();
    }
  }
  return revenues;
}

class ReadModelTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = daybook::SqliteEventStore::Open({.path = folder_.File("orders.db")});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  void ImportBook(const std::string& path) {
    Shop shop(*store_);
    auto book = ReadRetailBook(path);
    ASSERT_TRUE(book.ok()) << book.status();
    book_ = *std::move(book);
    auto report = Import(shop, book_);
    ASSERT_TRUE(report.ok()) << report.status();
    report_ = *std::move(report);
  }

  daybook::SqliteProjection Revenue() {
    return {*store_, RevenueOptions(folder_.path()), RevenueHandlers()};
  }

  static api::v1::RevenueReport Report(const daybook::SqliteProjection& revenue,
                                       const RevenueQuery& query = {}) {
    daybook::ProjectionReader reader = revenue.Reader();
    const auto report = ReportRevenue(reader, query);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(api::v1::RevenueReport());
  }

  daybook::test::TempDir folder_;
  std::unique_ptr<daybook::SqliteEventStore> store_;
  RetailBook book_;
  api::v1::ImportReport report_;
};

TEST_F(ReadModelTest, TheRevenueOfTheSmallBookByDayAndCountry) {
  ImportBook(SMALL_BOOK);
  auto revenue = Revenue();
  ASSERT_TRUE(revenue.CatchUp().ok());
  EXPECT_EQ(In(Report(revenue)), (Revenues{{{"2024-03-01", "France"}, 218'70},
                                           {{"2024-03-01", "United Kingdom"}, 225'80},
                                           {{"2024-03-02", "Germany"}, 45'00},
                                           {{"2024-03-03", "United Kingdom"}, -31'25}}));
  EXPECT_EQ(TotalOf(Report(revenue)), "458.25");
  EXPECT_EQ(TotalOf(Report(revenue, {.from = "2024-03-02", .to = "2024-03-02"})), "45.00");
  EXPECT_EQ(TotalOf(Report(revenue, {.country = "United Kingdom"})), "194.55");
}

#ifdef RETAIL_BOOK
TEST_F(ReadModelTest, ARealRetailersRevenueIsThatOfTheFileAlsoAfterARebuild) {
  // given
  ImportBook(RETAIL_BOOK);
  auto revenue = Revenue();
  // when
  ASSERT_TRUE(revenue.CatchUp().ok());
  // then
  EXPECT_EQ(In(Report(revenue)), In(book_, report_));
  EXPECT_EQ(TotalOf(Report(revenue)), "180667.75");
  EXPECT_EQ(TotalOf(Report(revenue)), Imported(report_));
  // when
  ASSERT_TRUE(revenue.Rebuild().ok());
  ASSERT_TRUE(revenue.CatchUp().ok());
  // then
  EXPECT_EQ(daybook::GetProjection(*store_, kRevenue)->version, 2);
  EXPECT_EQ(In(Report(revenue)), In(book_, report_));
}

TEST_F(ReadModelTest, TheServedRevenueIsThatOfTheFileHoweverOftenTheServiceIsKilled) {
  // given
  ImportBook(RETAIL_BOOK);
  const std::string head = std::to_string(store_->Head()->value());
  store_.reset();
  // when: killed as soon as it listens, while it fills its read models
  for (int kill = 0; kill < 5; ++kill) {
    Service service(folder_.File("orders.db"));
    service.Signal(SIGKILL);
    service.Wait();
  }
  // then
  Service service(folder_.File("orders.db"));
  httplib::Client client = service.Connect();
  httplib::Response answer;
  do {
    answer = Get(client, "/reports/revenue?after=" + head);
  } while (answer.status == 503);  // those killed hold their leases for some seconds
  const auto report = Parsed<api::v1::RevenueReport>(answer);
  EXPECT_EQ(In(report), In(book_, report_));
  EXPECT_EQ(TotalOf(report), Imported(report_));
}
#endif

TEST_F(ReadModelTest, AModelIsMadeAnewWhileItIsServedAndWhileNobodyServesIt) {
  // given
  ImportBook(SMALL_BOOK);
  const std::string db = folder_.File("orders.db");
  const std::string head = std::to_string(store_->Head()->value());
  {
    Service service(db);
    httplib::Client client = service.Connect();
    EXPECT_EQ(Get(client, "/reports/revenue?after=" + head).status, 200);
    // when
    const Ended ended =
        RunProgram({"subscriptions", "rebuild", "revenue", "--db", db}, folder_.path());
    // then
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    EXPECT_EQ(daybook::GetProjection(*store_, kRevenue)->version, 2);
    EXPECT_EQ(In(Parsed<api::v1::RevenueReport>(Get(client, "/reports/revenue?after=" + head))),
              In(book_, report_));
    service.Signal(SIGTERM);
    EXPECT_EQ(service.Wait(), 0);
  }
  const Ended ended =
      RunProgram({"subscriptions", "rebuild", "revenue@v2", "--db", db}, folder_.path());
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_EQ(daybook::GetProjection(*store_, kRevenue)->version, 3);
  EXPECT_EQ(
      RunProgram({"subscriptions", "rebuild", "nothing", "--db", db}, folder_.path()).exit_code, 1);
}

TEST_F(ReadModelTest, TheOrderListFollowsEveryStepOfAnOrder) {
  // given
  Shop shop(*store_);
  daybook::SqliteProjection model(*store_, OrderListOptions(folder_.path()), OrderListHandlers());
  daybook::ProjectionReader reader = model.Reader();
  const auto listed = [&](const OrderListQuery& query) {
    EXPECT_TRUE(model.CatchUp().ok());
    const auto list = ListOrders(reader, query);
    EXPECT_TRUE(list.ok()) << list.status();
    std::vector<std::string> orders;
    for (const auto& order : list->orders()) {
      orders.push_back(order.id() + " " + order.status() + " " + order.customer_id() + " " +
                       std::to_string(order.total_minor()));
    }
    return orders;
  };
  const auto run = [&](const std::string& id, auto command) {
    ASSERT_TRUE(shop.orders.Execute(id, command).ok());
  };
  // when
  for (const std::string id : {"1", "2", "3"}) {
    run(id, [](Order& order) { return order.Place("ann", "GBP", std::nullopt, "France"); });
    run(id, [](Order& order) {
      return order.AddLine({.sku = "CUP", .quantity = 2, .unit_price_minor = 250});
    });
  }
  run("2", [](Order& order) { return order.ChangeQuantity(1, 5); });
  run("2", [](Order& order) { return order.Pay(1250, "GBP", "card", std::nullopt); });
  run("3", [](Order& order) { return order.RemoveLine(1); });
  // then
  EXPECT_THAT(listed({}), ElementsAre("1 open ann 500", "2 paid ann 1250", "3 open ann 0"));
  EXPECT_THAT(listed({.status = "open"}), ElementsAre("1 open ann 500", "3 open ann 0"));
  EXPECT_THAT(listed({.status = "open", .behind = "1"}), ElementsAre("3 open ann 0"));
  EXPECT_THAT(listed({.status = "open", .customer = "bob"}), ElementsAre());
  EXPECT_THAT(listed({.customer = "ann", .limit = 2}),
              ElementsAre("1 open ann 500", "2 paid ann 1250"));
  run("2", [](Order& order) { return order.Ship("DHL", "", std::nullopt); });
  EXPECT_THAT(listed({.status = "shipped"}), ElementsAre("2 shipped ann 1250"));
  run("2", [](Order& order) { return order.Deliver("ann", std::nullopt); });
  run("1", [](Order& order) { return order.Cancel("too slow", std::nullopt); });
  EXPECT_THAT(listed({}),
              ElementsAre("1 cancelled ann 500", "2 delivered ann 1250", "3 open ann 0"));
}

class ReadModelServiceTest : public testing::Test {
 protected:
  std::string Placed(const std::string& customer) {
    const auto placed =
        Post(client_, "/orders",
             R"({"customerId":")" + customer + R"(","currency":"GBP","country":"France","lines":)" +
                 R"([{"sku":"CUP-6","quantity":2,"unitPriceMinor":250}]})");
    after_ = placed.get_header_value("Daybook-Position");
    return placed.get_header_value("Location");
  }

  daybook::test::TempDir folder_;
  Service service_{folder_.File("orders.db")};
  httplib::Client client_ = service_.Connect();
  std::string after_;
};

TEST_F(ReadModelServiceTest, AWriteIsSeenByWhoAsksForItsPosition) {
  for (int i = 0; i < 20; ++i) {
    const std::string order = Placed("ann");
    const auto paid =
        Post(client_, order + "/pay", R"({"amountMinor":500,"currency":"GBP","reference":"c"})");
    const std::string after = paid.get_header_value("Daybook-Position");
    const auto list =
        Parsed<api::v1::OrderList>(Get(client_, "/orders?status=paid&after=" + after));
    EXPECT_EQ(list.orders_size(), i + 1);
    const auto report =
        Parsed<api::v1::RevenueReport>(Get(client_, "/reports/revenue?after=" + after));
    ASSERT_EQ(report.totals_size(), 1);
    EXPECT_EQ(report.totals(0).revenue_minor(), 500 * (i + 1));
    EXPECT_EQ(report.days(0).country(), "France");
  }
}

TEST_F(ReadModelServiceTest, TheHealthTellsOfThem) {
  Placed("ann");
  Get(client_, "/orders?after=" + after_);
  Get(client_, "/reports/revenue?after=" + after_);
  const auto health = Parsed<api::v1::Health>(Get(client_, "/health"));
  ASSERT_EQ(health.read_models_size(), 2);
  for (const api::v1::ReadModel& model : health.read_models()) {
    EXPECT_EQ(model.state(), "running") << model.name();
    EXPECT_EQ(model.checkpoint(), health.head()) << model.name();
    EXPECT_EQ(model.error(), "") << model.name();
  }
}

TEST_F(ReadModelServiceTest, ARefundAndACreditNoteAreSubtracted) {
  const std::string cancelled = Placed("ann");
  const std::string returned = Placed("bob");
  for (const std::string& order : {cancelled, returned}) {
    Post(client_, order + "/pay", R"({"amountMinor":500,"currency":"GBP","reference":"c"})");
  }
  Post(client_, cancelled + "/cancel", R"({"reason":"too slow"})");
  Post(client_, returned + "/ship", R"({"carrier":"DHL"})");
  const auto note = Post(client_, "/credit-notes",
                         R"({"orderId":")" + returned.substr(8) +
                             R"(","items":[{"sku":"CUP-6","quantity":1,"unitPriceMinor":250}]})");
  const auto issued = Post(client_, note.get_header_value("Location") + "/issue", "");
  const auto report =
      Parsed<api::v1::RevenueReport>(Get(client_, "/reports/revenue?country=France&after=" +
                                                      issued.get_header_value("Daybook-Position")));
  ASSERT_EQ(report.totals_size(), 1);
  EXPECT_EQ(report.totals(0).paid_minor(), 1000);
  EXPECT_EQ(report.totals(0).given_back_minor(), 750);
  EXPECT_EQ(report.totals(0).revenue_minor(), 250);
}

TEST_F(ReadModelServiceTest, TheListComesInPages) {
  std::set<std::string> placed;
  for (int i = 0; i < 5; ++i) placed.insert(Placed("ann & bob").substr(8));
  Placed("cyd");
  std::set<std::string> listed;
  std::string path = "/orders?customer=ann%20%26%20bob&limit=2&after=" + after_;
  int pages = 0;
  for (; !path.empty() && pages < 10; ++pages) {
    const auto page = Parsed<api::v1::OrderList>(Get(client_, path));
    for (const auto& order : page.orders()) listed.insert(order.id());
    path = page.next();
  }
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(listed, placed);
}

TEST_F(ReadModelServiceTest, WhatCannotBeAskedIsRefused) {
  EXPECT_THAT(Get(client_, "/orders?status=lost"), IsProblem(400, "status"));
  EXPECT_THAT(Get(client_, "/orders?status=open&after=abc"), IsProblem(400, "after"));
  EXPECT_THAT(Get(client_, "/orders?customer=%ff"), IsProblem(400, "customer"));
  EXPECT_THAT(Get(client_, "/orders?status=open&from=/"), IsProblem(400, "from"));
  EXPECT_THAT(Get(client_, "/reports/revenue?from=yesterday"), IsProblem(400, "from"));
  EXPECT_THAT(Get(client_, "/reports/revenue?to=2024-02-30"), IsProblem(400, "to"));
  EXPECT_THAT(Get(client_, "/reports/nothing"), IsProblem(404, ""));
}

}  // namespace
}  // namespace shop::test
