#ifndef DAYBOOK_SRC_SUBSCRIPTION_OUTCOME_H_
#define DAYBOOK_SRC_SUBSCRIPTION_OUTCOME_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/subscription.h"
#include "subscription/engine.h"

namespace daybook::internal {

// Marks a handler's error: this record alone cannot be handled now, and the attempt does not count.
absl::Status NotNow(absl::Status error);

// What a handler's answer means.
Outcome OutcomeOf(const absl::Status& status);

// The store's answer: trying again may help.
bool IsTransient(const absl::Status& status);

// The handler's answer; kInternal for a throw.
absl::Status Call(const Handler::Function& function, const RecordedEvent& record);

// kInvalidArgument: the key function breaks its promises.
absl::StatusOr<std::string> LaneOf(const SubscriptionOptions& options, const RecordedEvent& record);

// kInvalidArgument names the first option out of bounds.
absl::Status CheckOptions(const SubscriptionOptions& options, bool completes_later);
absl::Status CheckSubscriptionName(std::string_view name);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_OUTCOME_H_
