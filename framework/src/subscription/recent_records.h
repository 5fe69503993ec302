#ifndef DAYBOOK_SRC_SUBSCRIPTION_RECENT_RECORDS_H_
#define DAYBOOK_SRC_SUBSCRIPTION_RECENT_RECORDS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "absl/status/statusor.h"
#include "daybook/event_store.h"
#include "mutex.h"
#include "subscription/feed.h"

namespace daybook::internal {

// The newest records of a log, read once for all subscriptions that stand near its head.
// Thread-safe.
class RecentRecords {
 public:
  explicit RecentRecords(EventStore& store) : store_(store) {}

  // As Feed::Read, of the records that pass `wanted`; nullopt if what follows `after` is not here.
  absl::StatusOr<std::optional<FeedPage>> Read(
      Position after, int64_t limit, Position head,
      const std::function<bool(const RecordedEvent&)>& wanted);

 private:
  void BeginAfter(Position position) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ReadOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  EventStore& store_;
  Mutex mutex_;
  // All records at positions in (from_, to_], since so many deletions.
  std::deque<Record> records_ ABSL_GUARDED_BY(mutex_);
  Position from_ ABSL_GUARDED_BY(mutex_);
  Position to_ ABSL_GUARDED_BY(mutex_);
  uint32_t deletions_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Reads events of `query` into a page, at most kMaxFeedPageBytes and one event more.
absl::StatusOr<FeedPage> ReadPage(EventStore& store, const LogQuery& query);
inline constexpr size_t kMaxFeedPageBytes = 4u << 20;

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_RECENT_RECORDS_H_
