#include "daybook/inbox.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <random>

#include "absl/strings/str_cat.h"
#include "inbox/desk.h"
#include "inbox/inbox_file.h"
#include "inbox/inbox_options.h"
#include "inbox/message.h"
#include "make_status.h"
#include "mutex.h"
#include "status_macros.h"
#include "subscription/outcome.h"
#include "to_absl.h"

namespace daybook {
namespace {

using internal::Desk;
using internal::Incoming;
using internal::MakeStatus;
using internal::ReplayLock;
using internal::Step;
using internal::StoredMessage;
using internal::ToAbsl;
using internal::Tried;
using internal::Verdict;

// False if a stop was requested.
bool Sleep(std::chrono::nanoseconds pause, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, pause, [] { return false; });
  return !stop.stop_requested();
}

absl::Status Stopped(const absl::Status& failure) {
  const std::string last = failure.ok() ? "" : absl::StrCat("; it had failed: ", failure.message());
  return MakeStatus(absl::StatusCode::kDeadlineExceeded,
                    absl::StrCat("a stop was requested; the message is left where it is", last));
}

absl::Status NoLane(std::string_view lane) {
  return MakeStatus(absl::StatusCode::kNotFound,
                    absl::StrCat("nothing is parked in the lane ", ToAbsl(lane)));
}

}  // namespace

OnceKey Received::once() const {
  std::string key = internal::Identity(event_);
  const bool fits = key.size() <= kMaxOnceKeyBytes &&
                    std::none_of(key.begin(), key.end(), [](unsigned char c) { return c < 0x20; });
  return {.scope = absl::StrCat("inbox/", ToAbsl(consumer_)),
          .key = fits ? std::move(key) : internal::Digest(key)};
}

std::string_view Name(Receipt receipt) {
  static constexpr std::array<std::string_view, 4> kNames = {"handled", "duplicate", "ignored",
                                                             "parked"};
  return kNames[static_cast<size_t>(receipt)];
}

class Inbox::Impl {
 public:
  Impl(std::unique_ptr<internal::InboxFile> file, InboxOptions options, InboxHandlers handlers)
      : options_(std::move(options)),
        handlers_(std::move(handlers)),
        desk_(std::move(file), options_, handlers_) {}

  absl::StatusOr<Receipt> Receive(const WireMessage& message, const std::stop_token& stop) {
    const absl::StatusOr<IntegrationEvent> event = FromWire(message);
    if (event.ok()) return Receive(*event, &message, stop);
    if (options_.malformed == Stray::kIgnore) return Receipt::kIgnored;
    return desk_.Park(
        {.parked = {.lane = internal::LaneOfMalformed(message), .reason = event.status()},
         .wire = message});
  }

  // `wire` may be null.
  absl::StatusOr<Receipt> Receive(const IntegrationEvent& event, const WireMessage* wire,
                                  const std::stop_token& stop) {
    const Incoming message = {.event = event,
                              .handler = handlers_.Find(event.type),
                              .lane = internal::LaneOf(event),
                              .wire = wire};
    if (message.handler != nullptr) return Handle(message, stop);
    if (options_.unknown_type == Stray::kIgnore) return Receipt::kIgnored;
    return Park(message, internal::NoHandler(event), 0);
  }

  absl::Status Replay(std::string_view lane);
  absl::Status ReplayAll();
  absl::Status Discard(int64_t number);

  Desk& desk() { return desk_; }
  const InboxOptions& options() const { return options_; }

 private:
  absl::StatusOr<Receipt> Handle(const Incoming& message, const std::stop_token& stop);
  absl::StatusOr<Receipt> Park(const Incoming& message, absl::Status reason, int attempts);
  absl::Status ReplayLane(std::string_view lane, int64_t& handled);
  std::chrono::nanoseconds Pause(int failures);

  const InboxOptions options_;
  const InboxHandlers handlers_;
  Desk desk_;

  internal::Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_){std::random_device()()};
};

absl::StatusOr<Receipt> Inbox::Impl::Handle(const Incoming& message, const std::stop_token& stop) {
  absl::Status failure;
  for (int attempt = 1;; ++attempt) {
    if (stop.stop_requested()) return Stopped(failure);
    DAYBOOK_ASSIGN_OR_RETURN(Tried tried, desk_.Try(message, attempt));
    if (tried.receipt.has_value()) return *tried.receipt;
    failure = std::move(tried.failure);
    const Verdict verdict = internal::OutcomeOf(failure).verdict;
    if (verdict != Verdict::kFailed && verdict != Verdict::kNever) return failure;
    if (verdict == Verdict::kNever || attempt >= options_.retry.max_attempts) {
      return Park(message, failure, attempt);
    }
    if (!Sleep(Pause(attempt), stop)) return Stopped(failure);
  }
}

absl::StatusOr<Receipt> Inbox::Impl::Park(const Incoming& message, absl::Status reason,
                                          int attempts) {
  DAYBOOK_ASSIGN_OR_RETURN(StoredMessage stored,
                           internal::ToPark(message, std::move(reason), attempts));
  return desk_.Park(std::move(stored));
}

std::chrono::nanoseconds Inbox::Impl::Pause(int failures) {
  const Backoff& backoff = options_.retry.backoff;
  std::chrono::nanoseconds pause = backoff.first;
  for (int i = 1; i < failures && pause < backoff.longest; ++i) pause *= 2;
  pause = std::min<std::chrono::nanoseconds>(pause, backoff.longest);
  internal::MutexLock lock(mutex_);
  return pause / 2 + pause / 2 * static_cast<int64_t>(random_() % 1024) / 1024;
}

absl::Status Inbox::Impl::ReplayLane(std::string_view lane, int64_t& handled) {
  while (true) {
    absl::Status failure;
    DAYBOOK_ASSIGN_OR_RETURN(const Step step, desk_.TryFront(lane, failure));
    if (step == Step::kFailed) return failure;
    if (step == Step::kEmpty) return absl::OkStatus();
    ++handled;
  }
}

absl::Status Inbox::Impl::Replay(std::string_view lane) {
  DAYBOOK_ASSIGN_OR_RETURN(const ReplayLock lock, ReplayLock::Take(options_.path));
  int64_t handled = 0;
  DAYBOOK_RETURN_IF_ERROR(ReplayLane(lane, handled));
  return handled > 0 ? absl::OkStatus() : NoLane(lane);
}

absl::Status Inbox::Impl::ReplayAll() {
  DAYBOOK_ASSIGN_OR_RETURN(const ReplayLock lock, ReplayLock::Take(options_.path));
  DAYBOOK_ASSIGN_OR_RETURN(const std::vector<std::string> lanes, desk_.Lanes());
  absl::Status first;
  int64_t handled = 0;
  for (const std::string& lane : lanes) first.Update(ReplayLane(lane, handled));
  return first;
}

absl::Status Inbox::Impl::Discard(int64_t number) {
  DAYBOOK_ASSIGN_OR_RETURN(const bool is_there, desk_.Discard(number));
  if (is_there) return absl::OkStatus();
  return MakeStatus(absl::StatusCode::kNotFound,
                    absl::StrCat("no message is parked under the number ", number));
}

// ---- The public face ---------------------------------------------------------------------------

namespace {

absl::StatusOr<Receipt> Taken(absl::StatusOr<Receipt> receipt) {
  if (receipt.ok()) return receipt;
  return Outage(receipt.status());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Inbox>> Inbox::Open(InboxOptions options, InboxHandlers handlers) {
  DAYBOOK_ASSIGN_OR_RETURN(InboxOptions checked, internal::CheckOptions(std::move(options)));
  DAYBOOK_ASSIGN_OR_RETURN(std::unique_ptr<internal::InboxFile> file,
                           internal::InboxFile::Open(checked.path, checked.schema));
  auto impl = std::make_unique<Impl>(std::move(file), std::move(checked), std::move(handlers));
  DAYBOOK_RETURN_IF_ERROR(impl->desk().ForgetMarks());
  return std::unique_ptr<Inbox>(new Inbox(std::move(impl)));
}

Inbox::Inbox(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Inbox::~Inbox() = default;

absl::StatusOr<Receipt> Inbox::Receive(const WireMessage& message, std::stop_token stop) {
  return Taken(impl_->Receive(message, stop));
}

absl::StatusOr<Receipt> Inbox::Receive(const IntegrationEvent& event, std::stop_token stop) {
  DAYBOOK_RETURN_IF_ERROR(Check(event));
  return Taken(impl_->Receive(event, nullptr, stop));
}

absl::StatusOr<std::vector<ParkedMessage>> Inbox::Parked(int64_t after, int64_t limit) {
  if (limit >= 1) return impl_->desk().List(after, limit);
  return MakeStatus(absl::StatusCode::kInvalidArgument,
                    absl::StrCat("a limit of ", limit, "; at least 1"));
}

absl::Status Inbox::Replay(std::string_view lane) { return impl_->Replay(lane); }
absl::Status Inbox::ReplayAll() { return impl_->ReplayAll(); }
absl::Status Inbox::Discard(int64_t number) { return impl_->Discard(number); }
const InboxOptions& Inbox::options() const { return impl_->options(); }

}  // namespace daybook
