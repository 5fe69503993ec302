#include "fault/sound_log.h"

#include <gtest/gtest.h>

#include "fault/fault_vfs.h"

namespace daybook::fault {
namespace {

using absl::StatusCode;
using testing::AnyOf;

constexpr int kStreams = 8;
constexpr int kEventsPerStream = 25;
constexpr int kEvents = kStreams * kEventsPerStream;

void Fill(SqliteEventStore& store) {
  for (int i = 0; i < kEvents; ++i) {
    NewEvent event = MakeEvent(MakeId(1, static_cast<uint64_t>(i)), std::string(i * 7 % 900, 'x'));
    event.type = "fault.Type" + std::to_string(i % 3);
    AppendRequest request{.streams = {{.stream = "order-" + std::to_string(i % kStreams),
                                       .events = {std::move(event)}}}};
    if (i % 10 == 0) request.once = OnceKey{"command", std::to_string(i)};
    if (i % 20 == 0) request.row_changes = {{"rows", std::to_string(i), std::string(100, 'r')}};
    ASSERT_THAT(store.Append(request), IsOk());
  }
}

Files MakeSoundFiles(bool closed) {
  TempDir before, after;
  FaultVfs vfs;
  auto store = SqliteEventStore::Open({.path = before.File("log.db"), .vfs = vfs.name()});
  if (store.ok()) Fill(**store);
  if (closed) store->reset();
  vfs.Materialize(after.path(), 1);  // all of it is synced: every outcome is the same
  return {.db = ReadFile(after.File("log.db")), .wal = ReadFile(after.File("log.db-wal"))};
}

}  // namespace

void Files::WriteTo(const TempDir& dir) const {
  WriteFile(dir.File("log.db"), db);
  if (!wal.empty()) WriteFile(dir.File("log.db-wal"), wal);
}

const Files& ClosedFiles() {
  static const Files* files = new Files(MakeSoundFiles(true));
  return *files;
}

const Files& CutOffFiles() {
  static const Files* files = new Files(MakeSoundFiles(false));
  return *files;
}

bool ReadEverything(SqliteEventStore& store) {
  bool whole = true;
  const auto check = [&](const absl::Status& status) {
    EXPECT_THAT(status.code(), AnyOf(StatusCode::kOk, StatusCode::kDataLoss)) << status;
    whole = whole && status.ok();
  };
  check(ReadLog(store).status());
  check(store.Read(LogQuery{.direction = Direction::kBackwards}).status());
  check(store.Read(LogQuery{.filter = {.category = "order", .types = {"fault.Type1"}}}).status());
  for (int i = 0; i < kStreams; ++i) {
    const std::string stream = "order-" + std::to_string(i);
    check(store.Read(StreamQuery{.stream = stream}).status());
    check(store.Read(StreamQuery{.stream = stream, .direction = Direction::kBackwards}).status());
    check(store.State(stream).status());
  }
  check(store.ListStreams({}).status());
  check(store.ReadRows({.table = "rows"}).status());
  check(store.FindOnce({"command", "10"}).status());
  check(store.Head().status());
  return whole;
}

void WriteEverything(SqliteEventStore& store) {
  const auto check = [](const absl::Status& status) {
    EXPECT_THAT(status.code(), AnyOf(StatusCode::kOk, StatusCode::kDataLoss, StatusCode::kUnknown,
                                     StatusCode::kAborted, StatusCode::kFailedPrecondition,
                                     StatusCode::kResourceExhausted))
        << status;
  };
  check(store.Append("order-1", ExpectedVersion::Any(), {MakeEvent({})}).status());
  check(store.Append("order-2", Version(kEventsPerStream), {MakeEvent({})}).status());
  check(store.Append("order-3", Version(3), {MakeEvent({})}).status());
  check(store
            .Append({.streams = {{.stream = "order-4", .events = {MakeEvent({})}}},
                     .once = OnceKey{"command", "10"},
                     .row_checks = {{"rows", "20", std::string(100, 'r')}},
                     .row_changes = {{"rows", "20", std::nullopt}}})
            .status());
  check(store.Delete("order-5", ExpectedVersion::Any()).status());
  check(store.Tombstone("order-6", ExpectedVersion::Any()).status());
}

}  // namespace daybook::fault
