// The service in a process of its own, over HTTP: what works.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "samples/http_testing.h"
#include "samples/program.h"
#include "support/temp_dir.h"

namespace shop::test {
namespace {

class ServiceTest : public testing::Test {
 protected:
  void Restart() {
    service_->Signal(SIGTERM);
    ASSERT_EQ(service_->Wait(), 0);
    service_ = std::make_unique<Service>(folder_.File("orders.db"));
  }

  daybook::test::TempDir folder_;
  std::unique_ptr<Service> service_ = std::make_unique<Service>(folder_.File("orders.db"));
  httplib::Client client_ = service_->Connect();
};

TEST_F(ServiceTest, AnOrderGoesFromItsFirstLineToTheDoor) {
  const auto placed = Post(client_, "/orders", R"({"customerId":"ann","currency":"GBP"})");
  ASSERT_EQ(placed.status, 201) << placed.body;
  EXPECT_EQ(placed.get_header_value("ETag"), "\"1\"");
  EXPECT_EQ(placed.get_header_value("Daybook-Position"), "1");
  const std::string order = placed.get_header_value("Location");

  const std::vector<httplib::Response> steps = {
      Post(client_, order + "/lines", R"({"sku":"CUP","quantity":2,"unitPriceMinor":"250"})"),
      Post(client_, order + "/lines", R"({"sku":"JUG","quantity":1,"unitPriceMinor":100})"),
      Put(client_, order + "/lines/1", R"({"quantity":3})"),
      Taken(client_.Delete(order + "/lines/2")),
      Post(client_, order + "/pay", R"({"amountMinor":750,"currency":"GBP","reference":"card-1"})"),
      Post(client_, order + "/ship", R"({"carrier":"DHL","tracking":"T1"})"),
      Post(client_, order + "/deliver", R"({"receivedBy":"ann"})"),
  };
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].status, 200) << steps[i].body;
    EXPECT_EQ(steps[i].get_header_value("ETag"), "\"" + std::to_string(i + 2) + "\"");
    EXPECT_EQ(steps[i].get_header_value("Daybook-Position"), std::to_string(i + 2));
  }

  const auto shown = Get(client_, order);
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.get_header_value("ETag"), "\"8\"");
  EXPECT_EQ(shown.body, steps.back().body);
  const auto view = Parsed<api::v1::Order>(shown);
  EXPECT_EQ(view.status(), "delivered");
  EXPECT_EQ(view.total_minor(), 750);
  EXPECT_EQ(view.version(), 8);
  ASSERT_EQ(view.lines_size(), 1);
  EXPECT_EQ(view.lines(0).quantity(), 3);
}

TEST_F(ServiceTest, AnOrderIsCancelled) {
  const std::string order = PlaceTwoCups(client_);
  const auto cancelled = Post(client_, order + "/cancel", R"({"reason":"too slow"})");
  EXPECT_EQ(cancelled.status, 200);
  EXPECT_EQ(Parsed<api::v1::Order>(cancelled).status(), "cancelled");
}

TEST_F(ServiceTest, ShowsAnOrderAsItWas) {
  const std::string order = PlaceTwoCups(client_);
  Post(client_, order + "/cancel", R"({"reason":"too slow"})");
  const auto then = Get(client_, order + "?version=2");
  EXPECT_EQ(then.status, 200);
  EXPECT_EQ(then.get_header_value("ETag"), "\"2\"");
  EXPECT_EQ(Parsed<api::v1::Order>(then).status(), "open");
  EXPECT_EQ(Parsed<api::v1::Order>(Get(client_, order)).status(), "cancelled");
  EXPECT_THAT(Get(client_, order + "?version=4"), IsProblem(404, ""));
  EXPECT_THAT(Get(client_, order + "?version=0"), IsProblem(404, ""));
  EXPECT_THAT(Get(client_, order + "?version=two"), IsProblem(400, "version"));
  EXPECT_THAT(Get(client_, order + "?version=99999999999999999999"), IsProblem(400, "version"));
}

TEST_F(ServiceTest, ShowsTheDecodedHistoryWithWhoAndWhy) {
  const auto placed =
      Post(client_, "/orders", kTwoCups,
           {{"X-Correlation-Id", "talk-7"},
            {"X-Actor", "ann"},
            {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}});
  EXPECT_EQ(placed.get_header_value("X-Correlation-Id"), "talk-7");
  const auto shown = Get(client_, placed.get_header_value("Location") + "/events");
  ASSERT_EQ(shown.status, 200) << shown.body;
  const auto history = Parsed<api::v1::History>(shown);
  ASSERT_EQ(history.events_size(), 2);
  EXPECT_EQ(history.version(), 2);
  EXPECT_EQ(history.events(0).event().type_url(), "type.googleapis.com/shop.orders.v1.OrderPlaced");
  EXPECT_THAT(shown.body, testing::HasSubstr(R"("sku":"CUP-6")"));
  EXPECT_EQ(history.events(1).version(), 2);
  EXPECT_EQ(history.events(1).position(), 2);
  EXPECT_EQ(history.events(1).id().size(), 36u);
  EXPECT_GT(history.events(1).recorded_at().seconds(), 1'600'000'000);
  EXPECT_EQ(history.events(1).metadata().correlation_id(), "talk-7");
  EXPECT_EQ(history.events(1).metadata().actor(), "ann");
  EXPECT_EQ(history.events(1).metadata().traceparent().substr(0, 5), "00-0a");
}

TEST_F(ServiceTest, AHistoryComesInPages) {
  const std::string order = PlaceTwoCups(client_);
  for (int i = 0; i < 3; ++i) {
    Post(client_, order + "/lines", R"({"sku":"JUG","quantity":1,"unitPriceMinor":100})");
  }
  std::vector<int64_t> versions;
  std::string after = "0";
  int pages = 0;
  do {
    const auto page =
        Parsed<api::v1::History>(Get(client_, order + "/events?limit=2&after=" + after));
    for (const auto& event : page.events()) versions.push_back(event.version());
    after = std::to_string(page.next_after());
    ++pages;
  } while (after != "0");
  EXPECT_THAT(versions, testing::ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(pages, 3);
}

TEST_F(ServiceTest, ListsOrdersInPages) {
  std::set<std::string> placed;
  for (int i = 0; i < 3; ++i) placed.insert(PlaceTwoCups(client_).substr(8));
  std::set<std::string> listed;
  std::string path = "/orders?limit=2";
  for (int page = 0; page < 2; ++page) {
    const auto ids = Parsed<api::v1::Ids>(Get(client_, path));
    listed.insert(ids.ids().begin(), ids.ids().end());
    path = "/orders?limit=2&from=" + ids.next_from();
  }
  EXPECT_EQ(listed, placed);
}

TEST_F(ServiceTest, GoodsComeBackForACreditNote) {
  const std::string order = PlaceTwoCups(client_);
  const std::string open = R"({"orderId":")" + order.substr(8) +
                           R"(","items":[{"sku":"CUP-6","quantity":1,"unitPriceMinor":250}]})";
  EXPECT_THAT(Post(client_, "/credit-notes", open), IsProblem(422, "shipped"));
  Post(client_, order + "/pay", R"({"amountMinor":500,"currency":"GBP","reference":"card-1"})");
  Post(client_, order + "/ship", R"({"carrier":"DHL"})");

  const auto opened = Post(client_, "/credit-notes", open);
  ASSERT_EQ(opened.status, 201) << opened.body;
  const std::string note = opened.get_header_value("Location");
  EXPECT_THAT(Post(client_, note + "/items", R"({"sku":"X","quantity":1,"unitPriceMinor":251})"),
              IsProblem(422, "5.00 GBP"));
  EXPECT_EQ(Post(client_, note + "/issue", "").status, 200);
  EXPECT_EQ(Post(client_, note + "/refund", R"({"reference":"bank-1"})").status, 200);
  const auto view = Parsed<api::v1::CreditNote>(Get(client_, note));
  EXPECT_EQ(view.status(), "refunded");
  EXPECT_EQ(view.total_minor(), 250);
  EXPECT_EQ(Parsed<api::v1::History>(Get(client_, note + "/events")).events_size(), 4);
}

TEST_F(ServiceTest, AnUnchangedOrderIsNotSentAgain) {
  const std::string order = PlaceTwoCups(client_);
  const auto same = Get(client_, order, {{"If-None-Match", "\"2\""}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(Get(client_, order, {{"If-None-Match", "\"1\""}}).status, 200);
}

TEST_F(ServiceTest, AnAnswerIsWholeWhateverRangeIsAsked) {
  const httplib::Headers range = {{"Range", "bytes=0-9"}};
  const auto placed = Post(client_, "/orders", kTwoCups, range);
  EXPECT_EQ(placed.status, 201);
  const std::string order = placed.get_header_value("Location");
  EXPECT_EQ(placed.body, Get(client_, order).body);
  for (const char* bytes : {"bytes=0-9", "bytes=5-", "bytes=-5", "bytes=0-1,3-4"}) {
    const auto shown = Get(client_, order, {{"Range", bytes}});
    EXPECT_EQ(shown.status, 200) << bytes;
    EXPECT_EQ(shown.body, placed.body) << bytes;
    EXPECT_FALSE(shown.has_header("Content-Range")) << bytes;
  }
}

TEST_F(ServiceTest, AnOrderIsCreditedOnceHoweverManyNotesItHas) {
  const std::string order = PlaceTwoCups(client_);
  Post(client_, order + "/pay", R"({"amountMinor":500,"currency":"GBP","reference":"card-1"})");
  Post(client_, order + "/ship", R"({"carrier":"DHL"})");
  const auto returned = [&](int quantity) {
    return R"({"orderId":")" + order.substr(8) + R"(","items":[{"sku":"CUP-6","quantity":)" +
           std::to_string(quantity) + R"(,"unitPriceMinor":250}]})";
  };
  const auto first = Post(client_, "/credit-notes", returned(1), {{"Idempotency-Key", "one"}});
  ASSERT_EQ(first.status, 201) << first.body;
  const std::string note = first.get_header_value("Location");
  EXPECT_THAT(Post(client_, "/credit-notes", returned(1)), IsProblem(422, "issue it first"));
  EXPECT_EQ(Post(client_, note + "/issue", "").status, 200);
  EXPECT_THAT(Post(client_, "/credit-notes", returned(2)), IsProblem(422, "2.50 GBP"));
  // A repetition is still answered as it was.
  EXPECT_EQ(Post(client_, "/credit-notes", returned(1), {{"Idempotency-Key", "one"}}).body,
            first.body);
  const auto second = Post(client_, "/credit-notes", returned(1));
  ASSERT_EQ(second.status, 201) << second.body;
  EXPECT_NE(second.get_header_value("Location"), note);
  EXPECT_EQ(Post(client_, second.get_header_value("Location") + "/issue", "").status, 200);
  EXPECT_THAT(Post(client_, "/credit-notes", returned(1)), IsProblem(422, "credited in full"));
}

TEST_F(ServiceTest, NotesOpenedByManyAtOnceNeverExceedTheirOrder) {
  const std::string order = PlaceTwoCups(client_);
  Post(client_, order + "/pay", R"({"amountMinor":500,"currency":"GBP","reference":"card-1"})");
  Post(client_, order + "/ship", R"({"carrier":"DHL"})");
  {
    std::vector<std::jthread> clerks;
    for (int i = 0; i < 6; ++i) {
      clerks.emplace_back([&] {
        httplib::Client client = service_->Connect();
        for (int again = 0; again < 5; ++again) {
          const auto opened =
              Post(client, "/credit-notes",
                   R"({"orderId":")" + order.substr(8) +
                       R"(","items":[{"sku":"C","quantity":1,"unitPriceMinor":200}]})");
          if (opened.status != 201) continue;
          Post(client, opened.get_header_value("Location") + "/issue", "");
        }
      });
    }
  }
  int64_t credited = 0;
  const auto notes = Parsed<api::v1::Ids>(Get(client_, "/credit-notes"));
  for (const std::string& id : notes.ids()) {
    credited += Parsed<api::v1::CreditNote>(Get(client_, "/credit-notes/" + id)).total_minor();
  }
  EXPECT_EQ(credited, 400);
}

TEST_F(ServiceTest, AStaleIfMatchIs412AndWritesNothing) {
  const std::string order = PlaceTwoCups(client_);
  const std::string line = R"({"sku":"JUG","quantity":1,"unitPriceMinor":100})";
  EXPECT_EQ(Post(client_, order + "/lines", line, {{"If-Match", "\"2\""}}).status, 200);
  EXPECT_THAT(Post(client_, order + "/lines", line, {{"If-Match", "\"2\""}}), IsProblem(412, ""));
  EXPECT_THAT(Post(client_, order + "/lines", line, {{"If-Match", "\"abc\""}}), IsProblem(412, ""));
  EXPECT_THAT(Post(client_, order + "/lines", line, {{"If-Match", "3"}}), IsProblem(400, "quotes"));
  EXPECT_EQ(Parsed<api::v1::Order>(Get(client_, order)).version(), 3);
}

TEST_F(ServiceTest, ARepeatedKeyGetsTheFirstAnswerAlsoAfterARestart) {
  const httplib::Headers key = {{"Idempotency-Key", "\"8e03978e\""}};
  const auto first = Post(client_, "/orders", kTwoCups, key);
  ASSERT_EQ(first.status, 201);
  const std::string order = first.get_header_value("Location");
  Post(client_, order + "/lines", R"({"sku":"JUG","quantity":1,"unitPriceMinor":100})");

  Restart();
  httplib::Client client = service_->Connect();
  const auto again = Post(client, "/orders", kTwoCups, key);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  for (const char* header : {"Location", "ETag", "Daybook-Position"}) {
    EXPECT_EQ(again.get_header_value(header), first.get_header_value(header)) << header;
  }
  EXPECT_EQ(Parsed<api::v1::Ids>(Get(client, "/orders")).ids_size(), 1);
}

TEST_F(ServiceTest, ARepeatedKeyWorksOnEveryWrite) {
  const std::string order = PlaceTwoCups(client_);
  const httplib::Headers key = {{"Idempotency-Key", "line-1"}, {"If-Match", "\"2\""}};
  const std::string line = R"({"sku":"JUG","quantity":1,"unitPriceMinor":100})";
  const auto first = Post(client_, order + "/lines", line, key);
  const auto again = Post(client_, order + "/lines", line, key);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(Parsed<api::v1::Order>(Get(client_, order)).version(), 3);
}

TEST_F(ServiceTest, AKeyThatCameWithAnotherRequestIs422) {
  const httplib::Headers key = {{"Idempotency-Key", "key-1"}};
  ASSERT_EQ(Post(client_, "/orders", kTwoCups, key).status, 201);
  EXPECT_THAT(Post(client_, "/orders", R"({"customerId":"bob","currency":"GBP"})", key),
              IsProblem(422, "different request"));
  EXPECT_THAT(Post(client_, "/credit-notes", kTwoCups, key), IsProblem(400, ""));
  EXPECT_THAT(Post(client_, "/credit-notes", R"({"customerId":"bob","currency":"GBP"})", key),
              IsProblem(422, "different request"));
  EXPECT_EQ(Parsed<api::v1::Ids>(Get(client_, "/credit-notes")).ids_size(), 0);
}

TEST_F(ServiceTest, OneKeySentByManyAtOncePlacesOneOrder) {
  std::vector<std::string> locations(8);
  {
    std::vector<std::jthread> customers;
    for (std::string& location : locations) {
      customers.emplace_back([this, &location] {
        httplib::Client client = service_->Connect();
        location = Post(client, "/orders", kTwoCups, {{"Idempotency-Key", "one"}})
                       .get_header_value("Location");
      });
    }
  }
  EXPECT_THAT(locations, testing::Each(locations[0]));
  const auto ids = Parsed<api::v1::Ids>(Get(client_, "/orders"));
  ASSERT_EQ(ids.ids_size(), 1);
  EXPECT_EQ("/orders/" + ids.ids(0), locations[0]);
}

TEST_F(ServiceTest, ARefusalIsNotRemembered) {
  const std::string order = PlaceTwoCups(client_);
  const httplib::Headers key = {{"Idempotency-Key", "ship-1"}};
  EXPECT_THAT(Post(client_, order + "/ship", R"({"carrier":"DHL"})", key), IsProblem(422, "paid"));
  Post(client_, order + "/pay", R"({"amountMinor":500,"currency":"GBP","reference":"card-1"})");
  EXPECT_EQ(Post(client_, order + "/ship", R"({"carrier":"DHL"})", key).status, 200);
}

TEST_F(ServiceTest, TellsItsHealth) {
  PlaceTwoCups(client_);
  const auto health = Get(client_, "/health");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(Parsed<api::v1::Health>(health).status(), "ok");
  EXPECT_EQ(Parsed<api::v1::Health>(health).head(), 2);
}

TEST_F(ServiceTest, ListensOnTheLoopbackOnly) {
  EXPECT_EQ(service_->url().rfind("http://127.0.0.1:", 0), 0u);
  httplib::Client elsewhere("127.0.0.2", service_->port());
  EXPECT_FALSE(elsewhere.Get("/health"));
}

}  // namespace
}  // namespace shop::test
