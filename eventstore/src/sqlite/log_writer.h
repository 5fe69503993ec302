#ifndef DAYBOOK_SRC_SQLITE_LOG_WRITER_H_
#define DAYBOOK_SRC_SQLITE_LOG_WRITER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event_store.h"
#include "sqlite/database.h"
#include "sqlite/log_queries.h"
#include "sqlite/stream_cache.h"

namespace daybook::internal {

struct RemoveRequest {
  std::string_view stream;
  ExpectedVersion expected;
  bool tombstone = false;
};

// One caller's request, and its answer.
struct WriteItem {
  // One of the two.
  const AppendRequest* append = nullptr;
  const RemoveRequest* remove = nullptr;

  absl::Status status = {};
  AppendResult appended = {};  // of `append`
  StreamState state = {};      // of `remove`

  size_t Bytes() const;
};

// Judges requests and writes them: what decisions 1 to 4 and 16 of the log are made of. Each
// request is judged against the log and the requests before it in its group. Used by one thread at
// a time, one process at a time.
class LogWriter {
 public:
  using Clock = std::function<std::chrono::system_clock::time_point()>;

  LogWriter(std::unique_ptr<Database> database, Clock clock, std::chrono::seconds once_retention);

  // Commits the group and answers each of its items. True if the head has moved.
  bool Commit(std::span<WriteItem* const> group);

  // OK, or why every write is refused: the outcome of a commit is unknown.
  const absl::Status& writable() const { return writable_; }
  void Refuse(absl::Status why) { writable_ = std::move(why); }

  Database& database() { return *database_; }

 private:
  // A status that is not OK from these concerns the store, not the request; the request's own is in
  // its item.
  absl::Status Begin();
  absl::Status CatchUp();
  absl::Status ReadForeignVersions();
  absl::Status WriteAndFinish(std::span<WriteItem* const> group);
  absl::Status Append(const AppendRequest& request, WriteItem& item);
  absl::Status Remove(const RemoveRequest& request, WriteItem& item);
  absl::Status Finish();
  absl::Status CommitTransaction();
  void RollBack();

  absl::Status CheckRows(const AppendRequest& request, WriteItem& item);
  absl::Status CheckStreams(const AppendRequest& request, std::span<KnownStream* const> streams,
                            WriteItem& item);
  absl::StatusOr<bool> WasAppended(const AppendRequest& request,
                                   std::span<KnownStream* const> streams, AppendResult& result);
  absl::StatusOr<Appended> AppendStream(const StreamAppend& append, KnownStream& stream);
  absl::Status ChangeRows(const AppendRequest& request);
  absl::Status RememberOnce(const OnceKey& once, const AppendResult& result);

  absl::StatusOr<KnownStream*> Find(std::string_view name);
  absl::Status EnsureRow(std::string_view name, KnownStream& stream);
  absl::StatusOr<int64_t> TypeKey(const std::string& name);
  int64_t Now();

  const std::unique_ptr<Database> database_;
  const Clock clock_;
  const std::chrono::microseconds once_retention_;
  // Whether a commit that failed for want of space has certainly not happened.
  const bool full_is_absent_;
  absl::Status writable_;

  // What is known of the log, as of `data_version_`.
  int64_t data_version_ = -1;
  LogState log_;
  StreamCache streams_;
  std::unordered_map<std::string, int64_t> types_;

  // Of the transaction under way.
  LogState committed_;  // as it began
  bool changed_ = false;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_LOG_WRITER_H_
