// The proofs stand on this VFS, so it is proved first, by SQLite alone: it must take what was not
// synced, and nothing else.

#include "fault/fault_vfs.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "fault/support.h"

namespace daybook::fault {
namespace {

constexpr int kRows = 40;
constexpr int kSeeds = 40;

// A connection that may find the power gone.
class Connection {
 public:
  Connection(const std::string& path, const FaultVfs& vfs) {
    sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                    vfs.name().c_str());
  }
  ~Connection() { sqlite3_close(db_); }
  int Exec(const std::string& sql) {
    return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  }

 private:
  sqlite3* db_ = nullptr;
};

// Inserts 1, 2, 3, … each in a commit of its own, until one fails; returns how many did not.
int InsertRows(const std::string& path, const FaultVfs& vfs, const std::string& pragmas) {
  Connection db(path, vfs);
  if (db.Exec(pragmas) != SQLITE_OK) return 0;
  if (db.Exec("CREATE TABLE t (x INTEGER PRIMARY KEY, y)") != SQLITE_OK) return 0;
  for (int x = 1; x <= kRows; ++x) {
    if (db.Exec("INSERT INTO t VALUES (" + std::to_string(x) + ", randomblob(600))") != SQLITE_OK) {
      return x - 1;
    }
  }
  return kRows;
}

// True if the file is sound and holds rows 1 to `acknowledged`, and at most one more.
bool Holds(const std::string& path, int acknowledged) {
  if (acknowledged == 0) return true;
  RawDb db(path);
  if (db.Int("SELECT count(*) = 0 FROM pragma_integrity_check WHERE integrity_check <> 'ok'") !=
      1) {
    return false;
  }
  const int64_t rows = db.Int("SELECT count(*) FROM t");
  return db.Int("SELECT max(x) FROM t") == rows &&
         (rows == acknowledged || rows == acknowledged + 1);
}

// Runs with the power cut at some call, and tells whether all that was acknowledged is back.
bool Survives(uint64_t seed, const std::string& pragmas, int64_t calls) {
  TempDir before, after;
  FaultVfs vfs(seed);
  std::mt19937_64 random(seed);
  vfs.CutPowerAt(calls / 2 + static_cast<int64_t>(random() % (calls / 2)));
  const int acknowledged = InsertRows(before.File("t.db"), vfs, pragmas);
  vfs.CutPower();
  vfs.Materialize(after.path(), seed);
  return Holds(after.File("t.db"), acknowledged);
}

int Survivals(const std::string& pragmas) {
  TempDir dir;
  FaultVfs dry;
  EXPECT_EQ(InsertRows(dir.File("t.db"), dry, pragmas), kRows);
  int survived = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) survived += Survives(seed, pragmas, dry.calls());
  return survived;
}

TEST(FaultVfsTest, SyncedCommitsSurviveAPowerCutInWalMode) {
  EXPECT_EQ(Survivals("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"), kSeeds);
}

TEST(FaultVfsTest, SyncedCommitsSurviveAPowerCutInRollbackMode) {
  EXPECT_EQ(Survivals("PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA"), kSeeds);
}

TEST(FaultVfsTest, SyncedCommitsSurviveFrequentCheckpoints) {
  EXPECT_EQ(Survivals("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                      "PRAGMA wal_autocheckpoint=8"),
            kSeeds);
}

TEST(FaultVfsTest, CommitsThatNobodySyncedNeverSurviveWhole) {
  EXPECT_EQ(Survivals("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"), 0);
}

TEST(FaultVfsTest, CommitsSyncedOnlyAtCheckpointsAreMissedMostly) {
  EXPECT_LT(Survivals("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"), kSeeds / 2);
}

TEST(FaultVfsTest, OneSeedLeavesOneOutcome) {
  // given
  TempDir before, after, again;
  FaultVfs vfs;
  InsertRows(before.File("t.db"), vfs, "PRAGMA synchronous=OFF");
  // when
  vfs.Materialize(after.path(), 7);
  vfs.Materialize(again.path(), 7);
  // then
  EXPECT_EQ(ReadFile(after.File("t.db")), ReadFile(again.File("t.db")));
}

TEST(FaultVfsTest, EverythingFailsOncePowerIsOff) {
  TempDir dir;
  FaultVfs vfs;
  Connection db(dir.File("t.db"), vfs);
  ASSERT_EQ(db.Exec("PRAGMA journal_mode=WAL; CREATE TABLE t (x)"), SQLITE_OK);
  vfs.CutPower();
  EXPECT_NE(db.Exec("INSERT INTO t VALUES (1)"), SQLITE_OK);
  EXPECT_NE(Connection(dir.File("u.db"), vfs).Exec("CREATE TABLE t (x)"), SQLITE_OK);
}

TEST(FaultVfsTest, AWriteFailsOnceAndOnlyOnce) {
  TempDir dir;
  FaultVfs vfs;
  Connection db(dir.File("t.db"), vfs);
  ASSERT_EQ(db.Exec("PRAGMA journal_mode=WAL; CREATE TABLE t (x)"), SQLITE_OK);
  vfs.FailOnce(IoCall::kWrite, vfs.calls(IoCall::kWrite) + 1, ENOSPC);
  EXPECT_EQ(db.Exec("INSERT INTO t VALUES (1)"), SQLITE_FULL);
  EXPECT_TRUE(vfs.has_failed());
  EXPECT_EQ(db.Exec("INSERT INTO t VALUES (1)"), SQLITE_OK);
}

TEST(FaultVfsTest, WhatAFailedSyncDroppedALaterSyncDoesNotBringBack) {
  int lost = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    // given: a disk on which "new" was written, and its sync failed
    CrashDisk disk;
    std::mt19937_64 random(seed);
    CrashDisk::FilePtr file = disk.Adopt("/f", "old");
    disk.Write(*file, 0, "new");
    disk.FailSync(*file, random);
    // when: another part is written and synced, and the power goes
    disk.Write(*file, 4096, "more");
    disk.Sync(*file);
    TempDir after;
    disk.Materialize(after.path(), seed);
    // then
    lost += ReadFile(after.File("f")).substr(0, 3) == "old";
  }
  EXPECT_GT(lost, kSeeds / 4);
  EXPECT_LT(lost, kSeeds);
}

}  // namespace
}  // namespace daybook::fault
