// Guarantee 1 after a sync that failed: the kernel may have dropped what it was to write, and says
// so once.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "daybook/status.h"
#include "fault/fault_vfs.h"
#include "fault/ledger.h"
#include "fault/support.h"

namespace daybook::fault {
namespace {

// The disk lacked the end of the log, for its sync had failed; the kernel still showed it. The next
// open found it, copied it, and emptied the log; a power cut brought the log back, without its end,
// and that took back what had been copied.
TEST(FailedSyncTest, WhatTheNextOpenFoundAndAnsweredSurvivesAPowerCut) {
  constexpr off_t kSyncFailed = 4;  // in the -turn file
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    TempDir before, after;
    const std::string path = before.File("log.db");
    FaultVfs vfs(seed);
    const SqliteEventStoreOptions options{.path = path, .vfs = vfs.name()};
    const AppendRequest first{.streams = {To("a-1", 0, Events(1, 1))}};
    const AppendRequest second{.streams = {To("a-1", 1, Events(2, 5, 3000))}};
    Ledger ledger;
    // given
    {
      auto store = SqliteEventStore::Open(options);
      ASSERT_THAT(store, IsOk());
      ledger.Note(first, (*store)->Append(first));
      vfs.FailOnce(IoCall::kSync, vfs.calls(IoCall::kSync) + 1, EIO);
      EXPECT_THAT((*store)->Append(second), HasCode(absl::StatusCode::kUnknown));
      // As if the sync of a checkpoint had met the same: the log stays where it is.
      const uint32_t failed = 1;
      const int turn = open((path + "-turn").c_str(), O_WRONLY | O_CLOEXEC);
      ASSERT_EQ(pwrite(turn, &failed, sizeof(failed), kSyncFailed), ssize_t{sizeof(failed)});
      close(turn);
    }
    // when
    auto store = SqliteEventStore::Open(options);
    ASSERT_THAT(store, IsOk());
    const absl::StatusOr<AppendResult> again = (*store)->Append(second);
    ASSERT_THAT(again, IsOk());
    EXPECT_TRUE(again->repeated);
    ledger.Note(second, again);
    // then
    vfs.Materialize(after.path(), seed);
    ExpectAllAsAnswered(ledger, after.File("log.db"));
  }
}

// A checkpoint that a reader stopped half way had its pages counted as copied, then its sync failed
// and dropped them; later checkpoints copied only the rest, and the log started over without them.
class CheckpointSyncTest : public testing::Test {
 protected:
  void SetUp() override { store_ = Open(); }

  std::unique_ptr<SqliteEventStore> Open() {
    auto store = TryOpen();
    EXPECT_THAT(store, IsOk());
    return store.ok() ? *std::move(store) : nullptr;
  }

  absl::StatusOr<std::unique_ptr<SqliteEventStore>> TryOpen() {
    return SqliteEventStore::Open(
        {.path = dir_.File("log.db"), .wal_limit = 1 << 20, .vfs = vfs_.name()});
  }

  absl::Status Append(SqliteEventStore& store) {
    const auto group = static_cast<uint64_t>(version_ + 1);
    const AppendRequest request{.streams = {To("a-1", version_, Events(group, 1, 20'000))}};
    const absl::StatusOr<AppendResult> answer = store.Append(request);
    ledger_.Note(request, answer);
    version_ += answer.ok() ? 1 : 0;
    return answer.status();
  }

  // A reader, while the log grows until its pages are copied, and their sync fails.
  void FailACheckpoint() {
    for (int i = 0; i < 4; ++i)
      ASSERT_THAT(Append(*store_), IsOk());  // too little for a checkpoint
    vfs_.FailNextSyncOfDatabase(EIO);
    ASSERT_THAT(store_->Visit(LogQuery{.limit = 1},
                              [&](const RecordedEvent&) {
                                for (int i = 0; i < 1000 && Append(*store_).ok(); ++i) {
                                }
                                return absl::OkStatus();
                              }),
                IsOk());
    ASSERT_TRUE(vfs_.has_failed());
  }

  // The log starts over, more than once.
  void Grow() {
    for (int i = 0; i < 150; ++i) ASSERT_THAT(Append(*store_), IsOk());
  }

  void ExpectNothingIsLost() {
    ExpectAllAsAnswered(ledger_, dir_.File("log.db"));
    for (uint64_t seed = 0; seed < 4 && !HasFailure(); ++seed) {
      SCOPED_TRACE(seed);
      TempDir after;
      vfs_.Materialize(after.path(), seed);
      ExpectAllAsAnswered(ledger_, after.File("log.db"));
    }
  }

  TempDir dir_;
  FaultVfs vfs_;
  std::unique_ptr<SqliteEventStore> store_;
  Ledger ledger_;
  int64_t version_ = 0;
};

TEST_F(CheckpointSyncTest, TheLogIsCopiedFromItsBeginningByTheNextOpen) {
  FailACheckpoint();
  // then: until it is opened anew, nothing is written
  EXPECT_THAT(Append(*store_), HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(store_->Health().writable, HasCode(absl::StatusCode::kFailedPrecondition));
  // and then
  store_.reset();
  store_ = Open();
  Grow();
  ExpectNothingIsLost();
}

TEST_F(CheckpointSyncTest, EveryStoreOnTheFileStopsAndMustBeClosed) {
  // given
  std::unique_ptr<SqliteEventStore> other = Open();
  FailACheckpoint();
  // then
  EXPECT_THAT(Append(*other), HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(other->Health().writable, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(other->Read(LogQuery{}), IsOk());
  // when one of them alone is opened anew
  store_.reset();
  EXPECT_THAT(TryOpen(), HasCode(absl::StatusCode::kFailedPrecondition));
  // when all are closed
  other.reset();
  store_ = Open();
  Grow();
  ExpectNothingIsLost();
}

TEST_F(CheckpointSyncTest, AnotherProgramThatHasTheFileOpenIsWaitedFor) {
  // given: a connection that the turnstile does not know of
  sqlite3* reader = nullptr;
  ASSERT_EQ(sqlite3_open_v2(dir_.File("log.db").c_str(), &reader, SQLITE_OPEN_READONLY,
                            vfs_.name().c_str()),
            SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(reader, "SELECT count(*) FROM event", nullptr, nullptr, nullptr),
            SQLITE_OK);
  FailACheckpoint();
  store_.reset();
  // then
  EXPECT_THAT(TryOpen(), HasCode(absl::StatusCode::kFailedPrecondition));
  sqlite3_close(reader);
  store_ = Open();
  Grow();
  ExpectNothingIsLost();
}

TEST_F(CheckpointSyncTest, ASyncThatFailsWhileOpeningStopsTheOthersToo) {
  // given
  for (int i = 0; i < 4; ++i) ASSERT_THAT(Append(*store_), IsOk());
  vfs_.FailNextSyncOfDatabase(EIO);
  // when
  EXPECT_THAT(TryOpen(), HasCode(absl::StatusCode::kUnavailable));
  ASSERT_TRUE(vfs_.has_failed());
  // then
  EXPECT_THAT(Append(*store_), HasCode(absl::StatusCode::kFailedPrecondition));
  store_.reset();
  store_ = Open();
  Grow();
  ExpectNothingIsLost();
}

}  // namespace
}  // namespace daybook::fault
