#ifndef DAYBOOK_SRC_SQLITE_LOG_QUERIES_H_
#define DAYBOOK_SRC_SQLITE_LOG_QUERIES_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "daybook/event_store.h"
#include "sqlite/database.h"
#include "sqlite/stream_cache.h"

namespace daybook::internal {

// What the writer and the readers ask alike. Each sees what its connection sees now.

absl::StatusOr<KnownStream> ReadStream(Database& database, std::string_view name);

absl::StatusOr<std::optional<std::string>> ReadRow(Database& database, std::string_view table,
                                                   std::string_view key);

// The last position given out and the last recorded time, in microseconds, whether or not the event
// that had them still stands; and how many deletions there were.
struct LogState {
  int64_t head = 0;
  int64_t time = 0;
  int64_t deletions = 0;
};
// kDataLoss if the numbers are none that a log can have come to.
absl::StatusOr<LogState> ReadLogState(Database& database);

// What was answered to a once-key, and how that stands in its row.
absl::StatusOr<std::optional<AppendResult>> ReadAnswer(Database& database, const OnceKey& once);
std::string EncodeAnswer(const AppendResult& result);

// The 16 bytes of a stored id; kDataLoss for any other number.
absl::StatusOr<EventId> DecodeId(std::string_view bytes);
inline std::string_view EncodeId(const EventId& id) {
  return {reinterpret_cast<const char*>(id.bytes().data()), EventId::kSize};
}

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_LOG_QUERIES_H_
