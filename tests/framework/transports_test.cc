// What the transports that need no broker do beyond the contract.

#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <future>
#include <iterator>
#include <stdexcept>

#include "daybook/in_process.h"
#include "daybook/jsonl.h"
#include "daybook/sqlite_event_store.h"
#include "daybook/subscription.h"
#include "status_testing.h"
#include "support/temp_dir.h"

namespace daybook::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

DeliveryResult Send(Transport& transport, const std::string& id = "1") {
  std::promise<DeliveryResult> answer;
  transport.Send(std::make_shared<const IntegrationEvent>(
                     IntegrationEvent{.id = id, .source = "/s", .type = "t.v1.Happened"}),
                 [&](DeliveryResult result) { answer.set_value(std::move(result)); });
  return answer.get_future().get();
}

DeliveryResult WhenASlotReturns(const absl::Status& status) {
  InProcessTransport transport;
  transport.Connect([&](const IntegrationEvent&) { return status; });
  return Send(transport);
}

TEST(InProcessTransportTest, WhatASlotReturnsDecides) {
  EXPECT_EQ(WhenASlotReturns(absl::OkStatus()).delivery, Delivery::kConfirmed);
  EXPECT_EQ(WhenASlotReturns(absl::InternalError("x")).delivery, Delivery::kTryAgain);
  EXPECT_EQ(WhenASlotReturns(Permanent(absl::InternalError("x"))).delivery, Delivery::kFailed);
  EXPECT_EQ(WhenASlotReturns(Outage(absl::InternalError("x"))).delivery, Delivery::kDown);
}

TEST(InProcessTransportTest, EverySlotMustTakeIt) {
  InProcessTransport transport;
  int first = 0;
  transport.Connect([&](const IntegrationEvent&) {
    ++first;
    return absl::OkStatus();
  });
  const auto second = transport.Connect(
      [](const IntegrationEvent&) -> absl::Status { throw std::logic_error("no"); });
  const DeliveryResult result = Send(transport);
  EXPECT_EQ(result.delivery, Delivery::kTryAgain);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kInternal, "no"));
  second.disconnect();
  EXPECT_EQ(Send(transport).delivery, Delivery::kConfirmed);
  EXPECT_EQ(first, 2);
}

TEST(InProcessTransportTest, WithoutASlotItIsDown) {
  InProcessTransport transport;
  const DeliveryResult result = Send(transport);
  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kNotFound, "nothing is connected"));
  EXPECT_FALSE(transport.Health().connected);
}

class JsonlTransportTest : public ::testing::Test {
 protected:
  void SetUp() override { signal(SIGXFSZ, SIG_IGN); }
  void TearDown() override { Limit(RLIM_INFINITY); }

  static void Limit(rlim_t bytes) {
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }

  std::unique_ptr<JsonlTransport> Open() {
    auto transport = JsonlTransport::Open(path_);
    EXPECT_THAT(transport, IsOk());
    return *std::move(transport);
  }

  std::string Content() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TempDir folder_;
  const std::string path_ = folder_.File("events.jsonl");
};

const char* const kLine = R"({"specversion":"1.0","id":"1","source":"/s","type":"t.v1.Happened"})";

TEST_F(JsonlTransportTest, EachMessageIsALineAndALaterOneIsAppended) {
  EXPECT_EQ(Send(*Open()).delivery, Delivery::kConfirmed);
  EXPECT_EQ(Send(*Open()).delivery, Delivery::kConfirmed);
  EXPECT_EQ(Content(), std::string(kLine) + "\n" + kLine + "\n");
}

TEST_F(JsonlTransportTest, AFullDiskIsDownAndALineThatItCutOffIsEnded) {
  // given
  const auto transport = Open();
  Limit(10);
  const DeliveryResult cut = Send(*transport);
  EXPECT_EQ(cut.delivery, Delivery::kDown);
  EXPECT_THAT(cut.why, Fails(absl::StatusCode::kResourceExhausted, "events.jsonl"));
  // when
  Limit(RLIM_INFINITY);
  EXPECT_EQ(Send(*transport).delivery, Delivery::kConfirmed);
  // then
  EXPECT_EQ(Content(), std::string(kLine).substr(0, 10) + "\n" + kLine + "\n");
}

TEST_F(JsonlTransportTest, ALineThatAnEarlierProcessLeftOffIsEnded) {
  std::ofstream(path_) << "{\"half";
  EXPECT_EQ(Send(*Open()).delivery, Delivery::kConfirmed);
  EXPECT_EQ(Content(), std::string("{\"half\n") + kLine + "\n");
}

// "Confirmed", and gone with the database's next write.
TEST_F(JsonlTransportTest, AFileOfADatabaseIsRefused) {
  const auto store = SqliteEventStore::Open({.path = folder_.File("log.db")});
  ASSERT_THAT(store, IsOk());
  for (const char* suffix : {"", "-wal", "-shm", "-turn"}) {
    EXPECT_THAT(JsonlTransport::Open(folder_.File("log.db") + suffix),
                Fails(absl::StatusCode::kInvalidArgument, "SQLite"));
  }
  EXPECT_THAT(JsonlTransport::Open(""), Fails(absl::StatusCode::kInvalidArgument, "empty"));
}

TEST_F(JsonlTransportTest, AFileThatCannotBeOpenedIsNamed) {
  EXPECT_THAT(JsonlTransport::Open(folder_.File("none/events.jsonl")),
              Fails(absl::StatusCode::kNotFound, "none/events.jsonl"));
  EXPECT_THAT(JsonlTransport::Open(folder_.path()),
              Fails(absl::StatusCode::kFailedPrecondition, ""));
}

}  // namespace
}  // namespace daybook::test
