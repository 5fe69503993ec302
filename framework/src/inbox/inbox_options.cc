#include "inbox/inbox_options.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bounds.h"
#include "make_status.h"
#include "sqlite/paths.h"
#include "status_macros.h"

namespace daybook::internal {
namespace {

constexpr size_t kMaxConsumerBytes = 200;
constexpr std::chrono::hours kMaxRetention(24 * 365 * 100);

absl::Status CheckConsumer(const std::string& consumer) {
  const bool control =
      std::any_of(consumer.begin(), consumer.end(), [](unsigned char c) { return c < 0x20; });
  if (!consumer.empty() && consumer.size() <= kMaxConsumerBytes && !control) {
    return absl::OkStatus();
  }
  return MakeStatus(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("options.consumer has 1 to ", kMaxConsumerBytes, " bytes, none below 0x20"));
}

}  // namespace

absl::StatusOr<InboxOptions> CheckOptions(InboxOptions options) {
  DAYBOOK_ASSIGN_OR_RETURN(const std::filesystem::path path,
                           AbsolutePath("options.path", options.path));
  options.path = path.string();
  DAYBOOK_RETURN_IF_ERROR(CheckRegularFile(options.path));
  options.retention = std::min(options.retention, kMaxRetention);
  DAYBOOK_RETURN_IF_ERROR(CheckConsumer(options.consumer));
  const std::string whose = absl::StrCat("inbox of '", options.consumer, "'");
  const std::array<Bound, 2> bounds = {
      {{"max_parked", options.max_parked, 1, 1'000'000},
       {"retention (h)", options.retention.count(), 1, kMaxRetention.count()}}};
  DAYBOOK_RETURN_IF_ERROR(CheckBounds(whose, BoundsOf(options.retry)));
  DAYBOOK_RETURN_IF_ERROR(CheckBounds(whose, bounds));
  return options;
}

}  // namespace daybook::internal
