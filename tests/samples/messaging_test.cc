// The service among others: what it publishes, and what it makes of the answers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "daybook/sqlite_event_store.h"
#include "demo/round_trip.h"
#include "samples/http_testing.h"
#include "samples/program.h"
#include "shipping_service/contracts.h"
#include "support/temp_dir.h"

namespace shop::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kPayment[] = R"({"amountMinor":500,"currency":"GBP","reference":"card-1"})";

class MessagingTest : public testing::Test {
 protected:
  // Asks until the answer is good.
  template <typename View, typename Good>
  static View Await(httplib::Client& client, const std::string& path, Good good) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (;;) {
      View view = Parsed<View>(Get(client, path));
      if (good(view)) return view;
      if (std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("not in time: " + view.ShortDebugString());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  static api::v1::Order AwaitStatus(httplib::Client& client, const std::string& order,
                                    const std::string& status) {
    return Await<api::v1::Order>(client, order,
                                 [&](const auto& view) { return view.status() == status; });
  }

  Ended Run(const std::vector<std::string>& arguments) {
    return RunProgram(arguments, folder_.path());
  }

  std::vector<std::string> Lines(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  daybook::test::TempDir folder_;
  const std::string db_ = folder_.File("orders.db");
};

std::vector<daybook::StoredEvent> EventsOf(const std::string& db) {
  auto store = daybook::SqliteEventStore::Open({.path = db});
  if (!store.ok()) throw std::runtime_error(store.status().ToString());
  auto page = (*store)->Read(daybook::LogQuery{});
  if (!page.ok()) throw std::runtime_error(page.status().ToString());
  return std::move(page->events);
}

TEST_F(MessagingTest, APaidOrderIsShippedByShippingAndItsTimelineSaysWhy) {
  // given
  Service service(db_, {"--transport", "in_process"});
  httplib::Client client = service.Connect();
  const std::string order = PlaceTwoCups(client);
  // when
  ASSERT_EQ(Post(client, order + "/pay", kPayment, {{"X-Correlation-Id", "basket-1"}}).status, 200);
  // then
  const api::v1::Order shipped = AwaitStatus(client, order, "shipped");
  EXPECT_EQ(shipped.carrier(), "DHL");
  const auto history = Parsed<api::v1::History>(Get(client, order + "/events"));
  const daybook::Metadata& why = history.events(3).metadata();
  EXPECT_EQ(why.correlation_id(), "basket-1");
  // and its cause is shipping's message
  const std::vector<daybook::StoredEvent> parcel = EventsOf(db_ + "-parcels");
  ASSERT_EQ(parcel.size(), 2u);
  const auto sent = shipping::ParcelContracts().Translate(parcel[1].View());
  ASSERT_TRUE(sent.ok());
  EXPECT_EQ(sent->front().id, why.causation_id());
  EXPECT_EQ(sent->front().correlation_id, "basket-1");
}

TEST_F(MessagingTest, OrdersThatWerePaidBeforeACrashAreShippedOnceAfterIt) {
  // given
  std::vector<std::string> orders;
  {
    Service service(db_, {"--transport", "in_process"});
    httplib::Client client = service.Connect();
    for (int i = 0; i < 30; ++i) {
      orders.push_back(PlaceTwoCups(client));
      ASSERT_EQ(Post(client, orders.back() + "/pay", kPayment).status, 200);
    }
    service.Signal(SIGKILL);
    EXPECT_EQ(service.Wait(), -SIGKILL);
  }
  // when
  Service service(db_, {"--transport", "in_process"});
  httplib::Client client = service.Connect();
  for (const std::string& order : orders) AwaitStatus(client, order, "shipped");
  Await<api::v1::Health>(client, "/health", [](const auto& health) {
    return health.messaging().publisher().lag() == 0;
  });
  service.Signal(SIGTERM);
  EXPECT_EQ(service.Wait(), 0);
  // then
  const Ended audit = Run({"audit", "--json", "--db", db_, "--parcels", db_ + "-parcels"});
  EXPECT_EQ(audit.exit_code, 0) << audit.errors;
  api::v1::RoundTrip trip;
  ASSERT_TRUE(FromJson(audit.output, &trip).ok()) << audit.output;
  EXPECT_EQ(trip.shipped(), 30);
  EXPECT_EQ(trip.parcels(), 30);
  EXPECT_EQ(trip.messages(), 4 * 30);  // placed, paid, dispatched, shipped
}

TEST_F(MessagingTest, TheAuditSeesAnOrderThatWasNotShipped) {
  {
    Service service(db_);
    httplib::Client client = service.Connect();
    const std::string order = PlaceTwoCups(client);
    ASSERT_EQ(Post(client, order + "/pay", kPayment).status, 200);
  }
  const std::string none = folder_.File("none.db");
  EventsOf(none);  // makes it
  const Ended audit = Run({"audit", "--db", db_, "--parcels", none});
  EXPECT_EQ(audit.exit_code, 1);
  EXPECT_THAT(audit.output, HasSubstr("1 lost"));
}

TEST_F(MessagingTest, AFileGetsALineForEachEventThatGoesOut) {
  // given
  const std::string file = folder_.File("events.jsonl");
  Service service(db_, {"--transport", "jsonl:" + file});
  httplib::Client client = service.Connect();
  const std::string order = PlaceTwoCups(client);
  // when
  ASSERT_EQ(Post(client, order + "/pay", kPayment).status, 200);
  ASSERT_EQ(Post(client, order + "/cancel", R"({"reason":"none"})").status, 200);
  Await<api::v1::Health>(client, "/health", [](const auto& health) {
    return health.messaging().publisher().confirmed() == 3;
  });
  // then
  EXPECT_THAT(Lines(file), ElementsAre(HasSubstr(R"("type":"shop.contracts.v1.OrderPlaced")"),
                                       AllOf(HasSubstr(R"("type":"shop.contracts.v1.OrderPaid")"),
                                             HasSubstr(R"("amountMinor":"500")")),
                                       HasSubstr(R"("type":"shop.contracts.v1.OrderCancelled")")));
}

TEST_F(MessagingTest, AWrongTransportIsRefusedAndNotRepeated) {
  for (const char* wrong : {"amqp:/guest:secret@host", "kafka://host", "jsonl:", "in-process"}) {
    const Ended ended = Run({"serve", "--port", "0", "--db", db_, "--transport", wrong});
    EXPECT_EQ(ended.exit_code, 2) << wrong;
    EXPECT_THAT(ended.errors, HasSubstr("--transport: ")) << wrong;
    EXPECT_THAT(ended.errors, Not(HasSubstr("secret"))) << wrong;
  }
  const Ended ended = Run({"serve", "--port", "0", "--db", db_, "--transport",
                           "jsonl:" + folder_.File("no/such/folder/events.jsonl")});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.errors, HasSubstr("No such file or directory"));
}

TEST_F(MessagingTest, WithoutATransportNothingIsPublished) {
  Service service(db_);
  httplib::Client client = service.Connect();
  EXPECT_FALSE(Parsed<api::v1::Health>(Get(client, "/health")).has_messaging());
}

#ifdef HAS_RABBITMQ
// Nobody listens on port 1.
constexpr char kNobody[] = "amqp://ann:secret@127.0.0.1:1/%2F";

TEST_F(MessagingTest, ABrokerThatIsNotThereIsSeenInHealthWithoutSecretsAndOrdersAreTaken) {
  Service service(db_, {"--transport", kNobody});
  httplib::Client client = service.Connect();
  const std::string order = PlaceTwoCups(client);
  const auto health = Await<api::v1::Health>(client, "/health", [](const auto& view) {
    return view.messaging().publisher().state() == "outage" &&
           !view.messaging().consumer().error().empty();
  });
  EXPECT_EQ(health.status(), "degraded");
  EXPECT_FALSE(health.messaging().publisher().connected());
  EXPECT_FALSE(health.messaging().consumer().connected());
  EXPECT_THAT(health.messaging().publisher().endpoint(), HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(health.messaging().publisher().error(), HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(Get(client, "/health").body, Not(HasSubstr("secret")));
  EXPECT_EQ(Post(client, order + "/pay", kPayment).status, 200);
  service.Signal(SIGTERM);
  EXPECT_EQ(service.Wait(), 0);
}

TEST_F(MessagingTest, AWrongBrokerUriIsSaidWithoutSecrets) {
  const std::string uri = "amqp://ann:secret@host:port/";
  for (const Ended& ended :
       {Run({"serve", "--port", "0", "--db", db_, "--transport", uri}),
        RunShipping({"--db", folder_.File("parcels.db"), "--broker", uri}, folder_.path())}) {
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_THAT(ended.errors, HasSubstr("port"));
    EXPECT_THAT(ended.errors, Not(HasSubstr("secret")));
  }
}
#endif

TEST_F(MessagingTest, ShippingWantsABroker) {
  const Ended ended = RunShipping({"--db", folder_.File("parcels.db")}, folder_.path());
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.errors, HasSubstr("--broker is required"));
  EXPECT_THAT(RunShipping({"inbox", "--db", folder_.File("none.db")}, folder_.path()).errors,
              HasSubstr("there is no file"));
}

}  // namespace
}  // namespace shop::test
