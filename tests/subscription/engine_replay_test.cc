#include "subscription/engine_driver.h"

namespace daybook::internal {
namespace {

using absl::StatusCode;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EngineReplayTest : public EngineTest {};

// ---- Replays -----------------------------------------------------------------------------------

TEST_F(EngineReplayTest, LiveRecordsJoinTheEndOfALaneThatIsReplayed) {
  // given
  GivenParked({{1, "a"}, {2, "a"}});
  EXPECT_EQ(Ask({.kind = Control::kReplayLane, .lane = "a"}), StatusCode::kOk);
  EXPECT_THAT(HandOut(), ElementsAre(1));
  EXPECT_EQ(last_.record, nullptr);
  EXPECT_EQ(last_.attempt, 2);
  // when
  Page({{3, "a"}, {4, "b"}});
  // then
  EXPECT_THAT(HandOut(), ElementsAre(4));
  Done(1);
  EXPECT_THAT(HandOut(), ElementsAre(2));
  Page({{5, "a"}});
  Done(2);
  EXPECT_THAT(HandOut(), ElementsAre(3));
  Done(3);
  EXPECT_THAT(HandOut(), ElementsAre(5));
  Done(5);
  EXPECT_EQ(engine_->parked_lanes(), 0);
  Page({{6, "a"}});
  EXPECT_THAT(HandOut(), ElementsAre(6));
  EXPECT_NE(last_.record, nullptr) << "the lane is live again";
}

TEST_F(EngineReplayTest, ALaneIsLiveInTheFileNoLaterThanItsNextRecordIsDone) {
  // given
  GivenParked({{1, "a"}});
  Ask({.kind = Control::kReplayLane, .lane = "a"});
  HandOut();
  Done(1);
  // when
  Page({{2, "a"}});
  HandOut();
  Done(2);
  Flush();
  // then
  EXPECT_EQ(file_.checkpoint, 2);
  EXPECT_THAT(Parked(), IsEmpty());
}

TEST_F(EngineReplayTest, AReplayEndsWhenItsFrontFailsAgain) {
  // given
  GivenParked({{1, "a"}, {2, "a"}, {3, "a"}});
  Ask({.kind = Control::kReplayLane, .lane = "a"});
  HandOut();
  Done(1);
  HandOut();
  // when
  wall_ += seconds(1);
  Failed(2);
  // then
  EXPECT_THAT(HandOut(), IsEmpty());
  Flush();
  EXPECT_THAT(Parked(), ElementsAre(2, 3));
  EXPECT_EQ(file_.parked[2].reason, absl::InternalError("failed"));
  EXPECT_EQ(file_.parked[2].attempts, 1);
  EXPECT_EQ(file_.parked[2].tried_at, wall_);
  EXPECT_EQ(Ask({.kind = Control::kReplayLane, .lane = "a"}), StatusCode::kOk);
  EXPECT_THAT(HandOut(), ElementsAre(2));
}

TEST_F(EngineReplayTest, ReplayOfAllTakesTheLanesThatAreThere) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "c"}, {4, "a"}});
  HandOut();
  Never(1);
  Never(2);
  // when
  Ask({.kind = Control::kReplayAll});
  Never(3);
  // then
  EXPECT_THAT(HandOut(), ElementsAre(1, 2));
  EXPECT_EQ(Ask({.kind = Control::kReplayLane, .lane = "a"}), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Ask({.kind = Control::kReplayLane, .lane = "z"}), StatusCode::kNotFound);
}

TEST_F(EngineReplayTest, AnOutageDuringAReplayLetsItGoOnLater) {
  GivenParked({{1, "a"}, {2, "a"}});
  Ask({.kind = Control::kReplayAll});
  HandOut();
  Outage(1);
  EXPECT_THAT(HandOut(), IsEmpty());
  now_ = engine_->NextTimer();
  EXPECT_THAT(HandOut(), ElementsAre(1));
  EXPECT_EQ(last_.attempt, 2) << "it counted no attempt";
  Done(1);
  EXPECT_THAT(HandOut(), ElementsAre(2));
}

TEST_F(EngineReplayTest, ReplaysAndLiveRecordsTakeTurns) {
  EngineOptions options = Options();
  options.max_in_flight = 1;
  GivenParked({{1, "a"}, {2, "a"}}, options);
  Ask({.kind = Control::kReplayAll});
  Page({{3, "b"}, {4, "c"}});
  std::vector<int64_t> order;
  for (int i = 0; i < 4; ++i) {
    order.push_back(HandOut().at(0));
    Done(order.back());
  }
  EXPECT_THAT(order, ElementsAre(1, 3, 2, 4));
}

TEST_F(EngineReplayTest, ARecordWhoseEventIsGoneIsDroppedAndCounted) {
  GivenParked({{1, "a"}, {2, "a"}});
  Ask({.kind = Control::kReplayAll});
  HandOut();
  End(1, Verdict::kGone);
  EXPECT_EQ(engine_->dropped(), 1);
  EXPECT_THAT(HandOut(), ElementsAre(2));
  Done(2);
  Flush();
  EXPECT_THAT(Parked(), IsEmpty());
  Begin(Options());
  EXPECT_EQ(engine_->dropped(), 1) << "also after a restart";
}

// ---- Discards ----------------------------------------------------------------------------------

TEST_F(EngineReplayTest, TheFrontOrAMiddleRecordMayBeDiscardedDuringAReplay) {
  // given
  GivenParked({{1, "a"}, {2, "a"}, {3, "a"}});
  Ask({.kind = Control::kReplayLane, .lane = "a"});
  HandOut();
  // when
  EXPECT_EQ(Ask({.kind = Control::kDiscardRecord, .position = Position(1)}),
            StatusCode::kUnavailable);
  EXPECT_EQ(Ask({.kind = Control::kDiscardLane, .lane = "a"}), StatusCode::kUnavailable);
  EXPECT_EQ(Ask({.kind = Control::kDiscardRecord, .position = Position(2)}), StatusCode::kOk);
  EXPECT_EQ(Ask({.kind = Control::kDiscardRecord, .position = Position(2)}), StatusCode::kNotFound);
  // then
  EXPECT_THAT(Parked(), ElementsAre(1, 3));
  Done(1);
  EXPECT_EQ(Ask({.kind = Control::kDiscardRecord, .position = Position(3)}), StatusCode::kOk);
  EXPECT_EQ(engine_->parked_lanes(), 0) << "it was the last";
  Page({{4, "a"}});
  EXPECT_THAT(HandOut(), ElementsAre(4));
}

TEST_F(EngineReplayTest, ALaneIsDiscardedAsAWhole) {
  GivenParked({{1, "a"}, {2, "a"}});
  Page({{3, "a"}});
  EXPECT_EQ(Ask({.kind = Control::kDiscardLane, .lane = "a"}), StatusCode::kOk);
  EXPECT_THAT(Parked(), IsEmpty());
  EXPECT_EQ(engine_->parked_records(), 0);
  Page({{4, "a"}});
  EXPECT_THAT(HandOut(), ElementsAre(4));
  EXPECT_EQ(Ask({.kind = Control::kDiscardLane, .lane = "a"}), StatusCode::kNotFound);
}

TEST_F(EngineReplayTest, ADiscardIsAnsweredWhenACrashCannotBringItBack) {
  // given 3 parked, and not in the file, for 2 is not done
  GivenParked({{1, "a"}});
  Page({{2, "b"}, {3, "a"}});
  HandOut();
  // when
  EXPECT_EQ(Ask({.kind = Control::kDiscardLane, .lane = "a", .id = "discard"}), std::nullopt);
  EXPECT_EQ(engine_->parked_records(), 0);
  Flush();
  EXPECT_EQ(AnswerTo("discard"), std::nullopt);
  Done(2);
  Flush();
  // then
  EXPECT_EQ(AnswerTo("discard"), StatusCode::kOk);
  EXPECT_EQ(file_.checkpoint, 3);
}

}  // namespace
}  // namespace daybook::internal
