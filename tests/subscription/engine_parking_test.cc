#include "subscription/engine_driver.h"

namespace daybook::internal {
namespace {

using absl::StatusCode;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EngineParkingTest : public EngineTest {};

// ---- Parking -----------------------------------------------------------------------------------

TEST_F(EngineParkingTest, AfterItsLastAttemptARecordIsParkedWithWhatFollowsInItsLane) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "a"}});
  HandOut();
  Done(2);
  // when
  for (int i = 0; i < 3; ++i) {
    Failed(1);
    now_ += seconds(1);
    HandOut();
  }
  Page({{4, "a"}, {5, "b"}});
  // then
  EXPECT_THAT(HandOut(), ElementsAre(5)) << "other lanes go on";
  EXPECT_EQ(checkpoint(), 4);
  Flush();
  ASSERT_THAT(Parked(), ElementsAre(1, 3, 4));
  const ParkedRecord& front = file_.parked[1];
  EXPECT_EQ(front.lane, "a");
  EXPECT_EQ(front.reason, absl::InternalError("failed"));
  EXPECT_EQ(front.attempts, 3);
  EXPECT_EQ(front.tried_at, wall_);
  EXPECT_EQ(front.parked_at, wall_);
  for (const int64_t behind : {3, 4}) {
    EXPECT_EQ(file_.parked[behind].reason.code(), StatusCode::kAborted);
    EXPECT_EQ(file_.parked[behind].attempts, 0);
    EXPECT_EQ(file_.parked[behind].tried_at, RecordedTime());
  }
  EXPECT_EQ(engine_->TakeNewlyParked().size(), 3u);
  EXPECT_EQ(engine_->TakeNewlyParked().size(), 0u);
}

TEST_F(EngineParkingTest, APermanentErrorParksAtOnce) {
  GivenParked({{1, "a"}});
  EXPECT_THAT(Parked(), ElementsAre(1));
  EXPECT_EQ(file_.parked[1].attempts, 1);
}

TEST_F(EngineParkingTest, ParkedRowsAreWrittenWithTheCheckpointThatPassesThem) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "c"}});
  HandOut();
  Never(2);
  Done(3);
  engine_->FlushSoon();
  EXPECT_FALSE(NextWrite().has_value()) << "1 is not done: the file knows nothing of 2";
  // when
  Done(1);
  engine_->FlushSoon();
  // then
  ASSERT_TRUE(NextWrite().has_value());
  EXPECT_EQ(in_write_.checkpoint, Position(3));
  ASSERT_EQ(in_write_.parked.size(), 1u);
  EXPECT_EQ(in_write_.parked.front().position, Position(2));
}

TEST_F(EngineParkingTest, ARowBeyondTheCheckpointIsReadAnew) {
  GivenParked({{5, "a"}});
  file_.checkpoint = 3;
  Begin(Options());
  EXPECT_EQ(engine_->parked_records(), 0);
  Page({{5, "a"}});
  EXPECT_THAT(HandOut(), ElementsAre(5));
  Flush();
  EXPECT_THAT(Parked(), IsEmpty());
}

TEST_F(EngineParkingTest, WhatJoinsAParkedLaneTakesItsPlaceInTheWindow) {
  EngineOptions options = Options();
  options.window = 3;
  GivenParked({{1, "a"}}, options);
  Page({{2, "b"}, {3, "a"}, {4, "a"}});
  EXPECT_EQ(engine_->Wanted(), 0) << "a replay would handle them beyond 2";
}

TEST_F(EngineParkingTest, WhatJoinsAParkedLaneCountsForTheNextCheckpoint) {
  EngineOptions options = Options();
  options.checkpoint_every = 2;
  GivenParked({{1, "a"}}, options);
  Page({{2, "a"}});
  EXPECT_FALSE(NextWrite().has_value());
  Page({{3, "a"}});
  EXPECT_TRUE(NextWrite().has_value());
}

// ---- Limits ------------------------------------------------------------------------------------

TEST_F(EngineParkingTest, AsManyRecordsAsTheLimitAreParkedAndNoMore) {
  // given
  EngineOptions options = Options();
  options.limits.records = 3;
  GivenParked({{1, "a"}, {2, "a"}}, options);
  // when
  Page({{3, "a"}});
  EXPECT_TRUE(engine_->stopped().ok());
  Page({{4, "b"}, {5, "a"}, {6, "b"}});
  // then
  EXPECT_EQ(engine_->stopped().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(engine_->parked_records(), 3);
  EXPECT_EQ(engine_->read_to(), Position(4)) << "nothing was dropped";
  EXPECT_THAT(HandOut(), IsEmpty());
  // when
  EXPECT_EQ(Ask({.kind = Control::kDiscardRecord, .position = Position(2)}), StatusCode::kOk);
  Ask({.kind = Control::kResume});
  Page({{5, "a"}});
  // then
  EXPECT_TRUE(engine_->stopped().ok());
  EXPECT_THAT(HandOut(), ElementsAre(4));
}

TEST_F(EngineParkingTest, AsManyLanesAsTheLimitAreParkedAndNoMore) {
  // given
  EngineOptions options = Options();
  options.limits.lanes = 2;
  Begin(options);
  Page({{1, "a"}, {2, "b"}, {3, "c"}});
  HandOut();
  Never(1);
  Never(2);
  EXPECT_TRUE(engine_->stopped().ok());
  // when
  Never(3);
  // then
  EXPECT_EQ(engine_->stopped().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(engine_->parked_lanes(), 2);
  EXPECT_EQ(checkpoint(), 2);
}

TEST_F(EngineParkingTest, ALaneWithMoreThanTheLimitIsNotParkedInPart) {
  EngineOptions options = Options();
  options.limits.records = 2;
  Begin(options);
  Page({{1, "a"}, {2, "a"}, {3, "a"}});
  HandOut();
  Never(1);
  EXPECT_EQ(engine_->stopped().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(engine_->parked_records(), 0);
  EXPECT_EQ(checkpoint(), 0);
}

TEST_F(EngineParkingTest, AFullLotIsReplayedBeforeMoreIsRead) {
  // given
  EngineOptions options = Options();
  options.limits.records = 2;
  GivenParked({{1, "a"}, {2, "a"}}, options);
  Ask({.kind = Control::kReplayAll});
  HandOut();
  // when
  EXPECT_EQ(engine_->Wanted(), 0);
  Done(1);
  // then
  EXPECT_GT(engine_->Wanted(), 0);
  Page({{3, "a"}, {4, "a"}, {5, "b"}});
  EXPECT_TRUE(engine_->stopped().ok()) << "the replay will make room";
  EXPECT_EQ(engine_->read_to(), Position(3));
}

// ---- Writes that fail --------------------------------------------------------------------------

TEST_F(EngineParkingTest, ARowThatIsRemovedWhileItIsWrittenIsRemovedAfterwards) {
  for (const bool succeeds : {true, false}) {
    SCOPED_TRACE(succeeds);
    // given
    file_ = {};
    Begin(Options());
    Page({{1, "a"}});
    HandOut();
    Never(1);
    engine_->FlushSoon();
    ASSERT_TRUE(NextWrite().has_value());
    // when
    engine_->OnControl({.kind = Control::kDiscardRecord, .position = Position(1), .id = "d"});
    if (succeeds) {
      Written();
    } else {
      file_.parked = {{1, in_write_.parked.front()}};  // it may have happened all the same
      NotWritten();
    }
    now_ += seconds(1);
    Flush();
    // then
    EXPECT_THAT(Parked(), IsEmpty());
    EXPECT_EQ(file_.checkpoint, 1);
    EXPECT_EQ(AnswerTo("d"), StatusCode::kOk);
  }
}

TEST_F(EngineParkingTest, WhatWasNotWrittenIsWrittenNextTime) {
  // given
  GivenParked({{1, "a"}});
  Ask({.kind = Control::kReplayAll});
  Page({{2, "b"}});
  HandOut();
  Done(1);
  Never(2);
  engine_->FlushSoon();
  ASSERT_TRUE(NextWrite().has_value());
  NotWritten();
  // when
  now_ += seconds(1);
  Flush();
  // then
  EXPECT_THAT(Parked(), ElementsAre(2));
  EXPECT_EQ(file_.checkpoint, 2);
}

}  // namespace
}  // namespace daybook::internal
