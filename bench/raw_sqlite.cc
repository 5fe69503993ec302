#include "raw_sqlite.h"

#include <cstdlib>
#include <iostream>

namespace daybook::bench {
namespace {

void Check(sqlite3* db, int code, std::string_view what) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
  std::cerr << "sqlite: " << sqlite3_errmsg(db) << " in: " << what << '\n';
  std::exit(1);
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "daybook-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    std::cerr << "cannot make " << name << '\n';
    std::exit(1);
  }
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

RawStatement::RawStatement(sqlite3* db, const std::string& sql) {
  Check(db,
        sqlite3_prepare_v3(db, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr),
        sql);
}

RawStatement& RawStatement::Int(int parameter, int64_t value) {
  sqlite3_bind_int64(statement_, parameter, value);
  return *this;
}

RawStatement& RawStatement::Text(int parameter, std::string_view value) {
  sqlite3_bind_text(statement_, parameter, value.data(), static_cast<int>(value.size()),
                    SQLITE_STATIC);
  return *this;
}

RawStatement& RawStatement::Blob(int parameter, std::string_view value) {
  sqlite3_bind_blob(statement_, parameter, value.data(), static_cast<int>(value.size()),
                    SQLITE_STATIC);
  return *this;
}

bool RawStatement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  Check(sqlite3_db_handle(statement_), code, sqlite3_sql(statement_));
  sqlite3_reset(statement_);
  return false;
}

RawDatabase::RawDatabase(const std::string& path) {
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  Check(db_, sqlite3_open_v2(path.c_str(), &db_, kFlags, nullptr), path);
  sqlite3_busy_timeout(db_, 5000);
}

void RawDatabase::Execute(const std::string& sql) {
  Check(db_, sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr), sql);
}

}  // namespace daybook::bench
