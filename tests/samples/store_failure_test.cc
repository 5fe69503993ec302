// What the service answers when the store cannot do what it should.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "api/http_server.h"
#include "daybook/sqlite_event_store.h"
#include "make_status.h"
#include "samples/http_testing.h"
#include "shop.h"
#include "support/temp_dir.h"
#include "support/watched_store.h"

namespace shop::test {
namespace {

std::unique_ptr<daybook::SqliteEventStore> OpenStore(const daybook::test::TempDir& folder) {
  auto store = daybook::SqliteEventStore::Open({.path = folder.File("orders.db")});
  if (!store.ok()) throw std::runtime_error(store.status().ToString());
  return *std::move(store);
}

class StoreFailureTest : public testing::Test {
 protected:
  void SetUp() override {
    auto server = HttpServer::Start(shop_, [this] { return health_; }, {});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    client_ = std::make_unique<httplib::Client>(server_->url());
    client_->set_keep_alive(true);
  }

  daybook::test::TempDir folder_;
  std::unique_ptr<daybook::SqliteEventStore> store_ = OpenStore(folder_);
  daybook::test::WatchedStore watched_{*store_};
  Shop shop_{watched_};
  daybook::StoreHealth health_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<httplib::Client> client_;
};

TEST_F(StoreFailureTest, AConflictThatIsLeftAfterAllRetriesIs409) {
  const std::string order = PlaceTwoCups(*client_);
  Shop other(*store_);
  int races = 0;
  watched_.before_append = [&] {  // somebody else is faster, each time
    ++races;
    const auto added = other.orders.Execute(order.substr(8), [](Order& o) {
      return o.AddLine({.sku = "JUG", .quantity = 1, .unit_price_minor = 100});
    });
    return added.status();
  };
  EXPECT_THAT(Post(*client_, order + "/lines", R"({"sku":"CUP","quantity":1,"unitPriceMinor":1})"),
              IsProblem(409, ""));
  EXPECT_GT(races, 1);
  watched_.before_append = [] { return absl::OkStatus(); };
  EXPECT_EQ(Parsed<api::v1::Order>(Get(*client_, order)).version(), 2 + races);
}

TEST_F(StoreFailureTest, EachFailureHasItsStatusAndTellsNothingOfTheInside) {
  struct Case {
    absl::StatusCode code;
    int http_status;
    const char* detail;
  };
  for (const Case& c :
       {Case{absl::StatusCode::kUnavailable, 503, "try again"},
        Case{absl::StatusCode::kUnknown, 503, "may or may not"},
        Case{absl::StatusCode::kFailedPrecondition, 503, ""},
        Case{absl::StatusCode::kResourceExhausted, 507, "disk"},
        Case{absl::StatusCode::kDataLoss, 500, ""}, Case{absl::StatusCode::kInternal, 500, ""}}) {
    watched_.before_append = [&c] { return daybook::internal::MakeStatus(c.code, "secret"); };
    const auto refused = Post(*client_, "/orders", kTwoCups);
    EXPECT_THAT(refused, IsProblem(c.http_status, c.detail));
    EXPECT_EQ(refused.body.find("secret"), std::string::npos) << refused.body;
    EXPECT_EQ(refused.has_header("Retry-After"), c.http_status == 503);
  }
  watched_.before_append = [] { return absl::OkStatus(); };
  EXPECT_EQ(Post(*client_, "/orders", kTwoCups).status, 201);
}

TEST_F(StoreFailureTest, AnExceptionIs500) {
  watched_.before_append = []() -> absl::Status { throw std::runtime_error("secret"); };
  const auto refused = Post(*client_, "/orders", kTwoCups);
  EXPECT_THAT(refused, IsProblem(500, ""));
  EXPECT_EQ(refused.body.find("secret"), std::string::npos) << refused.body;
}

TEST_F(StoreFailureTest, AServiceThatRefusesWritesIsNotWell) {
  health_.writable = absl::FailedPreconditionError("secret");
  const auto health = Get(*client_, "/health");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(health.body.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace shop::test
