#include "daybook/integration_event.h"

#include <random>

#include "status_testing.h"

namespace daybook::test {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Pair;

IntegrationEvent Paid() {
  return {.id = "0197f2d4-7c1e-7000-8000-00000000002a",
          .source = "/shop/orders",
          .type = "shop.contracts.v1.OrderPaid",
          .subject = "42 \"Zo\u00eb\" 100%",
          .time = RecordedTime(std::chrono::microseconds(1'291'191'960'500'000)),
          .data_content_type = "application/protobuf",
          .data_schema = "https://type.googleapis.com/shop.contracts.v1.OrderPaid",
          .partition_key = "order-42",
          .sequence = "00000000000000000042",
          .correlation_id = "c-1",
          .causation_id = "e-1",
          .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
          .tracestate = "congo=1",
          .data = std::string("\x0a\x02\x00\xff", 4)};
}

const char* const kJson =
    R"({"specversion":"1.0","id":"0197f2d4-7c1e-7000-8000-00000000002a","source":"/shop/orders",)"
    R"("type":"shop.contracts.v1.OrderPaid","subject":"42 \"Zoë\" 100%",)"
    R"("time":"2010-12-01T08:26:00.500Z","datacontenttype":"application/protobuf",)"
    R"("dataschema":"https://type.googleapis.com/shop.contracts.v1.OrderPaid",)"
    R"("partitionkey":"order-42","sequence":"00000000000000000042","correlationid":"c-1",)"
    R"("causationid":"e-1",)"
    R"("traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",)"
    R"("tracestate":"congo=1","data_base64":"CgIA/w=="})";

const char* const kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// ---- On the wire -------------------------------------------------------------------------------

// A whole CloudEvent, with data of so many brackets.
std::string Nested(size_t depth, const std::string& before = "") {
  return R"({"specversion":"1.0","id":"1","source":"/s","type":"x.Y",)" + before + R"("data":)" +
         std::string(depth, '[') + std::string(depth, ']') + "}";
}

TEST(WireTest, BinaryAmqpHasTableHeadersWithAnUnderscore) {
  const auto message = ToWire(Paid(), ContentMode::kBinary, Binding::kAmqp);
  ASSERT_THAT(message, IsOk());
  EXPECT_EQ(message->content_type, "application/protobuf");
  EXPECT_EQ(message->body, Paid().data);
  EXPECT_THAT(
      message->headers,
      ElementsAre(
          Pair("cloudEvents_specversion", "1.0"),
          Pair("cloudEvents_id", "0197f2d4-7c1e-7000-8000-00000000002a"),
          Pair("cloudEvents_source", "/shop/orders"),
          Pair("cloudEvents_type", "shop.contracts.v1.OrderPaid"),
          Pair("cloudEvents_subject", "42 \"Zo\u00eb\" 100%"),
          Pair("cloudEvents_dataschema", "https://type.googleapis.com/shop.contracts.v1.OrderPaid"),
          Pair("cloudEvents_partitionkey", "order-42"),
          Pair("cloudEvents_sequence", "00000000000000000042"),
          Pair("cloudEvents_correlationid", "c-1"), Pair("cloudEvents_causationid", "e-1"),
          Pair("cloudEvents_traceparent", kTrace), Pair("cloudEvents_tracestate", "congo=1"),
          Pair("cloudEvents_time", "2010-12-01T08:26:00.500Z"), Pair("traceparent", kTrace),
          Pair("tracestate", "congo=1")));
}

TEST(WireTest, BinaryKafkaHasItsOwnPrefix) {
  const auto message = ToWire(Paid(), ContentMode::kBinary, Binding::kKafka);
  ASSERT_THAT(message, IsOk());
  EXPECT_EQ(message->content_type, "application/protobuf");
  EXPECT_EQ(message->headers[1].first, "ce_id");
  EXPECT_THAT(message->headers[4], Pair("ce_subject", "42 \"Zo\u00eb\" 100%"));
}

TEST(WireTest, BinaryNatsIsPercentEncodedAndNamesTheContentTypeInAHeader) {
  const auto message = ToWire(Paid(), ContentMode::kBinary, Binding::kNats);
  ASSERT_THAT(message, IsOk());
  EXPECT_EQ(message->content_type, "");
  EXPECT_THAT(message->headers,
              ::testing::Contains(Pair("ce-subject", "42%20%22Zo%C3%AB%22%20100%25")));
  EXPECT_THAT(message->headers,
              ::testing::Contains(Pair("ce-datacontenttype", "application/protobuf")));
}

TEST(WireTest, StructuredIsOneJsonDocumentWhateverTheBinding) {
  for (const Binding binding : {Binding::kAmqp, Binding::kKafka, Binding::kNats}) {
    const auto message = ToWire(Paid(), ContentMode::kStructured, binding);
    ASSERT_THAT(message, IsOk());
    EXPECT_EQ(message->content_type, "application/cloudevents+json");
    EXPECT_EQ(message->body, kJson);
    EXPECT_THAT(message->headers,
                ElementsAre(Pair("traceparent", kTrace), Pair("tracestate", "congo=1")));
  }
}

TEST(WireTest, EveryBindingAndModeIsReadBack) {
  for (const ContentMode mode : {ContentMode::kBinary, ContentMode::kStructured}) {
    for (const Binding binding : {Binding::kAmqp, Binding::kKafka, Binding::kNats}) {
      const auto message = ToWire(Paid(), mode, binding);
      ASSERT_THAT(message, IsOk());
      const auto read = FromWire(*message);
      ASSERT_THAT(read, IsOk());
      EXPECT_EQ(*read, Paid());
    }
  }
}

TEST(WireTest, OtherSpellingsAreRead) {
  const WireMessage colon{.content_type = "text/plain",
                          .headers = {{"cloudEvents:specversion", "1.0"},
                                      {"CLOUDEVENTS:ID", "1"},
                                      {"cloudEvents:source", "/s"},
                                      {"cloudEvents:type", "t"},
                                      {"cloudEvents:someextension", "x"},
                                      {"TraceParent", kTrace}}};
  const auto read = FromWire(colon);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(*read, (IntegrationEvent{.id = "1",
                                     .source = "/s",
                                     .type = "t",
                                     .data_content_type = "text/plain",
                                     .traceparent = kTrace}));
  const WireMessage header{
      .headers = {{"Content-Type", "Application/CloudEvents+JSON; charset=UTF-8"}}, .body = kJson};
  EXPECT_THAT(FromWire(header), IsOk());
}

TEST(WireTest, WhatIsNoCloudEventIsRefusedWithAReason) {
  const auto refused = [](const char* why) {
    return Fails(absl::StatusCode::kInvalidArgument, why);
  };
  EXPECT_THAT(FromWire({}), refused("it has no specversion"));
  EXPECT_THAT(FromWire({.body = "hello"}), refused("it has no specversion"));
  EXPECT_THAT(FromWire({.headers = {{"ce-specversion", "0.3"}}}),
              refused("specversion is not 1.0"));
  EXPECT_THAT(FromWire({.headers = {{"ce_specversion", "1.0"}}}), refused("it has no id"));
  EXPECT_THAT(FromWire({.headers = {{"ce_specversion", "1.0"}, {"ce_id", "\xff"}}}),
              refused("id is not UTF-8"));
  EXPECT_THAT(FromWire({.headers = {{"ce_time", "yesterday"}}}), refused("RFC 3339"));
  EXPECT_THAT(FromWire({.content_type = "application/cloudevents+json", .body = "{"}),
              refused("not the JSON of one"));
  EXPECT_THAT(FromWire({.content_type = "application/cloudevents+json", .body = Nested(5000)}),
              refused("nested deeper than 100 levels"));
  EXPECT_THAT(FromWire({.content_type = "application/cloudevents+json",
                        .body = Nested(5000, R"("x":'"',)")}),
              refused("nested deeper than 100 levels"));
  EXPECT_THAT(FromWire({.content_type = "application/cloudevents+json", .body = Nested(20)}),
              IsOk());
  EXPECT_THAT(FromWire({.content_type = "application/cloudevents+avro"}),
              refused("the format application/cloudevents+avro is not read"));
  EXPECT_THAT(FromWire({.content_type = "application/cloudevents-batch+json", .body = "[]"}),
              refused("is not read"));
}

TEST(WireTest, NoBytesCrashTheReader) {
  std::mt19937 random(4711);
  const auto message = ToWire(Paid(), ContentMode::kStructured, Binding::kNats);
  const auto binary = ToWire(Paid(), ContentMode::kBinary, Binding::kNats);
  ASSERT_THAT(message, IsOk());
  for (int i = 0; i < 3000; ++i) {
    WireMessage broken = i % 2 == 0 ? *message : *binary;
    std::string& victim =
        i % 2 == 0 ? broken.body : broken.headers[random() % broken.headers.size()].second;
    for (int flips = 0; flips < 3 && !victim.empty(); ++flips) {
      victim[random() % victim.size()] = static_cast<char>(random());
    }
    const auto read = FromWire(broken);
    EXPECT_THAT(read.status().code(),
                AnyOf(absl::StatusCode::kOk, absl::StatusCode::kInvalidArgument));
  }
}

TEST(WireTest, DeeplyNestedJsonIsRefused) {
  const std::string deep(100'000, '[');
  EXPECT_THAT(FromCloudEventJson(R"({"specversion":"1.0","data":)" + deep),
              HasCode(absl::StatusCode::kInvalidArgument));
}

// ---- JSON --------------------------------------------------------------------------------------

TEST(CloudEventJsonTest, JsonDataStandsInTheDocument) {
  IntegrationEvent event = Paid();
  event.data_content_type = "application/json";
  event.data = R"({"order":"42","lines":[1,2.5,null,true]})";
  const auto json = ToCloudEventJson(event);
  ASSERT_THAT(json, IsOk());
  EXPECT_THAT(*json, HasSubstr(R"("data":{)"));
  const auto read = FromCloudEventJson(*json);
  ASSERT_THAT(read, IsOk());
  EXPECT_THAT(read->data, HasSubstr(R"("order":"42")"));
  EXPECT_THAT(read->data, HasSubstr(R"("lines":[1,2.5,null,true])"));
}

TEST(CloudEventJsonTest, TextAndForeignAttributesAreRead) {
  const auto read =
      FromCloudEventJson(R"({"specversion":"1.0","id":"1","source":"/s","type":"t","comexample":7,)"
                         R"("datacontenttype":"text/xml","data":"<a/>"})");
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->data, "<a/>");
}

TEST(CloudEventJsonTest, DataThatIsNotTheJsonItSaysIsRefused) {
  IntegrationEvent event = Paid();
  event.data_content_type = "application/json";
  event.data = "{";
  EXPECT_THAT(ToCloudEventJson(event), Fails(absl::StatusCode::kInvalidArgument, "is not"));
}

// ---- What can be sent --------------------------------------------------------------------------

TEST(IntegrationEventTest, WhatCannotGoOnAWireIsNamed) {
  const auto check = [](auto change) {
    IntegrationEvent event = Paid();
    change(event);
    return Check(event);
  };
  const auto refused = [](const char* why) {
    return Fails(absl::StatusCode::kInvalidArgument, why);
  };
  EXPECT_THAT(Check(Paid()), IsOk());
  EXPECT_THAT(check([](auto& event) { event.id.clear(); }), refused("no id"));
  EXPECT_THAT(check([](auto& event) { event.type.clear(); }), refused("no type"));
  EXPECT_THAT(check([](auto& event) { event.source = ""; }), refused("source"));
  EXPECT_THAT(check([](auto& event) { event.source = "/a b"; }), refused("source"));
  EXPECT_THAT(check([](auto& event) { event.source = "/a%2"; }), refused("source"));
  EXPECT_THAT(check([](auto& event) { event.subject = "a\nb"; }), refused("subject"));
  EXPECT_THAT(check([](auto& event) { event.partition_key = "\xff"; }), refused("partitionkey"));
}

TEST(IntegrationEventTest, WhatItCausesBelongsToItsConversation) {
  const Metadata caused = CausedBy(Paid());
  EXPECT_EQ(caused.correlation_id(), "c-1");
  EXPECT_EQ(caused.causation_id(), Paid().id);
  EXPECT_EQ(caused.traceparent(), kTrace);
  IntegrationEvent first = Paid();
  first.correlation_id.clear();
  EXPECT_EQ(CausedBy(first).correlation_id(), Paid().id);
}

}  // namespace
}  // namespace daybook::test
