#include "subscription/recent_records.h"

#include <algorithm>
#include <utility>

#include "status_macros.h"

namespace daybook::internal {
namespace {

constexpr size_t kMaxRecords = 4096;
constexpr size_t kMaxBytes = 16u << 20;
constexpr int64_t kRingPageRecords = 1024;

size_t SizeOf(const RecordedEvent& event) {
  return sizeof(RecordedEvent) + event.stream().size() + event.type().size() +
         event.metadata().size() + event.payload().size();
}

}  // namespace

absl::StatusOr<FeedPage> ReadPage(EventStore& store, const LogQuery& query) {
  RecordPageBuilder builder;
  Position last;
  const absl::Status full = absl::OutOfRangeError("the page is full");
  const absl::StatusOr<LogScan> scan = store.Visit(query, [&](const RecordedEvent& event) {
    builder.Add(event);
    last = event.position();
    return builder.bytes() < kMaxFeedPageBytes ? absl::OkStatus() : full;
  });
  if (!scan.ok() && scan.status() != full) return scan.status();
  return FeedPage{.records = builder.Finish(), .looked = scan.ok() ? scan->looked : last};
}

absl::StatusOr<std::optional<FeedPage>> RecentRecords::Read(
    Position after, int64_t limit, Position head,
    const std::function<bool(const RecordedEvent&)>& wanted) {
  MutexLock lock(mutex_);
  if (const uint32_t deletions = store_.Deletions(); deletions != deletions_) {
    deletions_ = deletions;
    BeginAfter(to_);
  }
  if (after < from_ || head - after > static_cast<int64_t>(kMaxRecords)) return std::nullopt;
  if (after > to_) BeginAfter(after);
  if (after == to_) DAYBOOK_RETURN_IF_ERROR(ReadOn());
  if (after < from_) return std::nullopt;  // larger than what is kept
  FeedPage page{.looked = to_};
  auto record = std::upper_bound(
      records_.begin(), records_.end(), after,
      [](Position wanted_after, const Record& one) { return wanted_after < one->position(); });
  for (; record != records_.end(); ++record) {
    if (!wanted(**record)) continue;
    if (static_cast<int64_t>(page.records.size()) == limit) {
      page.looked = page.records.back()->position();
      break;
    }
    page.records.push_back(*record);
  }
  return page;
}

void RecentRecords::BeginAfter(Position position) {
  records_.clear();
  bytes_ = 0;
  from_ = to_ = position;
}

absl::Status RecentRecords::ReadOn() {
  DAYBOOK_ASSIGN_OR_RETURN(FeedPage page,
                           ReadPage(store_, {.after = to_, .limit = kRingPageRecords}));
  for (Record& record : page.records) {
    bytes_ += SizeOf(*record);
    records_.push_back(std::move(record));
  }
  to_ = page.looked;
  while (records_.size() > kMaxRecords || bytes_ > kMaxBytes) {
    from_ = records_.front()->position();
    bytes_ -= SizeOf(*records_.front());
    records_.pop_front();
  }
  return absl::OkStatus();
}

}  // namespace daybook::internal
