// The service in a process of its own, over HTTP: what is refused, and how.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "samples/http_testing.h"
#include "samples/program.h"
#include "support/temp_dir.h"

namespace shop::test {
namespace {

using std::string_literals::operator""s;

class RefusalTest : public testing::Test {
 protected:
  // What was refused has left nothing behind, and the service is well.
  void TearDown() override {
    const auto health = Get(client_, "/health");
    EXPECT_EQ(health.status, 200);
    EXPECT_EQ(Parsed<api::v1::Health>(health).head(), head_);
  }

  daybook::test::TempDir folder_;
  Service service_{folder_.File("orders.db")};
  httplib::Client client_ = service_.Connect();
  int64_t head_ = 0;
};

TEST_F(RefusalTest, WhatBreaksARuleIs422) {
  const std::string order = PlaceTwoCups(client_);
  head_ = 2;
  EXPECT_THAT(Post(client_, "/orders", R"({"customerId":"ann"})"), IsProblem(422, "currency"));
  EXPECT_THAT(Post(client_, order + "/ship", R"({"carrier":"DHL"})"), IsProblem(422, "paid"));
  EXPECT_THAT(
      Post(client_, order + "/lines", R"({"sku":"JUG","quantity":-1,"unitPriceMinor":100})"),
      IsProblem(422, "quantity"));
  EXPECT_THAT(
      Post(client_, order + "/pay", R"({"amountMinor":501,"currency":"GBP","reference":"card-1"})"),
      IsProblem(422, "5.00 GBP"));
  EXPECT_THAT(Post(client_, order + "/lines",
                   R"({"sku":"JUG","quantity":3,"unitPriceMinor":9223372036854775807})"),
              IsProblem(422, "too large"));
  EXPECT_THAT(Put(client_, order + "/lines/1", R"({"quantity":0})"), IsProblem(422, "quantity"));
}

TEST_F(RefusalTest, OneBadLineOfANewOrderRefusesTheOrder) {
  EXPECT_THAT(
      Post(
          client_, "/orders",
          R"({"customerId":"ann","currency":"GBP","lines":[{"sku":"A","quantity":1,"unitPriceMinor":1},)"
          R"({"sku":"B","quantity":0,"unitPriceMinor":1}]})"),
      IsProblem(422, "quantity"));
}

TEST_F(RefusalTest, WhatIsNotThereIs404) {
  const std::string order = PlaceTwoCups(client_);
  head_ = 2;
  EXPECT_THAT(Get(client_, "/orders/nobody"), IsProblem(404, ""));
  EXPECT_THAT(Get(client_, "/orders/nobody/events"), IsProblem(404, ""));
  EXPECT_THAT(
      Post(client_, "/orders/nobody/lines", R"({"sku":"A","quantity":1,"unitPriceMinor":1})"),
      IsProblem(404, "order"));
  EXPECT_THAT(Put(client_, order + "/lines/7", R"({"quantity":1})"), IsProblem(404, "line 7"));
  EXPECT_THAT(Taken(client_.Delete(order + "/lines/x")), IsProblem(404, "line"));
  EXPECT_THAT(Get(client_, "/orders/%00%ff%0a"), IsProblem(404, ""));
  EXPECT_THAT(Get(client_, "/orders/" + std::string(7000, 'a')), IsProblem(404, ""));
  EXPECT_THAT(Get(client_, "/"), IsProblem(404, ""));
  EXPECT_THAT(Post(client_, "/credit-notes/nobody/issue", ""), IsProblem(404, "credit note"));
}

TEST_F(RefusalTest, WhatAPathDoesNotKnowIs405) {
  const auto refused = Put(client_, "/orders", "{}");
  EXPECT_THAT(refused, IsProblem(405, "GET, POST"));
  EXPECT_EQ(refused.get_header_value("Allow"), "GET, POST");
  EXPECT_THAT(Post(client_, "/health", ""), IsProblem(405, "GET"));
}

TEST_F(RefusalTest, WhatIsMalformedIs400) {
  const std::vector<std::string> bodies = {
      "not json",
      "{",
      "[]",
      "42",
      R"({"nobody":"knows this"})",
      R"({"currency":7, "lines": 3})",
      R"({"lines":[{"sku":"A","quantity":1e999,"unitPriceMinor":1}]})",
      R"({"lines":[{"sku":"A","quantity":1.5,"unitPriceMinor":1}]})",
      R"({"lines":[{"sku":"A","quantity":99999999999999999999,"unitPriceMinor":1}]})",
      "{\"customerId\":\"\xff\xfe\"}",
  };
  for (const std::string& body : bodies) {
    EXPECT_THAT(Post(client_, "/orders", body), IsProblem(400, "JSON")) << body.substr(0, 80);
  }
}

TEST_F(RefusalTest, DeepNestingIsRefused) {
  const std::string open(500'000, '[');
  const std::string close(500'000, ']');
  std::string objects;
  while (objects.size() < 1'000'000) objects += R"({"lines":)";
  for (const std::string& body : {open, open + close, R"({"lines":)" + open + close + "}",
                                  R"({"lines":)" + open, std::string(1'000'000, '{'), objects}) {
    const int status = Post(client_, "/orders", body).status;
    EXPECT_TRUE(status == 400 || status == 422) << status << ' ' << body.substr(0, 20);
  }
}

TEST_F(RefusalTest, TextsThatNoEventCouldHoldAreRefused) {
  EXPECT_THAT(Post(client_, "/orders", "{\"customerId\":\"a\0b\",\"currency\":\"GBP\"}"s),
              IsProblem(422, "control"));
  EXPECT_THAT(Post(client_, "/orders", R"({"customerId":"\u0007","currency":"GBP"})"),
              IsProblem(422, "control"));
  const auto refused = Post(client_, "/orders", R"({"customerId":"\ud800","currency":"GBP"})");
  EXPECT_TRUE(refused.status == 400 || refused.status == 422) << refused.status << refused.body;
}

TEST_F(RefusalTest, MalformedHeadersAre400) {
  const std::string long_value(300, 'k');
  EXPECT_THAT(Post(client_, "/orders", kTwoCups, {{"Idempotency-Key", long_value}}),
              IsProblem(400, "Idempotency-Key"));
  EXPECT_THAT(Post(client_, "/orders", kTwoCups, {{"Idempotency-Key", "\xff"}}),
              IsProblem(400, "Idempotency-Key"));
  EXPECT_THAT(Post(client_, "/orders", kTwoCups, {{"X-Correlation-Id", "\xc3\x28"}}),
              IsProblem(400, "X-Correlation-Id"));
  EXPECT_THAT(Get(client_, "/orders?limit=-1"), IsProblem(400, "limit"));
  EXPECT_THAT(Get(client_, "/orders?after=%0a"), IsProblem(400, "after"));
  EXPECT_THAT(Get(client_, "/orders?from=%0a"), IsProblem(400, "from"));
}

TEST_F(RefusalTest, AHeaderThatMaySayOneThingSaysOneThing) {
  const httplib::Headers twice = {{"Idempotency-Key", "a"}, {"Idempotency-Key", "b"}};
  EXPECT_THAT(Post(client_, "/orders", kTwoCups, twice), IsProblem(400, "more than once"));
  const httplib::Headers versions = {{"If-Match", "\"1\""}, {"If-Match", "\"2\""}};
  EXPECT_THAT(Post(client_, "/orders", kTwoCups, versions), IsProblem(400, "more than once"));
}

TEST_F(RefusalTest, WhatIsNotJsonIs415) {
  for (const char* type : {"text/plain", "application/jsonX", "application/json-patch+json",
                           "application/", "json", "text/plain; application/json"}) {
    EXPECT_THAT(Taken(client_.Post("/orders", kTwoCups, type)), IsProblem(415, "json")) << type;
  }
  for (const char* type : {"application/json", "Application/JSON",
                           "application/json; charset=utf-8", "application/json ;charset=utf-8"}) {
    EXPECT_EQ(Taken(client_.Post("/orders", kTwoCups, type)).status, 201) << type;
    head_ += 2;
  }
}

TEST_F(RefusalTest, WhatIsMissingOrContradictsItselfIs400) {
  EXPECT_THAT(Post(client_, "/orders", R"({"currency":"GBP"})"), IsProblem(400, "customerId"));
  EXPECT_THAT(Post(client_, "/credit-notes", R"({"currency":"GBP"})"),
              IsProblem(400, "neither orderId nor customerId"));
  const std::string id = PlaceTwoCups(client_).substr(8);
  head_ = 2;
  for (const char* beside : {R"("customerId":"bob")", R"("currency":"EUR")"}) {
    const std::string body = R"({"orderId":")" + id + "\"," + beside + "}";
    EXPECT_THAT(Post(client_, "/credit-notes", body), IsProblem(400, "another customer's")) << body;
  }
}

TEST_F(RefusalTest, ABodyWhoseLengthIsNotToldIs411) {
  const std::string request =
      "POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n";
  EXPECT_THAT(Answered(service_.port(), request + "\r\n" + kTwoCups),
              testing::StartsWith("HTTP/1.1 411"));
  for (const char* length : {"", "Content-Length: 5000\r\n"}) {
    // Who has hung up may or may not see the answer.
    EXPECT_THAT(Answered(service_.port(), request + length + "\r\n" + kTwoCups, true),
                testing::AnyOf("", testing::StartsWith("HTTP/1.1 4")));
  }
}

TEST_F(RefusalTest, ABodyBeyondAMebibyteIs413) {
  EXPECT_THAT(Post(client_, "/orders", std::string((1 << 20) + 1, ' ')),
              IsProblem(413, "too large"));
}

TEST_F(RefusalTest, ALargeBodyIs413AlsoWithoutALengthOrPackedOrUnderAnyPath) {
  const std::string piece(1 << 16, ' ');
  for (const char* path : {"/orders", "/nowhere"}) {
    int pieces = 64;
    const auto refused = Taken(client_.Post(
        path, {},
        [&](size_t, httplib::DataSink& sink) {
          sink.write(piece.data(), piece.size());
          if (--pieces == 0) sink.done();
          return true;
        },
        "application/json"));
    EXPECT_THAT(refused, IsProblem(413, "too large")) << path;
  }
  client_.set_compress(true);
  EXPECT_THAT(Post(client_, "/orders", std::string(64 << 20, ' ')), IsProblem(413, "too large"));
}

TEST_F(RefusalTest, AFormIs415) {
  EXPECT_THAT(Taken(client_.Post("/orders",
                                 httplib::MultipartFormDataItems{{"customerId", "ann", "", ""}})),
              IsProblem(415, "json"));
}

TEST_F(RefusalTest, ABodyForNobodyIsNotTakenForTheNextRequest) {
  EXPECT_THAT(Post(client_, "/nowhere", "GET /health HTTP/1.1\r\n\r\n"), IsProblem(404, ""));
  EXPECT_THAT(Taken(client_.Patch("/orders", "{}", "application/json")), IsProblem(405, "GET"));
  EXPECT_EQ(Parsed<api::v1::Health>(Get(client_, "/health")).status(), "ok");
}

}  // namespace
}  // namespace shop::test
