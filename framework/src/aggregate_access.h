#ifndef DAYBOOK_SRC_AGGREGATE_ACCESS_H_
#define DAYBOOK_SRC_AGGREGATE_ACCESS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daybook/aggregate.h"

namespace daybook::internal {

// What the framework does to aggregates and their users do not.
class AggregateAccess {
 public:
  static void SetId(AggregateBase& aggregate, std::string_view id) {
    aggregate.id_ = std::string(id);
  }
  static void SetVersion(AggregateBase& aggregate, Version version) {
    aggregate.version_ = version;
  }

  static const EventTable& Table(const AggregateBase& aggregate) { return aggregate.Table(); }

  // May throw what Apply throws.
  static absl::Status Replay(AggregateBase& aggregate, int event, std::string_view payload,
                             ReplayBuffer& buffer) {
    return aggregate.Replay(static_cast<size_t>(event), payload, buffer);
  }

  static std::vector<NewEvent> TakeEmitted(AggregateBase& aggregate) {
    return std::exchange(aggregate.emitted_, {});
  }

  // kInternal if an Apply emitted, or threw and was not heard of.
  static absl::Status Misuse(const AggregateBase& aggregate);
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_AGGREGATE_ACCESS_H_
