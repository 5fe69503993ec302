#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "daybook/testing.h"

namespace daybook::testing {
namespace {

using std::chrono::steady_clock;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::SizeIs;

constexpr std::chrono::seconds kPatience(60);

using Message = std::shared_ptr<const IntegrationEvent>;

IntegrationEvent Minimal(std::string id) {
  return {.id = std::move(id), .source = "/contract", .type = "contract.v1.Happened"};
}

Message Numbered(int number, const std::string& key = "") {
  IntegrationEvent event = Minimal("id-" + std::to_string(number));
  event.partition_key = key;
  event.sequence = std::to_string(1'000'000 + number);
  event.data_content_type = kProtobufContent;
  event.data = "data " + std::to_string(number);
  return std::make_shared<const IntegrationEvent>(std::move(event));
}

// What was answered to each message; shared with the callbacks, which may outlive the test.
class Answers {
 public:
  Transport::Done For(std::string id) {
    return [state = state_, id = std::move(id)](DeliveryResult result) {
      const std::lock_guard lock(state->mutex);
      state->by_id[id].push_back(std::move(result));
      ++state->count;
      state->changed.notify_all();
    };
  }

  // In the order of their ids.
  std::vector<Delivery> Await(size_t count) const {
    std::unique_lock lock(state_->mutex);
    EXPECT_TRUE(state_->changed.wait_for(lock, kPatience, [&] { return state_->count >= count; }))
        << state_->count << " of " << count << " were answered";
    std::vector<Delivery> deliveries;
    for (const auto& [id, results] : state_->by_id) {
      EXPECT_THAT(results, SizeIs(1)) << id << " was answered more than once";
      for (const DeliveryResult& result : results) {
        deliveries.push_back(result.delivery);
        EXPECT_EQ(result.why.ok(), result.delivery == Delivery::kConfirmed) << result.why;
      }
    }
    return deliveries;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, std::vector<DeliveryResult>> by_id;
    size_t count = 0;
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

DeliveryResult SendAndWait(Transport& transport, const Message& message) {
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool answered = false;
    DeliveryResult result;
  };
  const auto state = std::make_shared<State>();
  transport.Send(message, [state](DeliveryResult result) {
    const std::lock_guard lock(state->mutex);
    state->answered = true;
    state->result = std::move(result);
    state->changed.notify_all();
  });
  std::unique_lock lock(state->mutex);
  EXPECT_TRUE(state->changed.wait_for(lock, kPatience, [&] { return state->answered; }));
  return state->result;
}

void ExpectArrives(TransportUnderTest& under_test, const IntegrationEvent& event) {
  const DeliveryResult sent =
      SendAndWait(*under_test.transport, std::make_shared<const IntegrationEvent>(event));
  ASSERT_EQ(sent.delivery, Delivery::kConfirmed) << sent.why;
  const std::vector<IntegrationEvent> received = under_test.received(1);
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].id, event.id);
  EXPECT_EQ(received[0].source, event.source);
  EXPECT_EQ(received[0].type, event.type);
  EXPECT_EQ(received[0].subject, event.subject);
  EXPECT_EQ(received[0].time, event.time);
  EXPECT_EQ(received[0].data_content_type, event.data_content_type);
  EXPECT_EQ(received[0].data_schema, event.data_schema);
  EXPECT_EQ(received[0].partition_key, event.partition_key);
  EXPECT_EQ(received[0].sequence, event.sequence);
  EXPECT_EQ(received[0].correlation_id, event.correlation_id);
  EXPECT_EQ(received[0].causation_id, event.causation_id);
  EXPECT_EQ(received[0].traceparent, event.traceparent);
  EXPECT_EQ(received[0].tracestate, event.tracestate);
  EXPECT_TRUE(received[0].data == event.data) << "the data differs";
}

void EveryAttributeArrivesUnchanged(TransportUnderTest& under_test) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  ExpectArrives(under_test,
                {.id = "0197f2d4-7c1e-7000-8000-00000000002a",
                 .source = "https://shop.example/orders?a=%20b",
                 .type = "shop.contracts.v1.OrderPaid",
                 .subject = "42 \"Zo\u00eb\" 100% \u2192 \U0001F600",
                 .time = RecordedTime(std::chrono::microseconds(1'291'191'960'123'456)),
                 .data_content_type = std::string(kProtobufContent),
                 .data_schema = "https://type.googleapis.com/shop.contracts.v1.OrderPaid",
                 .partition_key = "order-42",
                 .sequence = "00000000000000000042",
                 .correlation_id = "correlation",
                 .causation_id = "0197f2d4-7c1e-7000-8000-00000000002b",
                 .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                 .tracestate = "congo=t61rcWkgMzE",
                 .data = all_bytes});
}

void AttributesThatAreAbsentStayAbsent(TransportUnderTest& under_test) {
  ExpectArrives(under_test, Minimal("only-id"));
}

void LongAttributesArrive(TransportUnderTest& under_test) {
  IntegrationEvent event = Minimal("long");
  event.subject = std::string(1000, 's');
  event.correlation_id = std::string(4000, 'c');
  ExpectArrives(under_test, event);
}

void JsonDataArrivesAsJson(TransportUnderTest& under_test) {
  IntegrationEvent event = Minimal("json");
  event.data_content_type = kJsonContent;
  event.data = R"({"order":"42"})";
  ExpectArrives(under_test, event);
}

void DataOfAMebibyteArrives(TransportUnderTest& under_test) {
  IntegrationEvent event = Minimal("large");
  event.data_content_type = kProtobufContent;
  event.data = std::string(1 << 20, '\xC3');
  ExpectArrives(under_test, event);
}

void AThousandMessagesAreEachConfirmedOnce(TransportUnderTest& under_test) {
  constexpr int kCount = 1000;
  Answers answers;
  for (int i = 0; i < kCount; ++i) {
    const Message message = Numbered(i, "key-" + std::to_string(i));
    under_test.transport->Send(message, answers.For(message->id));
  }
  EXPECT_THAT(answers.Await(kCount), Each(Delivery::kConfirmed));
  std::set<std::string> ids;
  for (const IntegrationEvent& event : under_test.received(kCount)) ids.insert(event.id);
  EXPECT_THAT(ids, SizeIs(kCount));
}

void SeveralThreadsMaySend(TransportUnderTest& under_test) {
  constexpr int kThreads = 4, kEach = 100;
  Answers answers;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const Message message = Numbered(t * kEach + i);
          under_test.transport->Send(message, answers.For(message->id));
        }
      });
    }
  }
  EXPECT_THAT(answers.Await(kThreads * kEach), Each(Delivery::kConfirmed));
  EXPECT_THAT(under_test.received(kThreads * kEach), SizeIs(kThreads * kEach));
}

// Sends the next of its key from the answer to the one before.
struct Chain {
  Transport* transport;
  Answers* answers;
  std::string key;
  int next, end;

  static void Go(const std::shared_ptr<Chain>& chain) {
    const Message message = Numbered(chain->next++, chain->key);
    chain->transport->Send(
        message, [chain, done = chain->answers->For(message->id)](const DeliveryResult& result) {
          if (result.delivery == Delivery::kConfirmed && chain->next < chain->end) Go(chain);
          done(result);
        });
  }
};

void MessagesOfAKeyThatFollowEachOtherKeepTheirOrder(TransportUnderTest& under_test) {
  constexpr int kKeys = 10, kEach = 20;
  Answers answers;
  for (int k = 0; k < kKeys; ++k) {
    Chain::Go(std::make_shared<Chain>(Chain{.transport = under_test.transport.get(),
                                            .answers = &answers,
                                            .key = "key-" + std::to_string(k),
                                            .next = k * 1000,
                                            .end = k * 1000 + kEach}));
  }
  EXPECT_THAT(answers.Await(kKeys * kEach), Each(Delivery::kConfirmed));
  std::map<std::string, std::string> last;
  for (const IntegrationEvent& event : under_test.received(kKeys * kEach)) {
    EXPECT_GT(event.sequence, last[event.partition_key]) << event.partition_key;
    last[event.partition_key] = event.sequence;
  }
  EXPECT_THAT(last, SizeIs(kKeys));
}

void AMessageThatIsSentTwiceArrivesAsTheSameIdTwice(TransportUnderTest& under_test) {
  const Message message = Numbered(7);
  EXPECT_EQ(SendAndWait(*under_test.transport, message).delivery, Delivery::kConfirmed);
  EXPECT_EQ(SendAndWait(*under_test.transport, message).delivery, Delivery::kConfirmed);
  // A broker may take the second for what it is.
  const std::vector<IntegrationEvent> received = under_test.received(1);
  ASSERT_FALSE(received.empty());
  for (const IntegrationEvent& event : received) EXPECT_EQ(event.id, message->id);
}

void WhileTheEndpointIsDownNothingIsConfirmed(TransportUnderTest& under_test) {
  ASSERT_EQ(SendAndWait(*under_test.transport, Numbered(0)).delivery, Delivery::kConfirmed);
  // when
  under_test.break_endpoint();
  const DeliveryResult while_down = SendAndWait(*under_test.transport, Numbered(1));
  // then
  EXPECT_THAT(while_down.delivery, AnyOf(Delivery::kDown, Delivery::kNotKnown)) << while_down.why;
  EXPECT_FALSE(while_down.why.ok());
  EXPECT_FALSE(under_test.transport->Health().last_error.ok());
}

void AfterTheEndpointIsBackMessagesGoThrough(TransportUnderTest& under_test) {
  ASSERT_EQ(SendAndWait(*under_test.transport, Numbered(0)).delivery, Delivery::kConfirmed);
  under_test.break_endpoint();
  SendAndWait(*under_test.transport, Numbered(1));
  // when
  under_test.restore_endpoint();
  const steady_clock::time_point deadline = steady_clock::now() + kPatience;
  DeliveryResult result;
  do {
    result = SendAndWait(*under_test.transport, Numbered(2));
  } while (result.delivery != Delivery::kConfirmed && steady_clock::now() < deadline);
  // then
  EXPECT_EQ(result.delivery, Delivery::kConfirmed) << result.why;
  bool arrived = false;
  for (const IntegrationEvent& event : under_test.received(2)) arrived |= event.id == "id-2";
  EXPECT_TRUE(arrived);
}

void DestroyingItAnswersEveryMessage(TransportUnderTest& under_test) {
  constexpr int kCount = 200;
  Answers answers;
  for (int i = 0; i < kCount; ++i) {
    const Message message = Numbered(i);
    under_test.transport->Send(message, answers.For(message->id));
  }
  under_test.transport.reset();
  EXPECT_THAT(answers.Await(kCount),
              Each(AnyOf(Delivery::kConfirmed, Delivery::kDown, Delivery::kNotKnown)));
}

void HealthCountsWhatWasConfirmed(TransportUnderTest& under_test) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(SendAndWait(*under_test.transport, Numbered(i)).delivery, Delivery::kConfirmed);
  }
  const TransportHealth health = under_test.transport->Health();
  EXPECT_EQ(health.confirmed, 3);
  EXPECT_EQ(health.in_flight, 0);
  EXPECT_TRUE(health.connected);
  EXPECT_FALSE(health.endpoint.empty());
}

struct Case {
  const char* name;
  int line;
  void (*run)(TransportUnderTest& under_test);
};
#define TRANSPORT_CASE(name) \
  Case { #name, __LINE__, &name }
constexpr std::array<Case, 13> kCases = {{
    TRANSPORT_CASE(EveryAttributeArrivesUnchanged),
    TRANSPORT_CASE(AttributesThatAreAbsentStayAbsent),
    TRANSPORT_CASE(LongAttributesArrive),
    TRANSPORT_CASE(JsonDataArrivesAsJson),
    TRANSPORT_CASE(DataOfAMebibyteArrives),
    TRANSPORT_CASE(AThousandMessagesAreEachConfirmedOnce),
    TRANSPORT_CASE(SeveralThreadsMaySend),
    TRANSPORT_CASE(MessagesOfAKeyThatFollowEachOtherKeepTheirOrder),
    TRANSPORT_CASE(AMessageThatIsSentTwiceArrivesAsTheSameIdTwice),
    TRANSPORT_CASE(WhileTheEndpointIsDownNothingIsConfirmed),
    TRANSPORT_CASE(AfterTheEndpointIsBackMessagesGoThrough),
    TRANSPORT_CASE(DestroyingItAnswersEveryMessage),
    TRANSPORT_CASE(HealthCountsWhatWasConfirmed),
}};

class TransportTest : public ::testing::Test {
 public:
  TransportTest(const TransportFactory& factory, void (*run)(TransportUnderTest& under_test))
      : factory_(factory), run_(run) {}

  void TestBody() override {
    TransportUnderTest under_test = factory_();
    ASSERT_NE(under_test.transport, nullptr) << "the factory made no transport";
    run_(under_test);
    under_test.transport.reset();
  }

 private:
  const TransportFactory factory_;
  void (*const run_)(TransportUnderTest& under_test);
};

}  // namespace

void RegisterTransportContract(const std::string& name, const TransportFactory& factory) {
  for (const Case& one : kCases) {
    ::testing::RegisterTest(
        name.c_str(), one.name, nullptr, nullptr, __FILE__, one.line,
        [factory, run = one.run]() -> TransportTest* { return new TransportTest(factory, run); });
  }
}

}  // namespace daybook::testing
