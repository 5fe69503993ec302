// The bare SQLite that the benchmarks compare with: no more than RAII. Any error ends the program.

#ifndef DAYBOOK_BENCH_RAW_SQLITE_H_
#define DAYBOOK_BENCH_RAW_SQLITE_H_

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace daybook::bench {

// A folder of its own, removed at the end. Under $TMPDIR or /tmp, which should be a real disk.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string path() const { return path_.string(); }
  std::string File(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

class RawStatement {
 public:
  RawStatement() = default;
  RawStatement(sqlite3* db, const std::string& sql);
  ~RawStatement() { sqlite3_finalize(statement_); }
  RawStatement(RawStatement&& other) noexcept : statement_(std::exchange(other.statement_, {})) {}
  RawStatement& operator=(RawStatement&& other) noexcept {
    std::swap(statement_, other.statement_);
    return *this;
  }

  bool empty() const { return statement_ == nullptr; }

  // Parameters that the statement does not have are passed over.
  RawStatement& Int(int parameter, int64_t value);
  RawStatement& Text(int parameter, std::string_view value);
  RawStatement& Blob(int parameter, std::string_view value);

  // True while there is a row; resets the statement at the end.
  bool Step();
  void Run() {
    while (Step()) {
    }
  }
  void Reset() { sqlite3_reset(statement_); }

  int columns() const { return sqlite3_column_count(statement_); }
  bool IsInt(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_INTEGER; }
  int64_t ColumnInt(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string_view ColumnBytes(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return {data, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

// Used by one thread at a time.
class RawDatabase {
 public:
  explicit RawDatabase(const std::string& path);
  ~RawDatabase() { sqlite3_close(db_); }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;

  void Execute(const std::string& sql);
  RawStatement Prepare(const std::string& sql) { return RawStatement(db_, sql); }
  sqlite3* get() const { return db_; }

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace daybook::bench

#endif  // DAYBOOK_BENCH_RAW_SQLITE_H_
