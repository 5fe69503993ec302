// What the fault tests share: the scale of long proofs, numbered events, the whole log, raw SQLite.

#ifndef DAYBOOK_TESTS_FAULT_SUPPORT_H_
#define DAYBOOK_TESTS_FAULT_SUPPORT_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event.h"
#include "daybook/event_store.h"
#include "daybook/sqlite_event_store.h"
#include "support/status_matchers.h"
#include "support/temp_dir.h"

namespace daybook::fault {

using test::HasCode;
using test::IsOk;
using test::TempDir;

// `full`, times DAYBOOK_TEST_SCALE percent (10 unless set); at least `least`.
int64_t Scaled(int64_t full, int64_t least = 1);

// DAYBOOK_TEST_SEED, to run one failed seed again.
std::optional<uint64_t> ForcedSeed();

// REQUIRES: no SQLite connection of this process has the file open.
std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, std::string_view content);

EventId MakeId(uint64_t a, uint64_t b);
NewEvent MakeEvent(const EventId& id, std::string payload = "payload");

// Events with the ids (group, 0), (group, 1), …
std::vector<NewEvent> Events(uint64_t group, int count, size_t bytes = 100);

StreamAppend To(std::string stream, int64_t version, std::vector<NewEvent> events);

struct LogEntry {
  Position position;
  Version version;
  EventId id;
  std::string stream;
};

// The whole log, page by page.
absl::StatusOr<std::vector<LogEntry>> ReadLog(EventStore& store);

// A raw SQLite connection; statements that fail end the test program.
class RawDb {
 public:
  explicit RawDb(const std::string& path, const std::string& vfs = "");
  ~RawDb();
  RawDb(const RawDb&) = delete;
  RawDb& operator=(const RawDb&) = delete;

  void Exec(const std::string& sql);
  int TryExec(const std::string& sql);
  int64_t Int(const std::string& sql);
  sqlite3* get() const { return db_; }

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace daybook::fault

#endif  // DAYBOOK_TESTS_FAULT_SUPPORT_H_
