#include "daybook/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

namespace daybook {
namespace {

int64_t UnixMillisOf(const EventId& id) {
  int64_t millis = 0;
  for (int i = 0; i < 6; ++i) millis = millis << 8 | id.bytes()[i];
  return millis;
}

TEST(EventIdTest, AGeneratedIdIsAUuidOfVersion7FromThisMoment) {
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const int64_t before = now();
  const EventId id = EventId::Generate();
  EXPECT_EQ(id.bytes()[6] >> 4, 7);
  EXPECT_EQ(id.bytes()[8] >> 6, 2);
  EXPECT_GE(UnixMillisOf(id), before);
  EXPECT_LE(UnixMillisOf(id), now());
}

TEST(EventIdTest, IdsOfSeveralThreadsDiffer) {
  std::vector<std::vector<EventId>> made(4);
  std::vector<std::thread> threads;
  for (auto& ids : made) {
    threads.emplace_back([&ids] {
      for (int i = 0; i < 1000; ++i) ids.push_back(EventId::Generate());
    });
  }
  std::set<EventId> distinct;
  for (size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    distinct.insert(made[i].begin(), made[i].end());
  }
  EXPECT_EQ(distinct.size(), 4000u);
}

TEST(EventIdTest, TextGoesThereAndBack) {
  const EventId id = EventId::Generate();
  EXPECT_EQ(id.ToString().size(), 36u);
  EXPECT_EQ(EventId::Parse(id.ToString()), id);
  EXPECT_EQ(EventId::Parse("0189F7EA-AE2C-7809-8AEB-B819CF5E9E7F")->ToString(),
            "0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f");
}

TEST(EventIdTest, OtherTextIsNoId) {
  for (const char* text :
       {"", "42", "0189f7eaae2c78098aebb819cf5e9e7f", "{0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f}",
        "0189f7ea-ae2c-7809-8aeb-b819cf5e9e7g", "0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f ",
        "0189f7ea_ae2c_7809_8aeb_b819cf5e9e7f", "------------------------------------"}) {
    EXPECT_EQ(EventId::Parse(text), std::nullopt) << text;
  }
}

TEST(EventIdTest, OnlyTheDefaultIsNil) {
  EXPECT_TRUE(EventId().is_nil());
  EXPECT_FALSE(EventId::Generate().is_nil());
}

TEST(OrdinalTest, CountsAndCompares) {
  static_assert(!std::is_convertible_v<Version, Position>);
  static_assert(!std::is_convertible_v<int64_t, Version>);
  EXPECT_EQ(Version(), Version(0));
  EXPECT_EQ(Version(3) + 2, Version(5));
  EXPECT_EQ(Position(7) - Position(3), 4);
  EXPECT_LT(Position(1), Position(2));
  std::ostringstream shown;
  shown << Version(4) << ' ' << Position(5);
  EXPECT_EQ(shown.str(), "4 5");
}

TEST(StreamNameTest, ACategoryEndsAtTheFirstDash) {
  EXPECT_EQ(CategoryOf("order-42-b"), "order");
  EXPECT_EQ(IdOf("order-42-b"), "42-b");
}

TEST(StoredEventTest, OwnsWhatItWasMadeFromAndShowsItAgain) {
  std::string payload = "payload", type = "shop.Paid", stream = "order-42", metadata = "meta";
  const RecordedEvent seen({.position = Position(9),
                            .version = Version(2),
                            .id = EventId::Generate(),
                            .time = RecordedTime(std::chrono::microseconds(5)),
                            .type_key = 3,
                            .stream = stream,
                            .type = type,
                            .metadata = metadata,
                            .payload = payload});
  const StoredEvent stored(seen);
  payload = type = stream = metadata = "overwritten";
  const RecordedEvent again = stored.View();
  EXPECT_EQ(again.payload(), "payload");
  EXPECT_EQ(again.type(), "shop.Paid");
  EXPECT_EQ(again.category(), "order");
  EXPECT_EQ(again.stream_id(), "42");
  EXPECT_EQ(again.metadata(), "meta");
  EXPECT_EQ(again.position(), Position(9));
  EXPECT_EQ(again.version(), Version(2));
  EXPECT_EQ(again.id(), seen.id());
  EXPECT_EQ(again.time(), seen.time());
  EXPECT_EQ(again.type_key(), 3);
}

}  // namespace
}  // namespace daybook
