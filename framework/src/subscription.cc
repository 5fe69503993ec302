#include "daybook/subscription.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "bounds.h"
#include "daybook/status.h"
#include "make_status.h"
#include "query_check.h"
#include "status_macros.h"
#include "subscription/outcome.h"
#include "subscription/runner.h"
#include "to_absl.h"

namespace daybook {
namespace {

constexpr char kPermanentUrl[] = "daybook/permanent";
constexpr char kOutageUrl[] = "daybook/outage";
constexpr char kHaltUrl[] = "daybook/halt";
constexpr char kNotNowUrl[] = "daybook/not-now";
constexpr size_t kMaxNameBytes = 200;
constexpr size_t kMaxLaneBytes = 1024;

absl::Status Marked(absl::Status error, const char* url) {
  error.SetPayload(url, absl::Cord());
  return error;
}

}  // namespace

absl::Status Permanent(absl::Status error) { return Marked(std::move(error), kPermanentUrl); }
absl::Status Outage(absl::Status error) { return Marked(std::move(error), kOutageUrl); }
absl::Status Halt(absl::Status error) { return Marked(std::move(error), kHaltUrl); }

absl::Status FromCommand(absl::Status answer) {
  if (answer.ok() || internal::OutcomeOf(answer).verdict != internal::Verdict::kFailed) {
    return answer;
  }
  if (!IsFromDaybook(answer) || IsTombstoned(answer)) return Permanent(std::move(answer));
  switch (answer.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
      return Outage(std::move(answer));
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kDataLoss:
      return Permanent(std::move(answer));
    default:
      return answer;
  }
}

std::string_view Name(SubscriptionState state) {
  static constexpr std::array<std::string_view, 7> kNames = {
      "not started", "standby", "running", "paused", "outage", "stopped", "stuck"};
  return kNames[static_cast<size_t>(state)];
}

Completion::~Completion() {
  if (done_ != nullptr) {
    done_(internal::MakeStatus(absl::StatusCode::kInternal,
                               "the handler dropped its completion, or threw"));
  }
}

Handler::Handler(EventHandlers handlers) : types_(handlers.types()) {
  function_ = [handlers = std::move(handlers)](const RecordedEvent& event) {
    return handlers.Handle(event);
  };
}

absl::Status Handler::Check() const {
  if (!usable_.ok() || function_ != nullptr || later_ != nullptr) return usable_;
  return internal::MakeInvalid("it has an empty handler");
}

namespace internal {

absl::Status NotNow(absl::Status error) { return Marked(std::move(error), kNotNowUrl); }

Outcome OutcomeOf(const absl::Status& status) {
  if (status.ok()) return {};
  static constexpr std::array<std::pair<const char*, Verdict>, 4> kMarks = {{
      {kHaltUrl, Verdict::kHalt},
      {kOutageUrl, Verdict::kEverything},
      {kPermanentUrl, Verdict::kNever},
      {kNotNowUrl, Verdict::kNotNow},
  }};
  for (const auto& [url, verdict] : kMarks) {
    if (status.GetPayload(url).has_value()) return {.verdict = verdict, .why = status};
  }
  return {.verdict = Verdict::kFailed, .why = status};
}

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

absl::Status Call(const Handler::Function& function, const RecordedEvent& record) {
  try {
    return function(record);
  } catch (...) {
    return FromCurrentException("the handler");
  }
}

absl::StatusOr<std::string> LaneOf(const SubscriptionOptions& options,
                                   const RecordedEvent& record) {
  if (options.key == nullptr) return std::string(record.stream());
  std::string lane;
  try {
    lane = options.key(record);
  } catch (...) {
    return FromCurrentException("options.key");
  }
  if (lane.size() <= kMaxLaneBytes) return lane;
  return MakeStatus(absl::StatusCode::kInvalidArgument,
                    absl::StrCat("options.key gave ", lane.size(), " bytes for position ",
                                 record.position().value(), "; at most ", kMaxLaneBytes));
}

absl::Status CheckSubscriptionName(std::string_view name) {
  const bool control =
      std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20; });
  if (!name.empty() && name.size() <= kMaxNameBytes && !control) return absl::OkStatus();
  return MakeStatus(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("a subscription's name has 1 to ", kMaxNameBytes, " bytes, none below 0x20"));
}

absl::Status CheckOptions(const SubscriptionOptions& options, bool completes_later) {
  DAYBOOK_RETURN_IF_ERROR(CheckSubscriptionName(options.name));
  DAYBOOK_RETURN_IF_ERROR(CheckFilter({.category = options.category,
                                       .types = options.types,
                                       .stream_prefix = options.stream_prefix}));
  const std::string whose = absl::StrCat("subscription '", options.name, "'");
  const std::array<Bound, 7> bounds = {{
      {"max_in_flight", options.max_in_flight, 1, completes_later ? 10'000 : 256},
      {"window", options.window, options.max_in_flight, 65'536},
      {"limits.records", options.limits.records, 1, 4000},
      {"limits.lanes", options.limits.lanes, 1, 4000},
      {"checkpoint_every", options.checkpoint_every, 1, 1'000'000},
      {"checkpoint_interval (ms)", options.checkpoint_interval.count(), 1, kDayMs},
      {"lease (ms)", options.lease.count(), 100, 3'600'000},
  }};
  DAYBOOK_RETURN_IF_ERROR(CheckBounds(whose, BoundsOf(options.retry)));
  return CheckBounds(whose, bounds);
}

}  // namespace internal

// It leaves the hub while it is still all that the hub may call.
class Subscription::Impl final : public internal::Runner {
 public:
  using Runner::Runner;
  ~Impl() override { Stop(); }
};

Subscription::Subscription(EventStore& store, SubscriptionOptions options, Handler handler)
    : impl_(std::make_unique<Impl>(store, std::move(options), std::move(handler))) {}

Subscription::~Subscription() = default;

absl::Status Subscription::Start() { return impl_->Start(); }
void Subscription::Stop() { impl_->Stop(); }
absl::Status Subscription::CatchUp() { return impl_->CatchUp(); }
absl::Status Subscription::WaitUntil(Position position,
                                     std::chrono::steady_clock::time_point deadline) const {
  return impl_->WaitUntil(position, deadline);
}
SubscriptionHealth Subscription::Health() const { return impl_->Health(); }
const SubscriptionOptions& Subscription::options() const { return impl_->options(); }

}  // namespace daybook
