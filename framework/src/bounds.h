#ifndef DAYBOOK_SRC_BOUNDS_H_
#define DAYBOOK_SRC_BOUNDS_H_

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "daybook/subscription.h"

namespace daybook::internal {

// An option with a number for a value.
struct Bound {
  const char* name;
  int64_t value, least, most;
};

inline constexpr int64_t kDayMs = 24 * 3600 * 1000;

// kInvalidArgument names the first that is out of bounds, and whose options they are.
absl::Status CheckBounds(std::string_view whose, std::span<const Bound> bounds);

std::array<Bound, 5> BoundsOf(const RetryPolicy& retry);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_BOUNDS_H_
