#include "bounds.h"

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "to_absl.h"

namespace daybook::internal {

absl::Status CheckBounds(std::string_view whose, std::span<const Bound> bounds) {
  for (const Bound& bound : bounds) {
    if (bound.value >= bound.least && bound.value <= bound.most) continue;
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      absl::StrCat(ToAbsl(whose), ": ", bound.name, " is ", bound.value, "; from ",
                                   bound.least, " to ", bound.most));
  }
  return absl::OkStatus();
}

std::array<Bound, 5> BoundsOf(const RetryPolicy& retry) {
  const auto [first, longest] = retry.backoff;
  const auto [outage_first, outage_longest] = retry.outage;
  return {{{"retry.max_attempts", retry.max_attempts, 1, 1'000'000},
           {"retry.backoff.first (ms)", first.count(), 1, kDayMs},
           {"retry.backoff.longest (ms)", longest.count(), first.count(), kDayMs},
           {"retry.outage.first (ms)", outage_first.count(), 1, kDayMs},
           {"retry.outage.longest (ms)", outage_longest.count(), outage_first.count(), kDayMs}}};
}

}  // namespace daybook::internal
