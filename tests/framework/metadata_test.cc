#include "daybook/metadata.h"

#include "status_testing.h"

namespace daybook::test {
namespace {

StoredEvent EventWith(const Metadata& metadata) {
  StoredEvent event;
  event.id = EventId::Generate();
  event.version = Version(3);
  event.stream = "payment-7";
  event.metadata = metadata.SerializeAsString();
  return event;
}

TEST(MetadataTest, AnEventWithoutMetadataSaysNothing) {
  const StoredEvent event;
  const auto metadata = MetadataOf(event.View());
  ASSERT_THAT(metadata, IsOk());
  EXPECT_EQ(metadata->ByteSizeLong(), 0u);
}

TEST(MetadataTest, BytesThatAreNoMetadataAreDataLoss) {
  StoredEvent event = EventWith({});
  event.metadata = "\x0a\xff";
  EXPECT_THAT(MetadataOf(event.View()), Fails(absl::StatusCode::kDataLoss, "payment-7, version 3"));
}

TEST(MetadataTest, TheFirstEventBeginsTheConversation) {
  const StoredEvent event = EventWith({});
  const Metadata caused = CausedBy(event.View());
  EXPECT_EQ(caused.correlation_id(), event.id.ToString());
  EXPECT_EQ(caused.causation_id(), event.id.ToString());
}

TEST(MetadataTest, TheConversationAndTheTraceAreHandedOn) {
  Metadata metadata;
  metadata.set_correlation_id("conversation-1");
  metadata.set_causation_id("request-9");
  metadata.set_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  metadata.set_tracestate("vendor=1");
  metadata.set_actor("ann");
  metadata.add_headers()->set_name("tenant");
  const StoredEvent event = EventWith(metadata);

  const Metadata caused = CausedBy(event.View());

  EXPECT_EQ(caused.correlation_id(), "conversation-1");
  EXPECT_EQ(caused.causation_id(), event.id.ToString());
  EXPECT_EQ(caused.traceparent(), metadata.traceparent());
  EXPECT_EQ(caused.tracestate(), "vendor=1");
  EXPECT_EQ(caused.actor(), "");
  EXPECT_EQ(caused.headers_size(), 0);
}

TEST(MetadataTest, UnreadableMetadataCountsAsBeginningAConversation) {
  StoredEvent event = EventWith({});
  event.metadata = "\x0a\xff";
  EXPECT_EQ(CausedBy(event.View()).correlation_id(), event.id.ToString());
}

}  // namespace
}  // namespace daybook::test
