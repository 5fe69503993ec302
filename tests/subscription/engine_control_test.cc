#include "subscription/engine_driver.h"

namespace daybook::internal {
namespace {

using absl::StatusCode;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EngineControlTest : public EngineTest {
 protected:
  void AskReset(int64_t position) {
    engine_->OnControl({.kind = Control::kReset, .position = Position(position), .id = "reset"});
  }
};

// ---- Pause -------------------------------------------------------------------------------------

TEST_F(EngineControlTest, InAPauseWhatIsInFlightEndsAndNothingMoreGoes) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "b"}});
  HandOut();
  // when
  EXPECT_EQ(Ask({.kind = Control::kPause}), StatusCode::kOk);
  // then
  EXPECT_TRUE(file_.paused);
  Done(1);
  Failed(2);
  Flush();
  now_ += seconds(10);
  EXPECT_THAT(HandOut(), IsEmpty());
  EXPECT_EQ(engine_->Wanted(), 0);
  EXPECT_EQ(engine_->NextTimer(), kNever);
  EXPECT_EQ(file_.checkpoint, 1);
  Begin(Options());
  EXPECT_TRUE(engine_->paused()) << "also after a restart";
  EXPECT_EQ(Ask({.kind = Control::kResume}), StatusCode::kOk);
  EXPECT_FALSE(file_.paused);
  EXPECT_GT(engine_->Wanted(), 0);
}

TEST_F(EngineControlTest, WhatIsBrokenStandsUntilItIsResumed) {
  Begin(Options());
  Page({{1, "a"}});
  engine_->OnBroken(absl::DataLossError("the feed"));
  EXPECT_THAT(HandOut(), IsEmpty());
  EXPECT_EQ(engine_->stopped(), absl::DataLossError("the feed"));
  Ask({.kind = Control::kResume});
  EXPECT_THAT(HandOut(), ElementsAre(1));
}

// ---- Reset -------------------------------------------------------------------------------------

TEST_F(EngineControlTest, AResetWaitsForWhatIsInFlight) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "a"}});
  HandOut();
  // when
  AskReset(0);
  // then
  Done(2);
  EXPECT_THAT(HandOut(), IsEmpty());
  EXPECT_EQ(engine_->Wanted(), 0);
  EXPECT_FALSE(NextWrite().has_value());
  Done(1);
  EXPECT_LE(engine_->NextTimer(), now_);
  ASSERT_TRUE(NextWrite().has_value());
  Written();
  EXPECT_EQ(AnswerTo("reset"), StatusCode::kOk);
  EXPECT_EQ(engine_->read_to(), Position(0));
  Page({{1, "a"}, {2, "b"}});
  EXPECT_THAT(HandOut(), ElementsAre(1, 2));
}

TEST_F(EngineControlTest, AResetBackDropsTheParkedRecordsBeyondIt) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "a"}, {4, "c"}});
  HandOut();
  Never(1);
  Never(2);
  Flush();
  ASSERT_THAT(Parked(), ElementsAre(1, 2, 3));
  Never(4);
  // when
  AskReset(1);
  Flush();
  // then
  EXPECT_EQ(file_.checkpoint, 1);
  EXPECT_THAT(Parked(), ElementsAre(1));
  EXPECT_EQ(engine_->parked_records(), 1);
  EXPECT_EQ(engine_->parked_lanes(), 1);
  Page({{2, "b"}, {3, "a"}, {4, "c"}});
  EXPECT_THAT(HandOut(), ElementsAre(2, 4)) << "3 joins its lane again";
}

TEST_F(EngineControlTest, AResetAheadKeepsTheParkedRecordsItPasses) {
  // given 2 parked and not in the file, for 1 is not done
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "a"}});
  HandOut();
  Never(2);
  Failed(1);
  // when
  AskReset(9);
  Flush();
  // then
  EXPECT_EQ(file_.checkpoint, 9);
  EXPECT_THAT(Parked(), ElementsAre(2));
  now_ += seconds(10);
  EXPECT_THAT(HandOut(), IsEmpty()) << "1 and 3 have been passed";
  EXPECT_EQ(engine_->read_to(), Position(9));
}

TEST_F(EngineControlTest, AResetEndsAStop) {
  EngineOptions options = Options();
  options.park = false;
  Begin(options);
  Page({{1, "a"}});
  HandOut();
  Never(1);
  AskReset(1);
  Flush();
  EXPECT_TRUE(engine_->stopped().ok());
  Page({{2, "a"}});
  EXPECT_THAT(HandOut(), ElementsAre(2));
}

TEST_F(EngineControlTest, AResetLeavesAPauseAsItIs) {
  Begin(Options());
  Ask({.kind = Control::kPause});
  AskReset(5);
  Flush();
  EXPECT_EQ(AnswerTo("reset"), StatusCode::kOk);
  EXPECT_TRUE(engine_->paused());
  EXPECT_TRUE(file_.paused);
}

TEST_F(EngineControlTest, AResetLetsTheReplaysOfWhatIsLeftGoOn) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "a"}});
  HandOut();
  Never(1);
  Never(2);
  Ask({.kind = Control::kReplayAll});
  EXPECT_THAT(HandOut(), ElementsAre(1, 2));
  // when
  AskReset(1);
  Outage(1);
  Outage(2);
  Flush();
  // then
  now_ += seconds(10);
  EXPECT_THAT(HandOut(), ElementsAre(1));
}

TEST_F(EngineControlTest, OneResetAtATime) {
  Begin(Options());
  Page({{1, "a"}});
  HandOut();
  AskReset(0);
  EXPECT_EQ(Ask({.kind = Control::kReset, .position = Position(1)}), StatusCode::kUnavailable);
  Done(1);
  Flush();
  EXPECT_EQ(AnswerTo("reset"), StatusCode::kOk);
  EXPECT_EQ(file_.checkpoint, 0);
}

TEST_F(EngineControlTest, AResetDuringAWriteComesAfterIt) {
  Begin(Options());
  Page({{1, "a"}});
  HandOut();
  Done(1);
  engine_->FlushSoon();
  ASSERT_TRUE(NextWrite().has_value());
  AskReset(0);
  EXPECT_FALSE(NextWrite().has_value());
  Written();
  EXPECT_EQ(file_.checkpoint, 1);
  Flush();
  EXPECT_EQ(file_.checkpoint, 0);
  EXPECT_EQ(engine_->read_to(), Position(0));
}

TEST_F(EngineControlTest, AResetThatIsNotWrittenHasNotHappenedAndComesAgain) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "b"}});
  HandOut();
  Never(1);
  Done(2);
  Flush();
  AskReset(0);
  ASSERT_TRUE(NextWrite().has_value());
  // when
  NotWritten();
  // then
  EXPECT_EQ(engine_->read_to(), Position(2));
  EXPECT_EQ(engine_->parked_records(), 1);
  now_ = engine_->NextTimer();
  Flush();
  EXPECT_EQ(AnswerTo("reset"), StatusCode::kOk);
  EXPECT_EQ(file_.checkpoint, 0);
  EXPECT_THAT(Parked(), IsEmpty());
}

TEST_F(EngineControlTest, WhatIsParkedAgainAfterAResetIsInTheFile) {
  // given a record that is discarded while the reset that drops it is written
  Begin(Options());
  Page({{1, "a"}});
  HandOut();
  Never(1);
  Flush();
  AskReset(0);
  ASSERT_TRUE(NextWrite().has_value());
  engine_->OnControl({.kind = Control::kDiscardRecord, .position = Position(1), .id = "d"});
  Written();
  // when
  Page({{1, "a"}});
  HandOut();
  Never(1);
  Flush();
  // then
  EXPECT_EQ(AnswerTo("d"), StatusCode::kOk);
  EXPECT_EQ(file_.checkpoint, 1);
  EXPECT_THAT(Parked(), ElementsAre(1));
}

}  // namespace
}  // namespace daybook::internal
