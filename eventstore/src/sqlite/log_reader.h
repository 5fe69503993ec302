#ifndef DAYBOOK_SRC_SQLITE_LOG_READER_H_
#define DAYBOOK_SRC_SQLITE_LOG_READER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event_store.h"
#include "sqlite/database.h"

namespace daybook::internal {

// Reads the log over a connection of its own. Used by one read at a time: a visitor that reads gets
// another one.
class LogReader {
 public:
  explicit LogReader(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  absl::StatusOr<StreamState> Visit(const StreamQuery& query, const Visitor& visitor);
  absl::StatusOr<LogScan> Visit(const LogQuery& query, const Visitor& visitor);
  absl::StatusOr<StreamState> State(std::string_view stream);
  absl::StatusOr<std::vector<std::string>> ListStreams(const StreamListQuery& query);
  absl::StatusOr<std::vector<Row>> ReadRows(const RowQuery& query);
  absl::StatusOr<Position> Head();

  Database& database() { return *database_; }

 private:
  absl::Status VisitRows(const StreamQuery& query, int64_t stream_key, const Visitor& visitor);
  absl::StatusOr<LogScan> Scan(const LogQuery& query, Position head, const Visitor& visitor);
  absl::StatusOr<RecordedEvent> Decode(const Statement& row, std::string_view stream);
  // The views hold until the next event.
  absl::StatusOr<std::string_view> TypeName(int64_t key);
  absl::StatusOr<std::string_view> StreamName(int64_t key);

  // What a number stands for never changes, so neither is ever stale.
  struct KnownName {
    int64_t key = 0;
    std::string name;
  };
  static constexpr size_t kKnownStreams = 4096;

  const std::unique_ptr<Database> database_;
  std::deque<std::string> types_;                       // at key - 1
  std::vector<KnownName> stream_names_{kKnownStreams};  // at key modulo their number
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_LOG_READER_H_
