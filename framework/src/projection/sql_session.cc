#include "projection/sql_session.h"

#include <cctype>
#include <chrono>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

// Of the write-ahead log: from the first on it is copied into the file, from the second on also if
// readers must be waited for.
constexpr int kCopyPages = 1000;
constexpr int kWaitPages = 4000;
constexpr std::chrono::milliseconds kWaitForReaders(100);

// Who puts values into the text of statements, makes ever new ones.
constexpr size_t kMostStatements = 256;

class Flag {
 public:
  explicit Flag(bool& flag) : flag_(flag) { flag_ = true; }
  ~Flag() { flag_ = false; }
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;

 private:
  bool& flag_;
};

class Cursor {
 public:
  explicit Cursor(sqlite3_stmt* statement) : statement_(statement) {}
  ~Cursor() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

 private:
  sqlite3_stmt* const statement_;
};

struct Binder {
  void operator()(std::nullptr_t) const { sqlite3_bind_null(statement, index); }
  void operator()(int64_t value) const { sqlite3_bind_int64(statement, index, value); }
  void operator()(double value) const { sqlite3_bind_double(statement, index, value); }
  void operator()(std::string_view text) const {
    // A null pointer would bind NULL.
    const char* data = text.data() == nullptr ? "" : text.data();
    sqlite3_bind_text64(statement, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }

  sqlite3_stmt* statement;
  int index;
};

ModelRow::Value ValueOf(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL:
      return nullptr;
    case SQLITE_INTEGER:
      return int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    default: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
      const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, column));
      return bytes == nullptr ? std::string() : std::string(bytes, size);
    }
  }
}

ModelRow RowOf(sqlite3_stmt* statement) {
  const int columns = sqlite3_column_count(statement);
  std::vector<ModelRow::Value> values;
  values.reserve(static_cast<size_t>(columns));
  for (int column = 0; column < columns; ++column) values.push_back(ValueOf(statement, column));
  return ModelRow(std::move(values));
}

bool IsOurs(const char* name) {
  return name != nullptr && std::string_view(name).starts_with("daybook_");
}

// What would not be in the file.
bool IsTemporary(const char* schema) {
  return schema != nullptr && std::string_view(schema) == "temp";
}

bool IsBlank(std::string_view sql) {
  for (const unsigned char c : sql) {
    if (std::isspace(c) == 0 && c != ';') return false;
  }
  return true;
}

}  // namespace

SqlSession::SqlSession(std::unique_ptr<Database> database) : database_(std::move(database)) {
  // The schema is the program's own.
  sqlite3_db_config(database_->handle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, nullptr);
  sqlite3_db_config(database_->handle(), SQLITE_DBCONFIG_ENABLE_VIEW, 1, nullptr);
  sqlite3_set_authorizer(database_->handle(), &SqlSession::Authorize, this);
}

SqlSession::~SqlSession() { statements_.clear(); }

int SqlSession::Authorize(void* self, int action, const char* first, const char* second,
                          const char* schema, const char*) {
  if (!static_cast<SqlSession*>(self)->is_users_) return SQLITE_OK;
  switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_PRAGMA:
      return SQLITE_DENY;
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
      return SQLITE_OK;
    default:
      return IsOurs(first) || IsOurs(second) || IsTemporary(schema) ? SQLITE_DENY : SQLITE_OK;
  }
}

absl::StatusOr<sqlite3_stmt*> SqlSession::Prepare(std::string_view sql) {
  const auto known = statements_.find(sql);
  if (known != statements_.end()) return known->second.get();
  sqlite3_stmt* handle = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(database_->handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, &rest);
  Prepared statement(handle);
  if (code != SQLITE_OK) return Error(sql);
  if (handle == nullptr || !IsBlank({rest, static_cast<size_t>(sql.data() + sql.size() - rest)})) {
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      absl::StrCat("one statement is needed at a time: ", ToAbsl(sql)));
  }
  if (statements_.size() >= kMostStatements) statements_.clear();
  statements_.emplace(std::string(sql), std::move(statement));
  return handle;
}

absl::StatusOr<std::vector<ModelRow>> SqlSession::Run(std::string_view sql,
                                                      std::span<const SqlArgument> arguments) {
  if (only_in_transactions_ && !database_->in_transaction()) {
    return MakeStatus(absl::StatusCode::kFailedPrecondition,
                      absl::StrCat(ToAbsl(sql), ": the transaction has been rolled back"));
  }
  const Flag users(is_users_);
  DAYBOOK_ASSIGN_OR_RETURN(sqlite3_stmt* const statement, Prepare(sql));
  if (const auto wanted = static_cast<size_t>(sqlite3_bind_parameter_count(statement));
      arguments.size() != wanted) {
    return MakeStatus(
        absl::StatusCode::kInvalidArgument,
        absl::StrCat(ToAbsl(sql), ": ", wanted, " arguments are needed, not ", arguments.size()));
  }
  const Cursor cursor(statement);
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::visit(Binder{.statement = statement, .index = static_cast<int>(i) + 1},
               arguments[i].value());
  }
  if (sqlite3_stmt_readonly(statement) == 0) ++writes_;
  std::vector<ModelRow> rows;
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) rows.push_back(RowOf(statement));
  if (code != SQLITE_DONE) return Error(sql);
  return rows;
}

absl::Status SqlSession::RunScript(const std::string& sql) {
  const Flag users(is_users_);
  const int code = sqlite3_exec(database_->handle(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(sql);
}

void SqlSession::KeepLogSmall() {
  const int pages = database_->wal_pages();
  if (pages >= kWaitPages) {
    database_->Checkpoint(SQLITE_CHECKPOINT_RESTART, kWaitForReaders).status().IgnoreError();
  } else if (pages >= kCopyPages) {
    database_->Checkpoint(SQLITE_CHECKPOINT_PASSIVE, {}).status().IgnoreError();
  }
}

absl::Status SqlSession::Error(std::string_view sql) {
  sqlite3* const handle = database_->handle();
  const int code = sqlite3_extended_errcode(handle);
  const auto status = [&](absl::StatusCode meaning, const char* why = nullptr) {
    if (why == nullptr) why = sqlite3_errmsg(handle);
    return MakeStatus(meaning, absl::StrCat(ToAbsl(sql), ": ", why));
  };
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return status(code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY
                        ? absl::StatusCode::kAlreadyExists
                        : absl::StatusCode::kFailedPrecondition);
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
      return status(absl::StatusCode::kInvalidArgument);
    case SQLITE_AUTH:
      return status(absl::StatusCode::kPermissionDenied);
    case SQLITE_READONLY:
      if (!is_reader_) return SqliteError(handle, code, sql);
      return status(absl::StatusCode::kPermissionDenied, "a reader changes nothing");
    default:
      return SqliteError(handle, code, sql);
  }
}

}  // namespace daybook::internal
