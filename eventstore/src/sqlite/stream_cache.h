#ifndef DAYBOOK_SRC_SQLITE_STREAM_CACHE_H_
#define DAYBOOK_SRC_SQLITE_STREAM_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "daybook/event_store.h"

namespace daybook::internal {

// A stream as the writer knows it. Key 0: it has no row yet.
struct KnownStream {
  int64_t key = 0;
  StreamState state;
};

// The streams used last: between one and two generations of them. A stream found in the older
// generation moves to the younger; when that is full, the older is dropped. Not thread-safe.
class StreamCache {
 public:
  // nullptr if unknown. The pointer holds through the next kGeneration - 1 calls of Find and Put,
  // and until Clear.
  KnownStream* Find(std::string_view name);
  KnownStream* Put(std::string_view name, const KnownStream& stream);
  void Clear();

  static constexpr size_t kGeneration = 32'768;
  static_assert(kGeneration > kMaxAppendEvents, "a request looks up each of its streams first");

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
  };
  using Streams = std::unordered_map<std::string, KnownStream, Hash, std::equal_to<>>;

  void MakeRoom();

  Streams young_;
  Streams old_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_STREAM_CACHE_H_
