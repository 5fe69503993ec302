#include "raw_log.h"

#include <benchmark/benchmark.h>

#include <cstring>

namespace daybook::bench {
namespace {

int64_t ReadAll(RawStatement& rows) {
  int64_t count = 0;
  const int columns = rows.columns();
  while (rows.Step()) {
    ++count;
    for (int column = 0; column < columns; ++column) {
      if (rows.IsInt(column)) {
        benchmark::DoNotOptimize(rows.ColumnInt(column));
      } else {
        benchmark::DoNotOptimize(rows.ColumnBytes(column).data());
      }
    }
  }
  return count;
}

}  // namespace

Layout ChosenLayout(const char* name) {
  return {
      .name = name,
      .tables = kPosition + kKeyColumns + ") STRICT; " + kByStream,
      .insert = "INSERT INTO event(position, " + kColumns + ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
      .replay = "SELECT position, " + kColumns +
                " FROM event WHERE stream = ?1 AND version > 0 ORDER BY version",
      .scan = "SELECT position, " + kColumns +
              " FROM event WHERE position > ?1 AND position <= ?2 ORDER BY position",
  };
}

std::string StreamName(int64_t stream) { return "order-customer-" + std::to_string(stream); }
std::string TypeName(int64_t type) {
  return "shop.orders.v1.LineAddedToOrder" + std::to_string(type);
}

RawLog::RawLog(const std::string& path, const Layout& layout, int prefilled)
    : layout_(layout), db_(path), versions_(kStreams + 1) {
  db_.Execute(layout.pragmas + "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  db_.Execute(
      "CREATE TABLE log(head INTEGER NOT NULL) STRICT; INSERT INTO log VALUES(0);"
      "CREATE TABLE stream(key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
      "first INTEGER NOT NULL, tombstoned INTEGER NOT NULL) STRICT;"
      "CREATE TABLE type(key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;");
  db_.Execute(layout.tables);
  insert_ = db_.Prepare(layout.insert);
  if (!layout.per_append.empty()) per_append_ = db_.Prepare(layout.per_append);
  if (!layout.per_append_too.empty()) per_append_too_ = db_.Prepare(layout.per_append_too);
  replay_ = db_.Prepare(layout.replay);
  scan_ = db_.Prepare(layout.scan);
  begin_ = db_.Prepare("BEGIN IMMEDIATE");
  commit_ = db_.Prepare("COMMIT");
  FillNames();
  FillEvents(prefilled);
}

void RawLog::Append(int64_t stream, int count, std::string_view payload) {
  for (int i = 0; i < count; ++i) Insert(stream, payload);
  if (!per_append_.empty()) per_append_.Int(1, position_).Run();
  if (!per_append_too_.empty()) {
    per_append_too_.Int(2, stream).Int(3, versions_[static_cast<size_t>(stream)]).Run();
  }
}

int64_t RawLog::Replay(int64_t stream) {
  const std::string name = StreamName(stream);
  if (layout_.names == Names::kText) {
    replay_.Text(1, name);
  } else {
    replay_.Int(1, stream);
  }
  return ReadAll(replay_);
}

int64_t RawLog::Scan(int64_t after, int64_t last) {
  return ReadAll(scan_.Int(1, after).Int(2, last));
}

void RawLog::FillNames() {
  db_.Execute("BEGIN");
  RawStatement stream = db_.Prepare("INSERT INTO stream VALUES(?1, ?2, 1, 0)");
  for (int64_t key = 1; key <= kStreams; ++key) stream.Int(1, key).Text(2, StreamName(key)).Run();
  RawStatement type = db_.Prepare("INSERT INTO type VALUES(?1, ?2)");
  for (int64_t key = 1; key <= 10; ++key) type.Int(1, key).Text(2, TypeName(key)).Run();
  db_.Execute("COMMIT");
}

void RawLog::FillEvents(int count) {
  Begin();
  for (int i = 0; i < count; ++i) Insert(i % 10 == 0 ? kLongStream : AnyStream(), kPayload);
  Commit();
  db_.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
}

void RawLog::Insert(int64_t stream, std::string_view payload) {
  const int64_t version = ++versions_[static_cast<size_t>(stream)];
  const int64_t type = position_ % 10 + 1;
  // A UUIDv7 begins with the time, most significant byte first.
  const int64_t high = static_cast<int64_t>(__builtin_bswap64(static_cast<uint64_t>(++position_)));
  const int64_t low = static_cast<int64_t>(random_());
  char id[16];
  std::memcpy(id, layout_.ids == Ids::kRandomBlob ? &low : &high, 8);
  std::memcpy(id + 8, &low, 8);
  if (layout_.ids == Ids::kTwoIntegers) {
    insert_.Int(5, low ^ high).Int(9, low);
  } else {
    insert_.Blob(5, {id, sizeof id});
  }
  std::string stream_name, type_name;
  if (layout_.names == Names::kText) {
    insert_.Text(2, stream_name = StreamName(stream)).Text(4, type_name = TypeName(type));
  } else {
    insert_.Int(2, stream).Int(4, type);
  }
  insert_.Int(1, position_).Int(3, version).Int(6, 1'700'000'000'000'000 + position_);
  insert_.Blob(7, kMetadata).Blob(8, payload).Run();
}

}  // namespace daybook::bench
