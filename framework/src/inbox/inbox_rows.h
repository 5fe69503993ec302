#ifndef DAYBOOK_SRC_INBOX_INBOX_ROWS_H_
#define DAYBOOK_SRC_INBOX_INBOX_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/inbox.h"
#include "sqlite/database.h"

namespace daybook::internal {

// What is to be parked, or stands parked.
struct StoredMessage {
  ParkedMessage parked = {};
  WireMessage wire = {};
};

// The rows of one consumer. Used by one thread at a time; what writes requires a transaction.
class InboxRows {
 public:
  InboxRows(Database& database, const std::string& consumer)
      : database_(database), consumer_(consumer) {}

  // ---- Marks -----------------------------------------------------------------------------------

  absl::StatusOr<bool> IsMarked(std::string_view source, std::string_view id);
  absl::Status Mark(const IntegrationEvent& event, RecordedTime now);
  // Some of those that are older.
  absl::Status Forget(RecordedTime older_than);

  // ---- Parked messages -------------------------------------------------------------------------

  absl::StatusOr<bool> HasLane(std::string_view lane);
  absl::StatusOr<int64_t> Count();
  // False: it stands there already.
  absl::StatusOr<bool> Park(const StoredMessage& row);
  absl::StatusOr<std::vector<ParkedMessage>> List(int64_t after, int64_t limit);
  // Each once, in the order of their fronts.
  absl::StatusOr<std::vector<std::string>> Lanes();
  absl::StatusOr<std::optional<StoredMessage>> Front(std::string_view lane);
  absl::Status NoteFailure(int64_t number, const absl::Status& why, RecordedTime now);
  // False: it is not there.
  absl::StatusOr<bool> Remove(int64_t number);
  // The same; and its mark is made, if it has source and id.
  absl::StatusOr<bool> Discard(int64_t number, RecordedTime now);

 private:
  Database& database_;
  const std::string& consumer_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_INBOX_INBOX_ROWS_H_
