#ifndef DAYBOOK_SRC_INBOX_INBOX_FILE_H_
#define DAYBOOK_SRC_INBOX_INBOX_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "projection/sql_session.h"
#include "sqlite/turnstile.h"

namespace daybook::internal {

inline constexpr int32_t kInboxApplicationId = 0x44617949;  // "DayI"
inline constexpr int64_t kInboxFormat = 1;

// A connection to an inbox's file. Used by one thread at a time.
class InboxFile {
 public:
  static absl::StatusOr<std::unique_ptr<InboxFile>> Open(const std::string& path,
                                                         const std::string& schema);

  SqlSession& session() { return session_; }
  Database& database() { return session_.database(); }

 private:
  friend class InboxTransaction;
  InboxFile(std::unique_ptr<Database> database, std::unique_ptr<Turnstile> turnstile)
      : session_(std::move(database)), turnstile_(std::move(turnstile)) {
    session_.OnlyInTransactions();
  }
  absl::Status Prepare(const std::string& schema);
  void KeepLogSmall();

  SqlSession session_;
  const std::unique_ptr<Turnstile> turnstile_;
};

// A write transaction, rolled back at the end of the scope unless it has been committed.
class InboxTransaction {
 public:
  explicit InboxTransaction(InboxFile& file) : file_(file), turn_(*file.turnstile_) {}
  ~InboxTransaction();
  InboxTransaction(const InboxTransaction&) = delete;
  InboxTransaction& operator=(const InboxTransaction&) = delete;

  // kUnavailable: others have been writing for longer than the busy timeout.
  absl::Status Begin();
  absl::Status Commit();

 private:
  InboxFile& file_;
  InTurn turn_;
};

// One replay at a time in the file, whoever does it. The kernel frees the lock of a process that
// dies.
class ReplayLock {
 public:
  // kUnavailable: another is under way.
  static absl::StatusOr<ReplayLock> Take(const std::string& path);
  ~ReplayLock();
  ReplayLock(ReplayLock&& other) noexcept;
  ReplayLock& operator=(ReplayLock&&) = delete;

 private:
  explicit ReplayLock(int file) : file_(file) {}

  int file_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_INBOX_INBOX_FILE_H_
