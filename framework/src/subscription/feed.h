#ifndef DAYBOOK_SRC_SUBSCRIPTION_FEED_H_
#define DAYBOOK_SRC_SUBSCRIPTION_FEED_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "daybook/event.h"
#include "daybook/subscription.h"

namespace daybook::internal {

struct FeedPage {
  std::vector<Record> records = {};
  Position looked = {};  // all up to here has been looked at: it passes holes and what was left out
};

// Anything with ordered, positioned records: all that a subscription knows of its source. Used by
// one thread at a time.
class Feed {
 public:
  virtual ~Feed() = default;

  // What follows `after`: at most `limit` records, fewer if they are large. `head` is the newest
  // position that the caller knows of. May come from memory: a subscription cannot tell.
  virtual absl::StatusOr<FeedPage> Read(Position after, int64_t limit, Position head) = 0;

  // The record at `position`; null if it has been deleted.
  virtual absl::StatusOr<Record> Find(Position position) = 0;
};

// Copies records that are seen through views into one block of memory, which lives for as long as
// somebody holds one of them.
class RecordPageBuilder {
 public:
  RecordPageBuilder();
  ~RecordPageBuilder();

  void Add(const RecordedEvent& event);
  size_t bytes() const;
  std::vector<Record> Finish();

 private:
  struct Page;
  std::shared_ptr<Page> page_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_FEED_H_
