#ifndef DAYBOOK_SRC_PROJECTION_SQL_SESSION_H_
#define DAYBOOK_SRC_PROJECTION_SQL_SESSION_H_

#include <sqlite3.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/projection.h"
#include "sqlite/database.h"

namespace daybook::internal {

// A connection that runs the user's SQL, and keeps it off transactions and Daybook's own tables.
// Used by one thread at a time.
class SqlSession {
 public:
  explicit SqlSession(std::unique_ptr<Database> database);
  ~SqlSession();
  SqlSession(const SqlSession&) = delete;
  SqlSession& operator=(const SqlSession&) = delete;

  // One statement of the user's; its rows.
  absl::StatusOr<std::vector<ModelRow>> Run(std::string_view sql,
                                            std::span<const SqlArgument> arguments);

  // Any number of the user's statements.
  absl::Status RunScript(const std::string& sql);

  // From now on the user's statements are refused outside of a transaction: what follows one that
  // has rolled it back must not commit by itself.
  void OnlyInTransactions() { only_in_transactions_ = true; }

  // How many statements of the user's that may write have been run.
  int64_t writes() const { return writes_; }

  // Its connection only reads.
  void SetReader() { is_reader_ = true; }

  // Copies what has been committed from the write-ahead log into the file, once there is much of
  // it, and waits up to 100 ms for readers, once there is very much. What stands in the way now is
  // tried again at the next call.
  void KeepLogSmall();

  // For our own statements.
  Database& database() { return *database_; }

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Prepared = std::unique_ptr<sqlite3_stmt, Finalizer>;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view sql) const { return std::hash<std::string_view>()(sql); }
  };

  static int Authorize(void* self, int action, const char* first, const char* second,
                       const char* schema, const char*);
  absl::StatusOr<sqlite3_stmt*> Prepare(std::string_view sql);
  absl::Status Error(std::string_view sql);

  const std::unique_ptr<Database> database_;
  std::unordered_map<std::string, Prepared, Hash, std::equal_to<>> statements_;
  bool is_users_ = false;  // SQL that runs now
  int64_t writes_ = 0;
  bool only_in_transactions_ = false;
  bool is_reader_ = false;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_PROJECTION_SQL_SESSION_H_
