// What the broker refuses, and what cannot be reached: each says what is wrong, and no secret.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rabbitmq/support.h"

namespace daybook::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSecret[] = "Tr0ub4dor-and-3";

class RabbitMqRefusalsTest : public RabbitTest {
 protected:
  // What becomes of a message that goes to `uri`.
  DeliveryResult SendTo(const std::string& uri) {
    RabbitMqTransportOptions options = Options();
    options.uri = uri;
    return SendWith(options);
  }
  DeliveryResult SendWith(const RabbitMqTransportOptions& options) {
    const auto transport = Connect(options);
    Answers answers;
    answers.Send(*transport, Event("1"));
    const DeliveryResult result = answers.Of("1");
    EXPECT_EQ(transport->Health().last_error, result.why);
    for (const std::string& shown :
         {result.why.ToString(), transport->Health().endpoint, answers.Whys()}) {
      EXPECT_THAT(shown, Not(HasSubstr(kSecret)));
    }
    return result;
  }
  static std::string Address() { return "127.0.0.1:" + std::to_string(Server().port()); }
};

TEST_F(RabbitMqRefusalsTest, AWrongPasswordNamesTheUser) {
  const DeliveryResult result = SendTo("amqp://guest:" + std::string(kSecret) + "@" + Address());

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kPermissionDenied, "as guest"));
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kPermissionDenied, Address()));
}

TEST_F(RabbitMqRefusalsTest, AnUnknownUserIsNamed) {
  const DeliveryResult result = SendTo("amqp://nobody:" + std::string(kSecret) + "@" + Address());

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kPermissionDenied, "as nobody"));
}

TEST_F(RabbitMqRefusalsTest, AWrongVirtualHostIsNamed) {
  const DeliveryResult result = SendTo("amqp://guest:guest@" + Address() + "/elsewhere");

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kPermissionDenied, "vhost elsewhere not found"));
}

TEST_F(RabbitMqRefusalsTest, AUserWithoutRightsIsRefused) {
  Server().Control({"add_user", "reader", kSecret});
  Server().Control({"set_permissions", "reader", "", "", ".*"});
  const DeliveryResult result = SendTo("amqp://reader:" + std::string(kSecret) + "@" + Address());

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kPermissionDenied, exchange_));
}

TEST_F(RabbitMqRefusalsTest, AMissingExchangeIsNamed) {
  client_.DeleteExchange(exchange_);
  const DeliveryResult result = SendWith(Options());

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kNotFound, exchange_));
}

TEST_F(RabbitMqRefusalsTest, AnExchangeThatGoesAwayStopsTheLineUntilItIsBack) {
  const std::string queue = Queue();
  const auto transport = Connect(Options());
  Answers answers;
  answers.Send(*transport, Event("before"));
  ASSERT_EQ(answers.Of("before").delivery, Delivery::kConfirmed);

  client_.DeleteExchange(exchange_);
  answers.Send(*transport, Event("without"));

  EXPECT_EQ(answers.Of("without").delivery, Delivery::kDown);
  EXPECT_THAT(answers.Of("without").why, Fails(absl::StatusCode::kNotFound, exchange_));
  client_.DeclareExchange(exchange_);
  client_.Bind(queue, exchange_);
  int n = 0;
  EXPECT_TRUE(Eventually([&] {
    const std::string id = "after-" + std::to_string(++n);
    answers.Send(*transport, Event(id));
    return answers.Of(id).delivery == Delivery::kConfirmed;
  }));
}

TEST_F(RabbitMqRefusalsTest, AnExchangeOfAnotherTypeIsRefused) {
  client_.DeclareExchange("a-fanout", "fanout");
  RabbitMqTransportOptions options = Options();
  options.exchange = "a-fanout";
  options.declare_exchange = true;
  const DeliveryResult result = SendWith(options);

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kInvalidArgument, "a-fanout"));
}

TEST_F(RabbitMqRefusalsTest, APortWhereNothingListensIsNamed) {
  const DeliveryResult result = SendTo("amqp://guest:" + std::string(kSecret) + "@127.0.0.1:1");

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kUnavailable, "127.0.0.1:1"));
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kUnavailable, "Connection refused"));
}

TEST_F(RabbitMqRefusalsTest, AHostThatIsNoneIsNamed) {
  const DeliveryResult result = SendTo("amqp://guest:" + std::string(kSecret) + "@nowhere.invalid");

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kUnavailable, "nowhere.invalid"));
}

TEST_F(RabbitMqRefusalsTest, AMessageTooLargeForTheBrokerHasFailedAndNoOther) {
  const std::string queue = Queue();
  const auto transport = Connect(Options());
  Answers answers;

  for (int i = 0; i < 20; ++i) answers.Send(*transport, Event("before-" + std::to_string(i)));
  answers.Send(*transport, Event("large", std::string(kLargestMessage + 1, 'x')));
  for (int i = 0; i < 20; ++i) answers.Send(*transport, Event("after-" + std::to_string(i)));

  ASSERT_TRUE(answers.WaitFor(41));
  EXPECT_EQ(answers.Of("large").delivery, Delivery::kFailed);
  EXPECT_THAT(answers.Of("large").why,
              Fails(absl::StatusCode::kInvalidArgument, "larger than configured max size"));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(answers.Of("after-" + std::to_string(i)).delivery, Delivery::kConfirmed);
    const Delivery before = answers.Of("before-" + std::to_string(i)).delivery;
    EXPECT_TRUE(before == Delivery::kConfirmed || before == Delivery::kNotKnown) << Name(before);
  }
  EXPECT_EQ(client_.Count(queue), 40);
  EXPECT_EQ(transport->Health().connections, 1);
}

TEST_F(RabbitMqRefusalsTest, OnceALimitIsKnownTheNextLargeMessageIsNotSent) {
  Queue();
  const auto transport = Connect(Options());
  Answers answers;
  const auto send = [&](const std::string& id, size_t size) {
    answers.Send(*transport, Event(id, std::string(size, 'x')));
    return answers.Of(id);
  };

  EXPECT_EQ(send("largest", kLargestMessage).delivery, Delivery::kConfirmed);
  EXPECT_EQ(send("large", kLargestMessage + 1).delivery, Delivery::kFailed);
  const DeliveryResult larger = send("larger", kLargestMessage + 2);

  EXPECT_EQ(larger.delivery, Delivery::kFailed);
  EXPECT_THAT(larger.why, Fails(absl::StatusCode::kInvalidArgument, "the broker's limit"));
  EXPECT_EQ(send("largest again", kLargestMessage).delivery, Delivery::kConfirmed);
}

TEST_F(RabbitMqRefusalsTest, AttributesThatAmqpCannotCarryHaveFailed) {
  Queue();
  const auto transport = Connect(Options());
  Answers answers;
  IntegrationEvent long_type = *Event("long-type");
  long_type.type = std::string(256, 't');
  IntegrationEvent long_id = *Event(std::string(256, 'i'));
  IntegrationEvent large_headers = *Event("large-headers");
  large_headers.subject = std::string(131072, 's');
  IntegrationEvent long_subject = *Event("long-subject");
  long_subject.subject = std::string(100000, 's');

  for (const IntegrationEvent& event : {long_type, long_id, large_headers, long_subject}) {
    answers.Send(*transport, std::make_shared<IntegrationEvent>(event));
  }

  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(answers.Of("long-type").delivery, Delivery::kFailed);
  EXPECT_THAT(answers.Of("long-type").why, Fails(kInvalid, "type is over 255"));
  EXPECT_EQ(answers.Of(long_id.id).delivery, Delivery::kFailed);
  EXPECT_THAT(answers.Of(long_id.id).why, Fails(kInvalid, "id is over 255"));
  EXPECT_EQ(answers.Of("large-headers").delivery, Delivery::kFailed);
  EXPECT_THAT(answers.Of("large-headers").why, Fails(kInvalid, "larger than a frame"));
  EXPECT_EQ(answers.Of("long-subject").delivery, Delivery::kConfirmed);
  EXPECT_EQ(transport->Health().connections, 1);
}

// RabbitMQ stops reading from publishers when it is out of memory or disk.
TEST_F(RabbitMqRefusalsTest, ABrokerThatTakesNothingForNowSaysSoAtOnce) {
  Queue();
  const auto transport = Connect(Options());
  Answers answers;
  answers.Send(*transport, Event("before"));
  ASSERT_EQ(answers.Of("before").delivery, Delivery::kConfirmed);

  Server().Control({"set_vm_memory_high_watermark", "absolute", "1000"});
  int n = 0;
  ASSERT_TRUE(Eventually([&] {
    const std::string id = "blocked-" + std::to_string(++n);
    answers.Send(*transport, Event(id));
    return transport->Health().last_error.code() == absl::StatusCode::kResourceExhausted;
  }));
  answers.Send(*transport, Event("blocked"));
  EXPECT_EQ(answers.Of("blocked").delivery, Delivery::kDown);
  EXPECT_THAT(answers.Of("blocked").why, Fails(absl::StatusCode::kResourceExhausted, "memory"));

  Server().Control({"set_vm_memory_high_watermark", "absolute", "512MB"});
  EXPECT_TRUE(Eventually([&] {
    const std::string id = "again-" + std::to_string(++n);
    answers.Send(*transport, Event(id));
    return answers.Of(id).delivery == Delivery::kConfirmed;
  }));
}

}  // namespace
}  // namespace daybook::test
