#ifndef DAYBOOK_SRC_INBOX_DESK_H_
#define DAYBOOK_SRC_INBOX_DESK_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/inbox.h"
#include "inbox/inbox_file.h"
#include "inbox/inbox_rows.h"
#include "mutex.h"

namespace daybook::internal {

// A message that is to be handled.
struct Incoming {
  const IntegrationEvent& event;
  const InboxHandler* handler;  // not null
  std::string lane = {};
  const WireMessage* wire = nullptr;  // as it came; null: `event` is all there is
};

// How a try ended: with what became of the message, or with the handler's error.
struct Tried {
  std::optional<Receipt> receipt = {};
  absl::Status failure = absl::OkStatus();
};

// What became of the front of a lane.
enum class Step { kHandled, kFailed, kEmpty };

// Handles one message once, in the transaction where that belongs. Thread-safe. A status that is
// not the handler's own says that the file could not be read or written.
class Desk {
 public:
  Desk(std::unique_ptr<InboxFile> file, const InboxOptions& options, const InboxHandlers& handlers)
      : options_(options),
        handlers_(handlers),
        file_(std::move(file)),
        rows_(file_->database(), options.consumer) {}

  absl::StatusOr<Tried> Try(const Incoming& message, int attempt);

  // Behind what its lane holds; kDuplicate: it has been handled or discarded. kResourceExhausted:
  // too many are parked.
  absl::StatusOr<Receipt> Park(StoredMessage message);

  // Tries the front of the lane; its error goes to `failure`.
  absl::StatusOr<Step> TryFront(std::string_view lane, absl::Status& failure);

  absl::StatusOr<std::vector<ParkedMessage>> List(int64_t after, int64_t limit);
  absl::StatusOr<std::vector<std::string>> Lanes();
  absl::StatusOr<bool> Discard(int64_t number);
  // Some of the oldest marks, if their time has come.
  absl::Status ForgetMarks();

 private:
  absl::StatusOr<Tried> TryInFile(const Incoming& message, const Received& at);
  absl::StatusOr<Tried> TryElsewhere(const Incoming& message, const Received& at);
  absl::StatusOr<std::optional<Receipt>> Known(const Incoming& message);
  absl::Status Remove(int64_t number);
  absl::StatusOr<std::optional<Receipt>> Join(const Incoming& message)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Receipt> ParkHere(StoredMessage message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status MarkAndHandle(const InboxHandler& handler, const Received& at, absl::Status& handled)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status TryParked(const StoredMessage& front, absl::Status& failure);
  absl::Status TryParkedInFile(const InboxHandler& handler, const Received& at, int64_t number,
                               absl::Status& failure);
  absl::Status NoteFailure(int64_t number, const absl::Status& failure);

  const InboxOptions& options_;
  const InboxHandlers& handlers_;

  Mutex mutex_;
  const std::unique_ptr<InboxFile> file_ ABSL_PT_GUARDED_BY(mutex_);
  InboxRows rows_ ABSL_GUARDED_BY(mutex_);
  int64_t marks_ ABSL_GUARDED_BY(mutex_) = 0;
};

// What stands parked of a message.
absl::StatusOr<StoredMessage> ToPark(const Incoming& message, absl::Status reason, int attempts);

absl::Status NoHandler(const IntegrationEvent& event);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_INBOX_DESK_H_
