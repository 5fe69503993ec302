#ifndef DAYBOOK_SRC_REPLAYER_H_
#define DAYBOOK_SRC_REPLAYER_H_

#include <vector>

#include "absl/status/status.h"
#include "daybook/aggregate.h"
#include "daybook/event.h"

namespace daybook::internal {

// Steps the events of one store into aggregates of one class. Not thread-safe. Kept and used again,
// it neither allocates nor compares a name for an event of a type it has met.
class Replayer {
 public:
  // Applies `event`. An error says where it stands; the aggregate is then of no further use.
  absl::Status Step(AggregateBase& aggregate, const RecordedEvent& event);

 private:
  int IndexOf(const AggregateBase& aggregate, const RecordedEvent& event);

  std::vector<int> index_by_type_key_;
  ReplayBuffer buffer_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_REPLAYER_H_
