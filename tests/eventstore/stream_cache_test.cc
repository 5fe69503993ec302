#include "sqlite/stream_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace daybook::internal {
namespace {

std::string Name(size_t number) { return "order-" + std::to_string(number); }

KnownStream WithKey(int64_t key) {
  KnownStream stream;
  stream.key = key;
  return stream;
}

TEST(StreamCacheTest, KeepsWhatIsUsedAndDropsWhatIsNot) {
  StreamCache cache;
  cache.Put("used-1", WithKey(1));
  cache.Put("unused-1", WithKey(2));
  for (size_t i = 0; i < 3 * StreamCache::kGeneration; ++i) {
    cache.Put(Name(i), WithKey(3));
    ASSERT_TRUE(i % 1000 != 0 || cache.Find("used-1") != nullptr);
  }
  EXPECT_EQ(cache.Find("used-1")->key, 1);
  EXPECT_EQ(cache.Find("unused-1"), nullptr);
}

TEST(StreamCacheTest, APointerHoldsThroughARequestsWorthOfLookUps) {
  StreamCache cache;
  for (size_t i = 0; i < StreamCache::kGeneration; ++i) cache.Put(Name(i), WithKey(1));
  KnownStream* const held = cache.Find(Name(7));
  for (size_t i = 0; i + 1 < StreamCache::kGeneration; ++i) {
    cache.Put("other-" + std::to_string(i), WithKey(2));
  }
  held->key = 42;
  EXPECT_EQ(cache.Find(Name(7))->key, 42);
}

TEST(StreamCacheTest, ClearForgetsAll) {
  StreamCache cache;
  cache.Put("order-1", WithKey(1));
  cache.Clear();
  EXPECT_EQ(cache.Find("order-1"), nullptr);
}

}  // namespace
}  // namespace daybook::internal
