#ifndef DAYBOOK_TESTS_FAULT_SUBSCRIBER_H_
#define DAYBOOK_TESTS_FAULT_SUBSCRIBER_H_

#include <chrono>

#include "daybook/subscription.h"

namespace daybook::fault {

inline constexpr char kAuditStream[] = "audit-1";

// The subscription that subscribing_child runs.
inline SubscriptionOptions ItemsOptions() {
  return {.name = "items",
          .category = "item",
          .max_in_flight = 4,
          .window = 64,
          .checkpoint_every = 32,
          .checkpoint_interval = std::chrono::milliseconds(20),
          .lease = std::chrono::milliseconds(150)};
}

}  // namespace daybook::fault

#endif  // DAYBOOK_TESTS_FAULT_SUBSCRIBER_H_
