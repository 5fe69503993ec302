#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daybook/sqlite_event_store.h"
#include "support/status_matchers.h"
#include "support/temp_dir.h"

namespace daybook {
namespace {

using absl::StatusCode;
using test::Fails;
using test::HasCode;
using test::IsOk;
using test::TempDir;

class BackupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = SqliteEventStore::Open({.path = path_, .durability = Durability::kProcess});
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
    const std::vector<NewEvent> events(1000, {.type = "t", .payload = std::string(1000, 'x')});
    ASSERT_THAT(store_->Append("order-1", ExpectedVersion::Any(), events), IsOk());
  }

  std::vector<std::string> FilesLike(const std::string& prefix) const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(prefix)) files.push_back(name);
    }
    return files;
  }

  mode_t ModeOf(const std::string& name) const {
    struct stat entry = {};
    return stat(dir_.File(name).c_str(), &entry) == 0 ? entry.st_mode & 0777 : 0;
  }

  const TempDir dir_;
  const std::string path_ = dir_.File("log.db");
  std::unique_ptr<SqliteEventStore> store_;
};

TEST_F(BackupTest, OfSeveralToOnePathOneIsWholeAndTheOthersAreTold) {
  for (int round = 0; round < 10; ++round) {
    const std::string name = absl::StrCat("copy", round, ".db");
    std::vector<absl::Status> answers(4);
    {
      std::vector<std::jthread> threads;
      for (absl::Status& answer : answers) {
        threads.emplace_back([&] {
          answer = store_->Backup(dir_.File(name));
          // Whoever was told that it is done finds it whole.
          if (answer.ok()) {
            EXPECT_GT(std::filesystem::file_size(dir_.File(name)), 1'000'000u);
          }
        });
      }
    }
    int made = 0;
    for (const absl::Status& answer : answers) {
      made += answer.ok() ? 1 : 0;
      EXPECT_THAT(answer.code(), testing::AnyOf(StatusCode::kOk, StatusCode::kAlreadyExists));
    }
    EXPECT_EQ(made, 1);
    EXPECT_THAT(FilesLike(name), testing::ElementsAre(name));
    auto copy = SqliteEventStore::Open({.path = dir_.File(name)});
    ASSERT_THAT(copy, IsOk());
    EXPECT_THAT((*copy)->Verify(), IsOk());
    EXPECT_EQ((*copy)->Head().value_or(Position()), Position(1000));
  }
}

TEST_F(BackupTest, LeavesFilesOfOthersAlone) {
  std::ofstream(dir_.File("copy.db.part")) << "mine";
  EXPECT_THAT(store_->Backup(dir_.File("copy.db")), IsOk());
  EXPECT_EQ(std::filesystem::file_size(dir_.File("copy.db.part")), 4u);
}

TEST_F(BackupTest, ReplacesNothing) {
  std::ofstream(dir_.File("copy.db")) << "mine";
  std::filesystem::create_symlink(dir_.File("nowhere"), dir_.File("link.db"));
  for (const std::string& there :
       {path_, dir_.path(), dir_.File("copy.db"), dir_.File("link.db"), std::string("/dev/full")}) {
    EXPECT_THAT(store_->Backup(there), Fails(StatusCode::kAlreadyExists, "there already"));
  }
  EXPECT_EQ(std::filesystem::file_size(dir_.File("copy.db")), 4u);
  EXPECT_THAT(FilesLike("copy"), testing::ElementsAre("copy.db"));
}

TEST_F(BackupTest, ThatCannotBeMadeLeavesNothing) {
  EXPECT_THAT(store_->Backup(dir_.File("no/copy.db")), Fails(StatusCode::kNotFound, "create it"));
  EXPECT_THAT(store_->Backup(dir_.File(std::string(300, 'n'))),
              HasCode(StatusCode::kInvalidArgument));
  EXPECT_THAT(store_->Backup(std::string("a\0b", 3)), Fails(StatusCode::kInvalidArgument, "NUL"));
  EXPECT_THAT(FilesLike("n"), testing::IsEmpty());
}

TEST_F(BackupTest, IsNeverMoreReadableThanTheLog) {
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  std::atomic<bool> done = false;
  std::jthread watcher([&] {
    while (!done) {
      for (const std::string& name : FilesLike("copy")) EXPECT_EQ(ModeOf(name) & 077, 0u) << name;
    }
  });
  EXPECT_THAT(store_->Backup(dir_.File("copy.db")), IsOk());
  done = true;
  EXPECT_EQ(ModeOf("copy.db"), 0600u);
}

TEST_F(BackupTest, IsAsReadableAsTheLogAndItsOwners) {
  const bool root = geteuid() == 0;
  if (root) {
    ASSERT_EQ(chown(path_.c_str(), 65534, 65534), 0);
  }
  ASSERT_EQ(chmod(path_.c_str(), 0664), 0);
  EXPECT_THAT(store_->Backup(dir_.File("copy.db")), IsOk());
  EXPECT_EQ(ModeOf("copy.db"), 0664u);
  struct stat entry = {};
  ASSERT_EQ(stat(dir_.File("copy.db").c_str(), &entry), 0);
  EXPECT_EQ(entry.st_uid, root ? 65534 : geteuid());
}

}  // namespace
}  // namespace daybook
