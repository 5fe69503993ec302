#include "inbox/desk.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "inbox/message.h"
#include "make_status.h"
#include "status_macros.h"
#include "subscription/outcome.h"
#include "subscription/rows.h"

namespace daybook::internal {
namespace {

// So many marks are written between two looks at the oldest, which may drop more than that.
constexpr int64_t kForgetEvery = 100;

absl::Status CallHandler(const InboxHandler& handler, ReadModel* db, const Received& at) {
  DAYBOOK_ASSIGN_OR_RETURN(const auto message, DecodeData(at.event(), *handler.prototype));
  try {
    return handler.call(db, *message, at);
  } catch (...) {
    return FromCurrentException("the handler");
  }
}

// What a handler says whose transaction is gone: SQLite itself undoes it when the disk is full or
// fails, and any message would have met that.
absl::Status Undone(const absl::Status& handled) {
  if (absl::IsResourceExhausted(handled) || absl::IsUnavailable(handled)) return Outage(handled);
  return MakeStatus(absl::StatusCode::kFailedPrecondition,
                    absl::StrCat("the handler's SQL has rolled back the transaction of the inbox "
                                 "(OR ROLLBACK, RAISE(ROLLBACK)): ",
                                 handled.message()));
}

absl::Status IsBehind(const std::string& lane) {
  return MakeStatus(absl::StatusCode::kAborted,
                    absl::StrCat("it stands behind another message of ", lane));
}

}  // namespace

absl::Status NoHandler(const IntegrationEvent& event) {
  return MakeStatus(absl::StatusCode::kDataLoss,
                    absl::StrCat("no handler for the type ", event.type));
}

absl::StatusOr<StoredMessage> ToPark(const Incoming& message, absl::Status reason, int attempts) {
  StoredMessage stored;
  if (message.wire != nullptr) {
    stored.wire = *message.wire;
  } else {
    DAYBOOK_ASSIGN_OR_RETURN(stored.wire,
                             ToWire(message.event, ContentMode::kBinary, Binding::kAmqp));
  }
  stored.parked.lane = message.lane;
  stored.parked.type = message.event.type;
  stored.parked.source = message.event.source;
  stored.parked.id = message.event.id;
  stored.parked.reason = std::move(reason);
  stored.parked.attempts = attempts;
  if (attempts > 0) stored.parked.tried_at = WallNow();
  return stored;
}

// ---- Live messages -----------------------------------------------------------------------------

absl::StatusOr<Tried> Desk::Try(const Incoming& message, int attempt) {
  const Received at(message.event, options_.consumer, attempt);
  return message.handler->writes ? TryInFile(message, at) : TryElsewhere(message, at);
}

absl::StatusOr<Tried> Desk::TryElsewhere(const Incoming& message, const Received& at) {
  DAYBOOK_ASSIGN_OR_RETURN(const std::optional<Receipt> known, Known(message));
  if (known.has_value()) return Tried{.receipt = known};
  absl::Status handled = CallHandler(*message.handler, nullptr, at);
  if (!handled.ok()) return Tried{.failure = std::move(handled)};
  return Tried{.receipt = Receipt::kHandled};
}

// A transaction only where there is something to write.
absl::StatusOr<std::optional<Receipt>> Desk::Known(const Incoming& message) {
  MutexLock lock(mutex_);
  DAYBOOK_ASSIGN_OR_RETURN(const bool marked,
                           rows_.IsMarked(message.event.source, message.event.id));
  if (marked) return std::optional(Receipt::kDuplicate);
  DAYBOOK_ASSIGN_OR_RETURN(const bool behind, rows_.HasLane(message.lane));
  if (!behind) return std::optional<Receipt>();
  InboxTransaction transaction(*file_);
  DAYBOOK_RETURN_IF_ERROR(transaction.Begin());
  DAYBOOK_ASSIGN_OR_RETURN(const std::optional<Receipt> joined, Join(message));
  if (joined.has_value()) DAYBOOK_RETURN_IF_ERROR(transaction.Commit());
  return joined;
}

absl::StatusOr<Tried> Desk::TryInFile(const Incoming& message, const Received& at) {
  MutexLock lock(mutex_);
  InboxTransaction transaction(*file_);
  DAYBOOK_RETURN_IF_ERROR(transaction.Begin());
  DAYBOOK_ASSIGN_OR_RETURN(const bool marked,
                           rows_.IsMarked(message.event.source, message.event.id));
  if (marked) return Tried{.receipt = Receipt::kDuplicate};
  DAYBOOK_ASSIGN_OR_RETURN(std::optional<Receipt> receipt, Join(message));
  if (!receipt.has_value()) {
    absl::Status handled;
    DAYBOOK_RETURN_IF_ERROR(MarkAndHandle(*message.handler, at, handled));
    if (!handled.ok()) return Tried{.failure = std::move(handled)};
    receipt = Receipt::kHandled;
  }
  DAYBOOK_RETURN_IF_ERROR(transaction.Commit());
  return Tried{.receipt = receipt};
}

absl::StatusOr<std::optional<Receipt>> Desk::Join(const Incoming& message) {
  DAYBOOK_ASSIGN_OR_RETURN(const bool behind, rows_.HasLane(message.lane));
  if (!behind) return std::optional<Receipt>();
  DAYBOOK_ASSIGN_OR_RETURN(const StoredMessage stored, ToPark(message, IsBehind(message.lane), 0));
  DAYBOOK_ASSIGN_OR_RETURN(const Receipt parked, ParkHere(stored));
  return std::optional<Receipt>(parked);
}

absl::Status Desk::MarkAndHandle(const InboxHandler& handler, const Received& at,
                                 absl::Status& handled) {
  const RecordedTime now = WallNow();
  if (++marks_ % kForgetEvery == 0) DAYBOOK_RETURN_IF_ERROR(rows_.Forget(now - options_.retention));
  DAYBOOK_RETURN_IF_ERROR(rows_.Mark(at.event(), now));
  ReadModel db(file_->session());
  handled = CallHandler(handler, &db, at);
  if (!file_->database().in_transaction()) handled = Undone(handled);
  return absl::OkStatus();
}

absl::StatusOr<Receipt> Desk::Park(StoredMessage message) {
  MutexLock lock(mutex_);
  InboxTransaction transaction(*file_);
  DAYBOOK_RETURN_IF_ERROR(transaction.Begin());
  if (!message.parked.id.empty()) {
    DAYBOOK_ASSIGN_OR_RETURN(const bool marked,
                             rows_.IsMarked(message.parked.source, message.parked.id));
    if (marked) return Receipt::kDuplicate;
  }
  DAYBOOK_ASSIGN_OR_RETURN(const Receipt parked, ParkHere(std::move(message)));
  DAYBOOK_RETURN_IF_ERROR(transaction.Commit());
  return parked;
}

absl::StatusOr<Receipt> Desk::ParkHere(StoredMessage message) {
  message.parked.parked_at = WallNow();
  DAYBOOK_ASSIGN_OR_RETURN(const bool is_new, rows_.Park(message));
  if (!is_new) return Receipt::kParked;
  DAYBOOK_ASSIGN_OR_RETURN(const int64_t count, rows_.Count());
  if (count <= options_.max_parked) return Receipt::kParked;
  return MakeStatus(absl::StatusCode::kResourceExhausted,
                    absl::StrCat(count - 1,
                                 " messages are parked, as many as may be (max_parked); replay or "
                                 "discard them. The next would be: ",
                                 message.parked.reason.message()));
}

// ---- Parked messages ---------------------------------------------------------------------------

absl::StatusOr<Step> Desk::TryFront(std::string_view lane, absl::Status& failure) {
  std::optional<StoredMessage> front;
  {
    MutexLock lock(mutex_);
    DAYBOOK_ASSIGN_OR_RETURN(front, rows_.Front(lane));
  }
  if (!front.has_value()) return Step::kEmpty;
  failure = absl::OkStatus();
  DAYBOOK_RETURN_IF_ERROR(TryParked(*front, failure));
  if (failure.ok()) return Step::kHandled;
  const Verdict verdict = OutcomeOf(failure).verdict;
  if (verdict == Verdict::kFailed || verdict == Verdict::kNever) {
    DAYBOOK_RETURN_IF_ERROR(NoteFailure(front->parked.number, failure));
  }
  return Step::kFailed;
}

absl::Status Desk::TryParked(const StoredMessage& front, absl::Status& failure) {
  const absl::StatusOr<IntegrationEvent> event = FromWire(front.wire);
  const InboxHandler* const handler = event.ok() ? handlers_.Find(event->type) : nullptr;
  if (handler == nullptr) {
    failure = event.ok() ? NoHandler(*event) : event.status();
    return absl::OkStatus();
  }
  const Received at(*event, options_.consumer, front.parked.attempts + 1);
  const int64_t number = front.parked.number;
  if (handler->writes) return TryParkedInFile(*handler, at, number, failure);
  failure = CallHandler(*handler, nullptr, at);
  return failure.ok() ? Remove(number) : absl::OkStatus();
}

absl::Status Desk::TryParkedInFile(const InboxHandler& handler, const Received& at, int64_t number,
                                   absl::Status& failure) {
  MutexLock lock(mutex_);
  InboxTransaction transaction(*file_);
  DAYBOOK_RETURN_IF_ERROR(transaction.Begin());
  DAYBOOK_ASSIGN_OR_RETURN(const bool is_there, rows_.Remove(number));
  if (!is_there) return absl::OkStatus();
  DAYBOOK_ASSIGN_OR_RETURN(const bool marked, rows_.IsMarked(at.event().source, at.event().id));
  if (!marked) DAYBOOK_RETURN_IF_ERROR(MarkAndHandle(handler, at, failure));
  return failure.ok() ? transaction.Commit() : absl::OkStatus();
}

absl::Status Desk::NoteFailure(int64_t number, const absl::Status& failure) {
  MutexLock lock(mutex_);
  InboxTransaction transaction(*file_);
  DAYBOOK_RETURN_IF_ERROR(transaction.Begin());
  DAYBOOK_RETURN_IF_ERROR(rows_.NoteFailure(number, failure, WallNow()));
  return transaction.Commit();
}

absl::StatusOr<std::vector<ParkedMessage>> Desk::List(int64_t after, int64_t limit) {
  MutexLock lock(mutex_);
  return rows_.List(after, limit);
}

absl::StatusOr<std::vector<std::string>> Desk::Lanes() {
  MutexLock lock(mutex_);
  return rows_.Lanes();
}

absl::StatusOr<bool> Desk::Discard(int64_t number) {
  MutexLock lock(mutex_);
  InboxTransaction transaction(*file_);
  DAYBOOK_RETURN_IF_ERROR(transaction.Begin());
  DAYBOOK_ASSIGN_OR_RETURN(const bool is_there, rows_.Discard(number, WallNow()));
  DAYBOOK_RETURN_IF_ERROR(transaction.Commit());
  return is_there;
}

absl::Status Desk::Remove(int64_t number) {
  MutexLock lock(mutex_);
  InboxTransaction transaction(*file_);
  DAYBOOK_RETURN_IF_ERROR(transaction.Begin());
  DAYBOOK_RETURN_IF_ERROR(rows_.Remove(number).status());
  return transaction.Commit();
}

absl::Status Desk::ForgetMarks() {
  MutexLock lock(mutex_);
  InboxTransaction transaction(*file_);
  DAYBOOK_RETURN_IF_ERROR(transaction.Begin());
  DAYBOOK_RETURN_IF_ERROR(rows_.Forget(WallNow() - options_.retention));
  return transaction.Commit();
}

}  // namespace daybook::internal
