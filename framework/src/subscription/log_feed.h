#ifndef DAYBOOK_SRC_SUBSCRIPTION_LOG_FEED_H_
#define DAYBOOK_SRC_SUBSCRIPTION_LOG_FEED_H_

#include <set>
#include <string>
#include <vector>

#include "daybook/event_store.h"
#include "subscription/feed.h"
#include "subscription/recent_records.h"

namespace daybook::internal {

// The events of a log that pass a filter.
class LogFeed final : public Feed {
 public:
  LogFeed(EventStore& store, RecentRecords& recent, Filter filter);

  absl::StatusOr<FeedPage> Read(Position after, int64_t limit, Position head) override;
  absl::StatusOr<Record> Find(Position position) override;

 private:
  bool Passes(const RecordedEvent& event);
  bool TypePasses(const RecordedEvent& event);

  EventStore& store_;
  RecentRecords& recent_;
  const Filter filter_;
  const std::set<std::string, std::less<>> types_;
  enum Known : char { kUnknown, kPasses, kIsLeftOut };
  std::vector<Known> known_types_;  // by type_key
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_LOG_FEED_H_
