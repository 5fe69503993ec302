#include "fault/support.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace daybook::fault {

int64_t Scaled(int64_t full, int64_t least) {
  const char* scale = std::getenv("DAYBOOK_TEST_SCALE");
  const int64_t percent = scale != nullptr ? std::atoll(scale) : 10;
  return std::max(least, full * percent / 100);
}

std::optional<uint64_t> ForcedSeed() {
  const char* seed = std::getenv("DAYBOOK_TEST_SEED");
  if (seed == nullptr) return std::nullopt;
  return std::strtoull(seed, nullptr, 10);
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void WriteFile(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

EventId MakeId(uint64_t a, uint64_t b) {
  std::array<uint8_t, EventId::kSize> bytes;
  for (size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<uint8_t>(a >> (8 * i));
    bytes[8 + i] = static_cast<uint8_t>(b >> (8 * i));
  }
  return EventId(bytes);
}

NewEvent MakeEvent(const EventId& id, std::string payload) {
  return {.id = id, .type = "fault.Happened", .payload = std::move(payload)};
}

std::vector<NewEvent> Events(uint64_t group, int count, size_t bytes) {
  std::vector<NewEvent> events;
  for (int i = 0; i < count; ++i) {
    events.push_back(MakeEvent(MakeId(group, static_cast<uint64_t>(i)), std::string(bytes, 'x')));
  }
  return events;
}

StreamAppend To(std::string stream, int64_t version, std::vector<NewEvent> events) {
  return {.stream = std::move(stream), .expected = Version(version), .events = std::move(events)};
}

absl::StatusOr<std::vector<LogEntry>> ReadLog(EventStore& store) {
  std::vector<LogEntry> log;
  LogQuery query;
  for (;;) {
    absl::StatusOr<LogScan> scan = store.Visit(query, [&](const RecordedEvent& event) {
      log.push_back({.position = event.position(),
                     .version = event.version(),
                     .id = event.id(),
                     .stream = std::string(event.stream())});
      return absl::OkStatus();
    });
    if (!scan.ok()) return scan.status();
    if (scan->end) return log;
    query.after = scan->looked;
  }
}

RawDb::RawDb(const std::string& path, const std::string& vfs) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(path.c_str(), &db_, flags, vfs.empty() ? nullptr : vfs.c_str()) !=
      SQLITE_OK) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), sqlite3_errmsg(db_));
    std::abort();
  }
}

RawDb::~RawDb() { sqlite3_close(db_); }

int RawDb::TryExec(const std::string& sql) {
  return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
}

void RawDb::Exec(const std::string& sql) {
  if (TryExec(sql) == SQLITE_OK) return;
  std::fprintf(stderr, "%s: %s\n", sql.c_str(), sqlite3_errmsg(db_));
  std::abort();
}

int64_t RawDb::Int(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  int64_t value = -1;
  if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    value = sqlite3_column_int64(statement, 0);
  }
  sqlite3_finalize(statement);
  return value;
}

}  // namespace daybook::fault
