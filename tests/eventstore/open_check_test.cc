#include "sqlite/open_check.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <thread>

#include "daybook/sqlite_event_store.h"
#include "sqlite/turnstile.h"
#include "support/status_matchers.h"
#include "support/temp_dir.h"

namespace daybook::internal {
namespace {

using absl::StatusCode;
using test::Fails;
using test::HasCode;
using test::IsOk;
using test::TempDir;
using testing::HasSubstr;
using testing::Not;

absl::Status Open(const std::string& path) {
  return SqliteEventStore::Open({.path = path, .busy_timeout = std::chrono::milliseconds(20)})
      .status();
}

void WriteFile(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::set<std::string> NamesIn(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

// Another program's connection.
class Other {
 public:
  explicit Other(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &database_), SQLITE_OK);
  }
  ~Other() { sqlite3_close(database_); }

  void Run(const char* sql) {
    EXPECT_EQ(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sql;
  }

 private:
  sqlite3* database_ = nullptr;
};

// In another working directory, until the end of the scope.
class InFolder {
 public:
  explicit InFolder(const std::string& folder) : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(folder);
  }
  ~InFolder() { std::filesystem::current_path(before_); }

 private:
  const std::filesystem::path before_;
};

// ---- Options ------------------------------------------------------------------------------------

TEST(OpenCheckTest, AOnceKeyIsNeverForgottenWhereForEverIsAsked) {
  const TempDir dir;
  auto store = SqliteEventStore::Open(
      {.path = dir.File("log.db"), .once_retention = std::chrono::seconds::max()});
  ASSERT_THAT(store, IsOk());
  const AppendRequest request{.streams = {{.stream = "order-1", .events = {{.type = "t"}}}},
                              .once = OnceKey{"command", "1"}};
  for (const bool repeated : {false, true, true}) {
    const auto answer = (*store)->Append(request);
    ASSERT_THAT(answer, IsOk());
    EXPECT_EQ(answer->repeated, repeated);
  }
}

TEST(OpenCheckTest, AWriteWaitsWhereForEverIsAsked) {
  // given
  const TempDir dir;
  auto store = SqliteEventStore::Open(
      {.path = dir.File("log.db"), .busy_timeout = std::chrono::milliseconds::max()});
  ASSERT_THAT(store, IsOk());
  auto turnstile = Turnstile::Open(dir.File("log.db"));
  ASSERT_THAT(turnstile, IsOk());
  Other other(dir.File("log.db"));
  other.Run("BEGIN IMMEDIATE");
  // when
  std::atomic<bool> answered = false;
  absl::Status answer;
  std::thread writer([&] {
    answer = (*store)->Append("order-1", ExpectedVersion::Any(), {{.type = "t"}}).status();
    answered = true;
  });
  const auto is_free = [&turnstile] {
    InTurn turn(**turnstile);
    return turn.Enter(std::chrono::seconds(0)).ok();
  };
  while (!answered && is_free()) std::this_thread::yield();
  EXPECT_FALSE(answered);
  other.Run("ROLLBACK");
  writer.join();
  // then
  EXPECT_THAT(answer, IsOk());
}

TEST(OpenCheckTest, AVfsThatNobodyRegisteredIsRefused) {
  const TempDir dir;
  EXPECT_THAT(SqliteEventStore::Open({.path = dir.File("log.db"), .vfs = "nope"}),
              Fails(StatusCode::kInvalidArgument, "\"nope\""));
}

TEST(OpenCheckTest, APathIsNothingButTheNameOfAFile) {
  const TempDir dir;
  const InFolder here(dir.path());
  for (const char* name : {":memory:", "file:x?mode=memory", "file::memory:", "a?b#c%41"}) {
    SCOPED_TRACE(name);
    auto store = SqliteEventStore::Open({.path = name});
    ASSERT_THAT(store, IsOk());
    EXPECT_EQ((*store)->path(), std::filesystem::canonical(dir.path()) / name);
    EXPECT_TRUE(std::filesystem::exists(dir.File(name)));
    const std::string copy = std::string("file:copy of ") + name;
    EXPECT_THAT((*store)->Backup(copy), IsOk());
    EXPECT_TRUE(std::filesystem::exists(dir.File(copy)));
  }
}

TEST(OpenCheckTest, AWorkingDirectoryThatIsGoneIsSaid) {
  const TempDir dir;
  auto store = SqliteEventStore::Open({.path = dir.File("log.db")});
  ASSERT_THAT(store, IsOk());
  const std::string gone = dir.File("gone");
  std::filesystem::create_directory(gone);
  const InFolder here(gone);
  std::filesystem::remove(gone);
  EXPECT_THAT(Open("log.db"), Fails(StatusCode::kNotFound, "working directory"));
  EXPECT_THAT((*store)->Backup("copy.db"), Fails(StatusCode::kNotFound, "working directory"));
  EXPECT_THAT((*store)->Backup(""), Fails(StatusCode::kInvalidArgument, "empty"));
}

// ---- Files that are no log ----------------------------------------------------------------------

TEST(ForeignFileTest, IsRefusedUntouchedAndNothingIsMadeBesideIt) {
  struct Case {
    const char* name;
    StatusCode code;
    std::function<void(const std::string& path)> make;
  };
  const auto text = [](size_t size) {
    return [size](const std::string& path) { WriteFile(path, std::string(size, 'n')); };
  };
  const auto database = [](const char* sql) {
    return [sql](const std::string& path) { Other(path).Run(sql); };
  };
  const Case cases[] = {
      {"a letter", StatusCode::kDataLoss, text(1)},
      {"a word", StatusCode::kDataLoss, text(14)},
      {"a page", StatusCode::kDataLoss, text(4096)},
      {"a database", StatusCode::kInvalidArgument, database("CREATE TABLE t (x)")},
      {"one in WAL mode", StatusCode::kInvalidArgument,
       database("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")},
      {"a newer log", StatusCode::kFailedPrecondition,
       database("PRAGMA application_id = 0x44617962; PRAGMA user_version = 99")},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const TempDir dir;
    const std::string path = dir.File("their file #1?.db");
    c.make(path);
    const std::string before = ReadFile(path);
    EXPECT_THAT(Open(path), HasCode(c.code));
    EXPECT_EQ(ReadFile(path), before);
    EXPECT_THAT(NamesIn(dir.path()), testing::ElementsAre("their file #1?.db"));
  }
}

TEST(ForeignFileTest, IsRefusedUntouchedWhereAnEarlierTryHasLeftItsTrace) {
  const TempDir dir;
  for (const size_t size : {1u, 2u, 511u}) {
    WriteFile(dir.File("file"), std::string(size, 'n'));
    WriteFile(dir.File("file-turn"), "");
    EXPECT_THAT(Open(dir.File("file")), Fails(StatusCode::kDataLoss, "no database"));
    EXPECT_EQ(ReadFile(dir.File("file")), std::string(size, 'n'));
  }
}

TEST(ForeignFileTest, OfAProgramThatRunsIsLeftAlone) {
  const TempDir dir;
  Other other(dir.File("their.db"));
  other.Run("PRAGMA journal_mode = WAL; PRAGMA application_id = 42; CREATE TABLE t (x)");
  const auto before = NamesIn(dir.path());
  EXPECT_THAT(Open(dir.File("their.db")), Fails(StatusCode::kInvalidArgument, "another program"));
  EXPECT_EQ(NamesIn(dir.path()), before);
}

TEST(ForeignFileTest, WhatIsNoRegularFileIsRefused) {
  const TempDir dir;
  ASSERT_EQ(mkfifo(dir.File("pipe").c_str(), 0600), 0);
  EXPECT_THAT(Open(dir.File("pipe")), Fails(StatusCode::kInvalidArgument, "no regular file"));
  EXPECT_THAT(NamesIn(dir.path()), testing::ElementsAre("pipe"));
  EXPECT_THAT(Open("/dev/null"), Fails(StatusCode::kInvalidArgument, "no regular file"));
}

TEST(ForeignFileTest, ALogWithoutItsTurnstileIsOpened) {
  const TempDir dir;
  const std::string path = dir.File("log.db");
  for (const bool in_use : {false, true}) {
    SCOPED_TRACE(in_use);
    ASSERT_THAT(Open(path), IsOk());
    const Other reader(path);
    if (in_use) Other(path).Run("BEGIN; SELECT * FROM log; COMMIT");
    std::filesystem::remove(path + "-turn");
    EXPECT_THAT(Open(path), IsOk());
  }
}

// ---- What is said -------------------------------------------------------------------------------

TEST(MessageTest, SaysOnceAndPlainlyWhatToDo) {
  const TempDir dir;
  const std::string path = dir.File("log.db");
  const auto expect = [&path](const absl::Status& status, StatusCode code, const char* part) {
    EXPECT_THAT(status, Fails(code, part));
    const std::string message(status.message());
    EXPECT_THAT(message, Not(HasSubstr("PRAGMA")));
    EXPECT_THAT(message, HasSubstr(path));
    const std::string said = "file is not a database";
    EXPECT_EQ(message.find(said), message.rfind(said)) << message;
  };
  WriteFile(path, std::string(4096, 'n'));
  expect(Open(path), StatusCode::kDataLoss, "is no database; name another file, or restore");
  std::filesystem::remove(path);
  {
    auto store = SqliteEventStore::Open({.path = path});
    const std::vector<NewEvent> events(100, {.type = "t", .payload = std::string(1000, 'x')});
    ASSERT_THAT((*store)->Append("order-1", ExpectedVersion::Any(), events), IsOk());
  }
  {
    Other other(path);
    other.Run("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; UPDATE log SET head = head");
    expect(Open(path), StatusCode::kUnavailable, "locked by another program");
    other.Run("ROLLBACK");
  }
  std::filesystem::resize_file(path, 5000);
  expect(Open(path), StatusCode::kDataLoss, "damaged or cut short; restore it from a backup");
}

// ---- What stands beside the file ----------------------------------------------------------------

TEST(TurnFileTest, TakesTheModeOfTheDatabaseWhateverTheUmask) {
  const TempDir dir;
  const mode_t usual = umask(077);
  for (const mode_t mode : {0600u, 0660u, 0644u, 0666u}) {
    const std::string path = dir.File("log.db") + std::to_string(mode);
    WriteFile(path, "");
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_THAT(Open(path), IsOk());
    struct stat entry = {};
    ASSERT_EQ(stat((path + "-turn").c_str(), &entry), 0);
    EXPECT_EQ(entry.st_mode & 0777, mode);
  }
  umask(usual);
}

TEST(TurnFileTest, BelongsToTheDatabasesOwnerAlsoWhenRootMadeIt) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  constexpr uid_t kService = 65534;
  const TempDir dir;
  const std::string path = dir.File("log.db");
  WriteFile(path, "");
  ASSERT_EQ(chown(path.c_str(), kService, kService), 0);
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_THAT(Open(path), IsOk());
  struct stat entry = {};
  ASSERT_EQ(stat((path + "-turn").c_str(), &entry), 0);
  EXPECT_EQ(entry.st_uid, kService);
  EXPECT_EQ(entry.st_gid, kService);
  EXPECT_EQ(entry.st_mode & 0777, 0600u);
}

}  // namespace
}  // namespace daybook::internal
