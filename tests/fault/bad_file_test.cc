// Guarantee 7: no file, however malformed, crashes the process or is skipped without a word.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <limits>
#include <thread>
#include <vector>

#include "fault/child_process.h"
#include "fault/sound_log.h"
#include "fault/support.h"

namespace daybook::fault {
namespace {

using absl::StatusCode;
using testing::AnyOf;

const std::string& SoundFile() { return ClosedFiles().db; }

absl::Status OpenStatus(const std::string& path) {
  return SqliteEventStore::Open({.path = path, .busy_timeout = std::chrono::milliseconds(50)})
      .status();
}

// What Verify() passes is whole: each position from the first to the head has its event.
void ExpectWholeIfVerified(SqliteEventStore& store) {
  const absl::Status verified = store.Verify();
  EXPECT_THAT(verified.code(), AnyOf(StatusCode::kOk, StatusCode::kDataLoss)) << verified;
  const bool whole = ReadEverything(store);
  if (!verified.ok()) return;
  EXPECT_TRUE(whole);
  const absl::StatusOr<std::vector<LogEntry>> log = ReadLog(store);
  const absl::StatusOr<Position> head = store.Head();
  ASSERT_THAT(log, IsOk());
  ASSERT_THAT(head, IsOk());
  EXPECT_EQ(static_cast<int64_t>(log->size()), head->value());
}

TEST(BadFileTest, WhatIsNoDatabaseIsDataLoss) {
  TempDir dir;
  std::mt19937_64 random(1);
  for (const size_t size : {2u, 15u, 100u, 511u, 4096u, 100'000u}) {
    std::string garbage(size, '\0');
    for (char& c : garbage) c = static_cast<char>(random());
    WriteFile(dir.File("log.db"), garbage);
    EXPECT_THAT(OpenStatus(dir.File("log.db")), HasCode(StatusCode::kDataLoss)) << size;
    EXPECT_EQ(ReadFile(dir.File("log.db")), garbage) << "it has been written to";
  }
}

TEST(BadFileTest, AnEmptyFileIsANewLog) {
  TempDir dir;
  WriteFile(dir.File("log.db"), "");
  auto store = SqliteEventStore::Open({.path = dir.File("log.db")});
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT((*store)->Append("order-1", ExpectedVersion::NoStream(), {MakeEvent({})}), IsOk());
}

TEST(BadFileTest, ATruncatedFileIsDataLoss) {
  for (size_t size = 100; size < SoundFile().size(); size += SoundFile().size() / 16) {
    SCOPED_TRACE(size);
    TempDir dir;
    WriteFile(dir.File("log.db"), SoundFile().substr(0, size));
    auto store = SqliteEventStore::Open({.path = dir.File("log.db")});
    if (!store.ok()) {
      EXPECT_THAT(store, HasCode(StatusCode::kDataLoss));
      continue;
    }
    EXPECT_THAT((*store)->Verify(), HasCode(StatusCode::kDataLoss));
    ReadEverything(**store);
    WriteEverything(**store);
  }
}

TEST(BadFileTest, AnotherProgramsDatabaseIsRefusedAndLeftAlone) {
  const char* const programs[] = {
      "CREATE TABLE event (position INTEGER PRIMARY KEY)",
      "PRAGMA application_id = 42",
      "PRAGMA application_id = 42; CREATE TABLE t (x)",
      "PRAGMA user_version = 3",
  };
  for (const char* sql : programs) {
    SCOPED_TRACE(sql);
    TempDir dir;
    RawDb(dir.File("log.db")).Exec(sql);
    const std::string before = ReadFile(dir.File("log.db"));
    EXPECT_THAT(OpenStatus(dir.File("log.db")), HasCode(StatusCode::kInvalidArgument));
    EXPECT_EQ(ReadFile(dir.File("log.db")), before);
  }
}

TEST(BadFileTest, ANewerFormatIsRefusedWithWhatToDo) {
  TempDir dir;
  WriteFile(dir.File("log.db"), SoundFile());
  {
    RawDb db(dir.File("log.db"));
    const int64_t format = db.Int("PRAGMA user_version");
    db.Exec("PRAGMA user_version = " + std::to_string(format + 1));
  }
  const absl::Status opened = OpenStatus(dir.File("log.db"));
  EXPECT_THAT(opened, HasCode(StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(opened.message()), testing::HasSubstr("newer Daybook"));
}

TEST(BadFileTest, PathsThatCannotBeALog) {
  TempDir dir;
  EXPECT_THAT(OpenStatus(dir.File("missing/log.db")), HasCode(StatusCode::kNotFound));
  EXPECT_THAT(OpenStatus(dir.path()), HasCode(StatusCode::kInvalidArgument));
  EXPECT_THAT(OpenStatus(""), HasCode(StatusCode::kInvalidArgument));
  EXPECT_THAT(OpenStatus(std::string("a\0b", 3)), HasCode(StatusCode::kInvalidArgument));
  WriteFile(dir.File("file"), "");
  EXPECT_THAT(OpenStatus(dir.File("file/log.db")), HasCode(StatusCode::kNotFound));
}

// Bytes that have changed on the disk.
void Rot(std::string& content, std::mt19937_64& random) {
  const size_t begin = random() % content.size();
  switch (random() % 3) {
    case 0:  // one bit
      content[begin] = static_cast<char>(content[begin] ^ (1 << random() % 8));
      return;
    case 1:  // some bytes
      for (size_t i = begin; i < std::min(content.size(), begin + 1 + random() % 64); ++i) {
        content[i] = static_cast<char>(random());
      }
      return;
    default:  // a sector, that of another place
      const size_t sector = begin / 512 * 512;
      content.replace(sector, 512, content.substr(random() % content.size() / 512 * 512, 512));
  }
}

// Numbers at the ends of their range, in every place that takes one.
TEST(BadArgumentTest, NumbersAtTheEndsAreAnsweredNotWrapped) {
  TempDir dir;
  ClosedFiles().WriteTo(dir);
  auto opened = SqliteEventStore::Open({.path = dir.File("log.db")});
  ASSERT_THAT(opened, IsOk());
  SqliteEventStore& store = **opened;
  constexpr int64_t kEnds[] = {
      std::numeric_limits<int64_t>::min(), -1, 0, 1, kNoLimit - 1, kNoLimit};
  for (const int64_t a : kEnds) {
    for (const int64_t b : kEnds) {
      for (const Direction direction : {Direction::kForwards, Direction::kBackwards}) {
        const LogQuery log{.after = Position(a), .before = Position(b), .direction = direction};
        EXPECT_THAT(store.Read(log).status().code(),
                    AnyOf(StatusCode::kOk, StatusCode::kInvalidArgument));
        const StreamQuery stream{
            .stream = "order-1", .after = Version(a), .before = Version(b), .direction = direction};
        EXPECT_THAT(store.Read(stream).status().code(),
                    AnyOf(StatusCode::kOk, StatusCode::kInvalidArgument));
      }
    }
    EXPECT_THAT(store.Read(LogQuery{.limit = a}).status().code(),
                AnyOf(StatusCode::kOk, StatusCode::kInvalidArgument));
    EXPECT_THAT(store.Read(StreamQuery{.stream = "order-1", .limit = a}).status().code(),
                AnyOf(StatusCode::kOk, StatusCode::kInvalidArgument));
    EXPECT_THAT(store.ListStreams({.limit = a}).status().code(),
                AnyOf(StatusCode::kOk, StatusCode::kInvalidArgument));
    EXPECT_THAT(store.ReadRows({.table = "rows", .limit = a}).status().code(),
                AnyOf(StatusCode::kOk, StatusCode::kInvalidArgument));
    EXPECT_THAT(store.Append("order-1", Version(a), {MakeEvent({})}).status().code(),
                AnyOf(StatusCode::kAborted, StatusCode::kInvalidArgument,
                      a < 0 ? StatusCode::kOk : StatusCode::kAborted));
    EXPECT_THAT(store.WaitBeyond(Position(a), std::chrono::steady_clock::now()).status().code(),
                AnyOf(StatusCode::kOk, StatusCode::kDeadlineExceeded));
  }
  EXPECT_THAT(store.Verify(), IsOk());
}

class RottenBytesTest : public testing::TestWithParam<bool> {};

TEST_P(RottenBytesTest, NeitherCrashTheProcessNorAreSkipped) {
  const bool in_wal = GetParam();
  const int64_t tries = Scaled(2000, 60);
  int64_t noticed = 0;
  for (int64_t i = 0; i < tries && !HasFailure(); ++i) {
    SCOPED_TRACE(i);
    std::mt19937_64 random(static_cast<uint64_t>(i));
    Files files = in_wal ? CutOffFiles() : ClosedFiles();
    for (uint64_t times = 1 + random() % 3; times > 0; --times) {
      Rot(in_wal ? files.wal : files.db, random);
    }
    TempDir dir;
    files.WriteTo(dir);
    auto store = SqliteEventStore::Open({.path = dir.File("log.db")});
    if (!store.ok()) {
      // The header says whose file it is, and which format's.
      EXPECT_THAT(store.status().code(), AnyOf(StatusCode::kDataLoss, StatusCode::kInvalidArgument,
                                               StatusCode::kFailedPrecondition))
          << store.status();
      ++noticed;
      continue;
    }
    ExpectWholeIfVerified(**store);
    noticed += (*store)->Verify().ok() ? 0 : 1;
    WriteEverything(**store);
    ReadEverything(**store);
  }
  if (!in_wal) {
    EXPECT_GT(noticed, tries / 4);
  }
}

INSTANTIATE_TEST_SUITE_P(Where, RottenBytesTest, testing::Bool(), [](const auto& info) {
  return info.param ? "InTheWriteAheadLog" : "InTheFile";
});

TEST(LockedFileTest, AWriteFailsPastTheTimeoutAndWorksAgainLater) {
  // given
  TempDir dir;
  auto store = SqliteEventStore::Open(
      {.path = dir.File("log.db"), .busy_timeout = std::chrono::milliseconds(50)});
  ASSERT_THAT(store, IsOk());
  const auto append = [&] {
    return (*store)->Append("order-1", ExpectedVersion::Any(), {MakeEvent({})}).status();
  };
  RawDb other(dir.File("log.db"));
  // when
  other.Exec("BEGIN IMMEDIATE");
  // then
  EXPECT_THAT(append(), HasCode(StatusCode::kUnavailable));
  EXPECT_THAT((*store)->Read(LogQuery{}), IsOk());
  EXPECT_THAT((*store)->Health().writable, IsOk());
  // and when it is free again
  other.Exec("COMMIT");
  EXPECT_THAT(append(), IsOk());
}

TEST(LockedFileTest, OpeningFailsPastTheTimeout) {
  TempDir dir;
  ClosedFiles().WriteTo(dir);
  RawDb other(dir.File("log.db"));
  other.Exec(
      "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; UPDATE log SET head = head; COMMIT");
  const auto before = std::chrono::steady_clock::now();
  EXPECT_THAT(OpenStatus(dir.File("log.db")), HasCode(StatusCode::kUnavailable));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

absl::StatusCode OpenAsNobody(const std::string& path) {
  ChildProcess child({"nobody", path});
  const std::optional<Report> report = child.Next();
  return report ? static_cast<StatusCode>(report->version) : StatusCode::kInternal;
}

TEST(ReadOnlyFileTest, IsPermissionDenied) {
  TempDir dir;
  ClosedFiles().WriteTo(dir);
  const std::string path = dir.File("log.db");
  // A file that can only be read, in a folder that can only be read.
  chmod(path.c_str(), 0444);
  chmod(dir.path().c_str(), 0555);
  EXPECT_EQ(OpenAsNobody(path), StatusCode::kPermissionDenied);
  // A folder in which no file can be made.
  EXPECT_EQ(OpenAsNobody(dir.File("new.db")), StatusCode::kPermissionDenied);
  // The file alone.
  chmod(dir.path().c_str(), 0777);
  EXPECT_EQ(OpenAsNobody(path), StatusCode::kPermissionDenied);
  // The folder alone.
  chmod(path.c_str(), 0666);
  chmod(dir.path().c_str(), 0555);
  EXPECT_EQ(OpenAsNobody(path), StatusCode::kPermissionDenied);
  // Neither.
  chmod(dir.path().c_str(), 0777);
  EXPECT_EQ(OpenAsNobody(path), StatusCode::kOk);
  chmod(dir.path().c_str(), 0700);
}

TEST(NewFileTest, TwoProcessesMakeItAtOnce) {
  for (int i = 0; i < 10; ++i) {
    TempDir dir;
    ChildProcess a({"only", dir.File("log.db"), "a"});
    ChildProcess b({"only", dir.File("log.db"), "b"});
    for (ChildProcess* child : {&a, &b}) ASSERT_TRUE(child->Next().has_value());
    for (ChildProcess* child : {&a, &b}) child->Poke();
    for (ChildProcess* child : {&a, &b}) ASSERT_TRUE(child->Next().has_value());
    auto store = SqliteEventStore::Open({.path = dir.File("log.db")});
    ASSERT_THAT(store, IsOk());
    EXPECT_THAT((*store)->Verify(), IsOk());
  }
}

TEST(NewFileTest, EightThreadsMakeItAtOnce) {
  TempDir dir;
  std::vector<EventId> incarnations(8);
  {
    std::vector<std::jthread> threads;
    for (EventId& incarnation : incarnations) {
      threads.emplace_back([&] {
        auto store = SqliteEventStore::Open({.path = dir.File("log.db")});
        ASSERT_THAT(store, IsOk());
        incarnation = (*store)->incarnation();
        EXPECT_THAT((*store)->Append("order-1", ExpectedVersion::Any(), {MakeEvent({})}), IsOk());
      });
    }
  }
  EXPECT_THAT(incarnations, testing::Each(incarnations[0]));
  auto store = SqliteEventStore::Open({.path = dir.File("log.db")});
  ASSERT_THAT(store, IsOk());
  EXPECT_EQ((*store)->State("order-1")->version, Version(8));
}

}  // namespace
}  // namespace daybook::fault
