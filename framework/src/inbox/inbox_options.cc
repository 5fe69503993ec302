#include "inbox/inbox_options.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "sqlite/paths.h"
#include "status_macros.h"

namespace daybook::internal {
namespace {

constexpr size_t kMaxConsumerBytes = 200;
constexpr std::chrono::hours kMaxRetention(24 * 365 * 100);

absl::Status Invalid(const std::string& message) {
  return MakeStatus(absl::StatusCode::kInvalidArgument, message);
}

absl::Status CheckConsumer(const std::string& consumer) {
  const bool control =
      std::any_of(consumer.begin(), consumer.end(), [](unsigned char c) { return c < 0x20; });
  if (!consumer.empty() && consumer.size() <= kMaxConsumerBytes && !control) {
    return absl::OkStatus();
  }
  return Invalid(
      absl::StrCat("options.consumer has 1 to ", kMaxConsumerBytes, " bytes, none below 0x20"));
}

absl::Status CheckBounds(const InboxOptions& options) {
  struct Bound {
    const char* name;
    int64_t value, least, most;
  };
  constexpr int64_t kDayMs = 24 * 3600 * 1000;
  const RetryPolicy& retry = options.retry;
  const std::array<Bound, 7> bounds = {{
      {"retry.max_attempts", retry.max_attempts, 1, 1'000'000},
      {"retry.backoff.first (ms)", retry.backoff.first.count(), 1, kDayMs},
      {"retry.backoff.longest (ms)", retry.backoff.longest.count(), retry.backoff.first.count(),
       kDayMs},
      {"retry.outage.first (ms)", retry.outage.first.count(), 1, kDayMs},
      {"retry.outage.longest (ms)", retry.outage.longest.count(), retry.outage.first.count(),
       kDayMs},
      {"max_parked", options.max_parked, 1, 1'000'000},
      {"retention (h)", options.retention.count(), 1, kMaxRetention.count()},
  }};
  for (const Bound& bound : bounds) {
    if (bound.value >= bound.least && bound.value <= bound.most) continue;
    return Invalid(absl::StrCat("inbox of '", options.consumer, "': ", bound.name, " is ",
                                bound.value, "; from ", bound.least, " to ", bound.most));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<InboxOptions> CheckOptions(InboxOptions options) {
  DAYBOOK_ASSIGN_OR_RETURN(const std::filesystem::path path,
                           AbsolutePath("options.path", options.path));
  options.path = path.string();
  options.retention = std::min(options.retention, kMaxRetention);
  DAYBOOK_RETURN_IF_ERROR(CheckConsumer(options.consumer));
  DAYBOOK_RETURN_IF_ERROR(CheckBounds(options));
  return options;
}

}  // namespace daybook::internal
