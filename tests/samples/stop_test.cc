// Stopping the service, gently and not, while customers are at it.

#include <gtest/gtest.h>
#include <signal.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "daybook/sqlite_event_store.h"
#include "samples/http_testing.h"
#include "samples/program.h"
#include "shop.h"
#include "support/temp_dir.h"

namespace shop::test {
namespace {

// Customers who place orders and add lines to them until they get no answer.
class Customers {
 public:
  explicit Customers(const Service& service) {
    for (int i = 0; i < 8; ++i) {
      threads_.emplace_back([this, client = std::make_shared<httplib::Client>(service.Connect())] {
        while (Visit(*client)) {
        }
      });
    }
  }

  void WaitForAnswers(size_t count) {
    std::unique_lock lock(mutex_);
    answered_.wait(lock, [&] { return versions_.size() >= count; });
  }

  // The version of each order, as its customer was told last. Waits until all have gone.
  const std::map<std::string, int64_t>& Acknowledged() {
    threads_.clear();
    return versions_;
  }

 private:
  bool Visit(httplib::Client& client) {
    const auto placed = client.Post("/orders", kTwoCups, "application/json");
    if (!placed) return false;
    EXPECT_EQ(placed->status, 201);
    const std::string order = placed->get_header_value("Location");
    Note(order, 2);
    const auto added = client.Post(
        order + "/lines", R"({"sku":"JUG","quantity":1,"unitPriceMinor":1})", "application/json");
    if (!added) return false;
    EXPECT_EQ(added->status, 200);
    Note(order, 3);
    return true;
  }

  void Note(const std::string& order, int64_t version) {
    const std::lock_guard lock(mutex_);
    versions_[order.substr(8)] = version;
    answered_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable answered_;
  std::map<std::string, int64_t> versions_;
  std::vector<std::jthread> threads_;
};

class StopTest : public testing::Test {
 protected:
  // The version of each order in the file, which must be sound.
  std::map<std::string, int64_t> Stored() {
    auto store = daybook::SqliteEventStore::Open({.path = db_});
    EXPECT_TRUE(store.ok()) << store.status();
    EXPECT_TRUE((*store)->Verify().ok());
    const auto streams = (*store)->ListStreams({.category = "order", .limit = 1'000'000});
    EXPECT_TRUE(streams.ok());
    Shop shop(**store);
    std::map<std::string, int64_t> versions;
    for (const std::string& stream : *streams) {
      const std::string id(daybook::IdOf(stream));
      const auto order = shop.orders.Load(id);
      EXPECT_TRUE(order.ok()) << order.status();
      if (order.ok()) versions[id] = order->version().value();
    }
    return versions;
  }

  daybook::test::TempDir folder_;
  const std::string db_ = folder_.File("orders.db");
};

TEST_F(StopTest, SigtermFinishesWhatWasTakenAndLosesNothing) {
  Service service(db_);
  Customers customers(service);
  customers.WaitForAnswers(100);
  service.Signal(SIGTERM);
  EXPECT_EQ(service.Wait(), 0);
  EXPECT_EQ(customers.Acknowledged(), Stored());
}

TEST_F(StopTest, SigkillLosesNothingThatWasAcknowledged) {
  Service service(db_);
  Customers customers(service);
  customers.WaitForAnswers(100);
  service.Signal(SIGKILL);
  EXPECT_EQ(service.Wait(), -SIGKILL);
  const std::map<std::string, int64_t> stored = Stored();
  for (const auto& [id, version] : customers.Acknowledged()) {
    ASSERT_TRUE(stored.count(id) == 1) << id;
    EXPECT_GE(stored.at(id), version) << id;
  }
  Service again(db_);
  httplib::Client client = again.Connect();
  EXPECT_EQ(Get(client, "/health").status, 200);
  PlaceTwoCups(client);
}

TEST_F(StopTest, SigintStopsItTooAndAnIdleConnectionDoesNotHoldItUp) {
  Service service(db_);
  httplib::Client idle = service.Connect();
  EXPECT_EQ(Get(idle, "/health").status, 200);
  service.Signal(SIGINT);
  EXPECT_EQ(service.Wait(), 0);
}

TEST_F(StopTest, TwoServicesOnOneFileServeTheSameOrders) {
  Service one(db_);
  Service two(db_);
  httplib::Client at_one = one.Connect();
  httplib::Client at_two = two.Connect();
  const std::string order = PlaceTwoCups(at_one);
  EXPECT_EQ(
      Post(at_two, order + "/lines", R"({"sku":"JUG","quantity":1,"unitPriceMinor":1})").status,
      200);
  EXPECT_EQ(Parsed<api::v1::Order>(Get(at_one, order)).version(), 3);
}

}  // namespace
}  // namespace shop::test
