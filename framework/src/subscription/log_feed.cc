#include "subscription/log_feed.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "status_macros.h"

namespace daybook::internal {

LogFeed::LogFeed(EventStore& store, RecentRecords& recent, Filter filter)
    : store_(store),
      recent_(recent),
      filter_(std::move(filter)),
      types_(filter_.types.begin(), filter_.types.end()) {}

absl::StatusOr<FeedPage> LogFeed::Read(Position after, int64_t limit, Position head) {
  DAYBOOK_ASSIGN_OR_RETURN(std::optional<FeedPage> recent,
                           recent_.Read(after, limit, head, [this](const RecordedEvent& event) {
                             return Passes(event);
                           }));
  if (recent.has_value()) return *std::move(recent);
  return ReadPage(store_, {.after = after, .filter = filter_, .limit = limit});
}

absl::StatusOr<Record> LogFeed::Find(Position position) {
  DAYBOOK_ASSIGN_OR_RETURN(
      FeedPage page, ReadPage(store_, {.after = position - 1, .before = position + 1, .limit = 1}));
  return page.records.empty() ? nullptr : std::move(page.records.front());
}

bool LogFeed::Passes(const RecordedEvent& event) {
  if (!filter_.category.empty() && event.category() != filter_.category) return false;
  if (!event.stream().starts_with(filter_.stream_prefix)) return false;
  return types_.empty() || TypePasses(event);
}

bool LogFeed::TypePasses(const RecordedEvent& event) {
  const auto key = static_cast<size_t>(event.type_key());
  if (key >= known_types_.size()) known_types_.resize(key + 1, kUnknown);
  if (known_types_[key] == kUnknown) {
    known_types_[key] = types_.contains(event.type()) ? kPasses : kIsLeftOut;
  }
  return known_types_[key] == kPasses;
}

}  // namespace daybook::internal
