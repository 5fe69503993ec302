#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "daybook/sqlite_event_store.h"
#include "fault/fault_vfs.h"
#include "inbox_testing.h"

namespace daybook::test {
namespace {

using ::testing::ElementsAre;

class InboxFileTest : public InboxTesting {
 protected:
  absl::Status Opened(InboxOptions options) {
    return Inbox::Open(std::move(options), Writers()).status();
  }
  absl::Status Opened() { return Opened(Options()); }
};

TEST_F(InboxFileTest, AnOptionOutOfBoundsIsNamed) {
  const auto refused = [&](auto change, const std::string& name) {
    InboxOptions options = Options();
    change(options);
    EXPECT_THAT(Opened(options), Fails(absl::StatusCode::kInvalidArgument, name));
  };
  refused([](InboxOptions& o) { o.path = ""; }, "path");
  refused([](InboxOptions& o) { o.consumer = ""; }, "consumer");
  refused([](InboxOptions& o) { o.consumer = std::string(201, 'x'); }, "consumer");
  refused([](InboxOptions& o) { o.consumer = "a\nb"; }, "consumer");
  refused([](InboxOptions& o) { o.retry.max_attempts = 0; }, "max_attempts");
  refused([](InboxOptions& o) { o.retry.backoff.first = std::chrono::milliseconds(0); }, "first");
  refused([](InboxOptions& o) { o.max_parked = 0; }, "max_parked");
  refused([](InboxOptions& o) { o.max_parked = 1'000'001; }, "max_parked");
  refused([](InboxOptions& o) { o.retention = std::chrono::hours(0); }, "retention");
  refused([](InboxOptions& o) { o.schema = "CREATE TABLE"; }, "schema");
  InboxOptions nowhere = Options();
  nowhere.path = folder_.File("no/such/folder.db");
  EXPECT_THAT(Opened(nowhere), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(InboxFileTest, ASchemaThatFailsLeavesNothingBehind) {
  InboxOptions options = Options();
  options.schema = "CREATE TABLE credit (id INTEGER); CREATE TABLE";
  EXPECT_THAT(Opened(options), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Opened(), IsOk());
}

TEST_F(InboxFileTest, TheUsersOwnFileIsTakenAsItIs) {
  // given
  fault::RawDb(Path()).Exec(
      "CREATE TABLE credit (account TEXT, amount INTEGER); INSERT INTO credit VALUES ('1', 1)");
  InboxOptions options = Options();
  options.schema = "CREATE TABLE unwanted (id INTEGER)";
  // when
  auto inbox = Open(options, Writers());
  EXPECT_THAT(inbox->Receive(Credited("a", 2)), IsHandled());
  // then
  EXPECT_THAT(Written(), ElementsAre(1, 2));
  fault::RawDb db(Path());
  EXPECT_EQ(db.Int("SELECT count(*) FROM sqlite_schema WHERE name = 'unwanted'"), 0);
  EXPECT_EQ(db.Int("PRAGMA application_id"), 0);
}

TEST_F(InboxFileTest, TheFileOfALogIsRefused) {
  {
    auto store = SqliteEventStore::Open({.path = Path()});
    ASSERT_THAT(store, IsOk());
    ASSERT_THAT((*store)->Append("a-1", ExpectedVersion::Any(), {fault::MakeEvent({})}), IsOk());
    EXPECT_THAT(Opened(), Fails(absl::StatusCode::kInvalidArgument, "is the file of a log"));
  }
  EXPECT_THAT(Opened(), Fails(absl::StatusCode::kInvalidArgument, "is the file of a log"));
  auto store = SqliteEventStore::Open({.path = Path()});
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT((*store)->Verify(), IsOk());
}

TEST_F(InboxFileTest, ALogRefusesTheFileOfAnInbox) {
  EXPECT_THAT(Opened(), IsOk());
  EXPECT_THAT(SqliteEventStore::Open({.path = Path()}),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Opened(), IsOk());
}

TEST_F(InboxFileTest, AnotherProgramsDatabaseIsRefusedUntouched) {
  fault::RawDb(Path()).Exec("CREATE TABLE t (i INTEGER); PRAGMA application_id = 77");
  const std::string before = fault::ReadFile(Path());
  EXPECT_THAT(Opened(), Fails(absl::StatusCode::kInvalidArgument, "another program"));
  EXPECT_EQ(fault::ReadFile(Path()), before);
  EXPECT_FALSE(std::filesystem::exists(Path() + "-turn"));
}

TEST_F(InboxFileTest, WhatIsNoDatabaseIsRefused) {
  fault::WriteFile(Path(), std::string(5000, 'x'));
  EXPECT_THAT(Opened(), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_EQ(fault::ReadFile(Path()), std::string(5000, 'x'));
}

TEST_F(InboxFileTest, ANewerFormatIsRefused) {
  EXPECT_THAT(Opened(), IsOk());
  fault::RawDb(Path()).Exec("UPDATE daybook_inbox_format SET format = 2");
  EXPECT_THAT(Opened(), Fails(absl::StatusCode::kFailedPrecondition, "newer Daybook"));
}

TEST_F(InboxFileTest, ADamagedParkedMessageIsTold) {
  auto inbox = Open(Writers());
  EXPECT_THAT(inbox->Receive(WireMessage{.headers = {{"a", "b"}}}), IsParked());
  for (const char* headers : {"9:a", "1", "x:a", "1:a", ":"}) {
    fault::RawDb(Path()).Exec("UPDATE daybook_parked_message SET headers = CAST('" +
                              std::string(headers) + "' AS BLOB)");
    EXPECT_THAT(inbox->ReplayAll(), HasCode(absl::StatusCode::kDataLoss)) << headers;
  }
}

// Root may write to any file, so another user tries.
TEST_F(InboxFileTest, AFileThatMayOnlyBeReadIsRefused) {
  EXPECT_THAT(Opened(), IsOk());
  std::filesystem::permissions(Path(), std::filesystem::perms(0444));
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0555));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    if (geteuid() == 0 && (setgid(kNobody) != 0 || setuid(kNobody) != 0)) _exit(100);
    _exit(static_cast<int>(Opened().code()));
  }
  int ended = 0;
  ASSERT_EQ(waitpid(child, &ended, 0), child);
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  ASSERT_TRUE(WIFEXITED(ended));
  EXPECT_EQ(WEXITSTATUS(ended), static_cast<int>(absl::StatusCode::kPermissionDenied));
}

// ---- Disks -------------------------------------------------------------------------------------

// While it lives, SQLite opens everything on it.
class DefaultVfs {
 public:
  DefaultVfs() { sqlite3_vfs_register(sqlite3_vfs_find(vfs.name().c_str()), 1); }
  ~DefaultVfs() { sqlite3_vfs_register(before_, 1); }
  DefaultVfs(const DefaultVfs&) = delete;
  DefaultVfs& operator=(const DefaultVfs&) = delete;

 private:
  sqlite3_vfs* const before_ = sqlite3_vfs_find(nullptr);

 public:
  fault::FaultVfs vfs;
};

class InboxDiskTest : public InboxFileTest {
 protected:
  // Opens what the disk may hold once the power is back.
  std::unique_ptr<Inbox> OpenAfterPowerLoss(uint64_t seed) {
    const std::string after = folder_.File("after" + std::to_string(seed));
    std::filesystem::create_directory(after);
    disk_.vfs.Materialize(after, seed);
    InboxOptions options = Options();
    options.path = after + "/bank.inbox.db";
    sqlite3_vfs_register(sqlite3_vfs_find("unix"), 1);
    return Open(options, Writers());
  }

  DefaultVfs disk_;
};

TEST_F(InboxDiskTest, WhatABrokerMayForgetSurvivesTheLossOfPower) {
  auto inbox = Open(Writers());
  EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsHandled());
  EXPECT_THAT(inbox->Receive(WireMessage()), IsParked());
  disk_.vfs.CutPower();
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    auto after = OpenAfterPowerLoss(seed);
    ASSERT_NE(after, nullptr);
    EXPECT_THAT(after->Receive(Credited("a", 1)), IsDuplicate());
    EXPECT_EQ(Parked(*after).size(), 1u);
  }
}

TEST_F(InboxDiskTest, AMessageWhoseSyncFailedHasOneEffectInTheEnd) {
  auto inbox = Open(Writers());
  disk_.vfs.FailOnce(fault::IoCall::kSync, disk_.vfs.calls(fault::IoCall::kSync) + 1, EIO);
  EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsOutage(absl::StatusCode::kUnavailable));

  EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsHandled());
  EXPECT_THAT(Written(), ElementsAre(1));

  disk_.vfs.CutPower();
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_THAT(OpenAfterPowerLoss(seed)->Receive(Credited("a", 1)), IsDuplicate());
  }
}

TEST_F(InboxDiskTest, WhatARestartFindsOfAFailedSyncIsSyncedBeforeItCounts) {
  {
    auto inbox = Open(Writers());
    disk_.vfs.FailOnce(fault::IoCall::kSync, disk_.vfs.calls(fault::IoCall::kSync) + 1, EIO);
    EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsOutage(absl::StatusCode::kUnavailable));
    disk_.vfs.KillAt(1);
  }
  disk_.vfs.Restart();
  auto inbox = Open(Writers());
  EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsOk());
  disk_.vfs.CutPower();
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_THAT(OpenAfterPowerLoss(seed)->Receive(Credited("a", 1)), IsDuplicate());
  }
}

TEST_F(InboxDiskTest, AfterAFailedSyncOfTheDatabaseTheInboxIsToBeOpenedAnew) {
  WireMessage large;
  large.body = std::string(8 << 20, 'x');
  {
    auto inbox = Open(Writers());
    disk_.vfs.FailNextSyncOfDatabase(EIO);
    EXPECT_THAT(inbox->Receive(large), IsParked()) << "the log holds it";
    EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsOutage(absl::StatusCode::kFailedPrecondition));
  }
  auto inbox = Open(Writers());
  EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsHandled());
  disk_.vfs.CutPower();
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    auto after = OpenAfterPowerLoss(seed);
    EXPECT_THAT(after->Receive(Credited("a", 1)), IsDuplicate());
    EXPECT_EQ(Parked(*after).size(), 1u);
  }
}

TEST_F(InboxDiskTest, AFullDiskLeavesTheMessageWithTheBroker) {
  auto inbox = Open(Writers());
  EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsHandled());
  disk_.vfs.set_disk_is_full(true);
  EXPECT_THAT(inbox->Receive(Credited("b", 2)), IsOutage(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(inbox->Receive(WireMessage()), IsOutage(absl::StatusCode::kResourceExhausted));
  disk_.vfs.set_disk_is_full(false);
  EXPECT_THAT(inbox->Receive(Credited("b", 2)), IsHandled());
  EXPECT_THAT(Written(), ElementsAre(1, 2));
}

}  // namespace
}  // namespace daybook::test
