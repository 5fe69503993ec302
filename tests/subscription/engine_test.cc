#include "subscription/engine.h"

#include "subscription/engine_driver.h"

namespace daybook::internal {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;

// ---- Lanes -------------------------------------------------------------------------------------

TEST_F(EngineTest, RecordsOfALaneGoOneAtATimeAndInOrder) {
  Begin(Options());
  Page({{1, "a"}, {2, "a"}, {3, "a"}});
  EXPECT_THAT(HandOut(), ElementsAre(1));
  Done(1);
  EXPECT_THAT(HandOut(), ElementsAre(2));
  Done(2);
  EXPECT_THAT(HandOut(), ElementsAre(3));
}

TEST_F(EngineTest, LanesDoNotWaitForEachOther) {
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "a"}, {4, "c"}});
  EXPECT_THAT(HandOut(), ElementsAre(1, 2, 4));
}

TEST_F(EngineTest, NoMoreAreInFlightThanAllowed) {
  EngineOptions options = Options();
  options.max_in_flight = 2;
  Begin(options);
  Page({{1, "a"}, {2, "b"}, {3, "c"}});
  EXPECT_THAT(HandOut(), ElementsAre(1, 2));
  Done(2);
  EXPECT_THAT(HandOut(), ElementsAre(3));
}

TEST_F(EngineTest, ReadingStopsAtTheWindow) {
  // given
  EngineOptions options = Options();
  options.window = 3;
  Begin(options);
  Page({{1, "a"}, {2, "b"}, {3, "b"}});
  HandOut();
  EXPECT_EQ(engine_->Wanted(), 0);
  // when
  Done(2);
  // then
  EXPECT_EQ(engine_->Wanted(), 0) << "2 is done, but stands beyond 1";
  Done(1);
  EXPECT_EQ(engine_->Wanted(), 2);
}

TEST_F(EngineTest, AWindowOfOneGoesRecordByRecord) {
  EngineOptions options = Options();
  options.window = 1;
  Begin(options);
  for (int64_t position = 1; position <= 3; ++position) {
    EXPECT_EQ(engine_->Wanted(), 1);
    Page({{position, "a"}});
    EXPECT_EQ(engine_->Wanted(), 0);
    EXPECT_THAT(HandOut(), ElementsAre(position));
    Done(position);
  }
  EXPECT_EQ(checkpoint(), 3);
}

TEST_F(EngineTest, APageThatEndsInTheMiddleIsReadOnFromThere) {
  Begin(Options());
  Page({{2, "a"}, {5, "b"}}, 5);
  EXPECT_EQ(engine_->read_to(), Position(5));
  Page({{9, "a"}}, 12);
  EXPECT_EQ(engine_->read_to(), Position(12));
}

// ---- Failures ----------------------------------------------------------------------------------

TEST_F(EngineTest, AFailedRecordIsTriedAgainAfterAPauseThatDoubles) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "a"}, {3, "b"}});
  HandOut();
  Done(3);
  // when
  Failed(1);
  // then
  EXPECT_THAT(HandOut(), IsEmpty()) << "its lane waits";
  EXPECT_THAT(engine_->NextTimer() - now_, AllOf(Ge(milliseconds(50)), Le(milliseconds(100))));
  now_ = engine_->NextTimer();
  EXPECT_THAT(HandOut(), ElementsAre(1));
  EXPECT_EQ(last_.attempt, 2);
  Failed(1);
  NextWrite();
  EXPECT_THAT(engine_->NextTimer() - now_, AllOf(Ge(milliseconds(100)), Le(milliseconds(200))));
}

// A publisher sent the first message of a record and not the second, and counted the record.
TEST_F(EngineTest, AFanOutThatFailedHalfwayIsNotDone) {
  // given
  Begin(Options());
  std::vector<std::string> sent;
  int confirmed = 0;
  const auto fan_out = [&](int64_t position) {
    for (const char* part : {"first", "second"}) {
      if (part == std::string("second") && confirmed++ == 0) return Failed(position);
      sent.push_back(part);
    }
    Done(position);
  };
  Page({{1, "a"}});
  HandOut();
  // when
  fan_out(1);
  // then
  EXPECT_EQ(checkpoint(), 0);
  Flush();
  Begin(Options());
  Page({{1, "a"}});
  EXPECT_THAT(HandOut(), ElementsAre(1));
  fan_out(1);
  EXPECT_THAT(sent, ElementsAre("first", "first", "second"));
  EXPECT_EQ(checkpoint(), 1);
}

TEST_F(EngineTest, TheTimerWaitsForACompletionWhereNothingElseCanGo) {
  // given a record whose next try is due, while something else takes the only place
  EngineOptions options = Options();
  options.max_in_flight = 1;
  Begin(options);
  Page({{1, "a"}, {2, "b"}});
  HandOut();
  Failed(1);
  EXPECT_THAT(HandOut(), ElementsAre(2));
  // when
  now_ += seconds(10);
  // then
  EXPECT_THAT(HandOut(), IsEmpty());
  EXPECT_EQ(engine_->NextTimer(), kNever);
  Done(2);
  EXPECT_THAT(HandOut(), ElementsAre(1));
}

TEST_F(EngineTest, WithoutParkingItStopsInFrontOfTheRecord) {
  // given
  EngineOptions options = Options();
  options.park = false;
  options.retry.max_attempts = 1;
  Begin(options);
  Page({{1, "a"}, {2, "b"}, {3, "c"}});
  HandOut();
  // when
  Failed(2);
  Done(1);
  Never(3);
  // then
  EXPECT_EQ(engine_->stopped(), absl::InternalError("failed")) << "the first reason stands";
  EXPECT_THAT(HandOut(), IsEmpty());
  EXPECT_EQ(engine_->Wanted(), 0);
  EXPECT_EQ(checkpoint(), 1);
  EXPECT_EQ(engine_->LowestUnfinished()->attempts, 1);
  // when
  EXPECT_EQ(Ask({.kind = Control::kResume}), absl::StatusCode::kOk);
  // then
  EXPECT_THAT(HandOut(), ElementsAre(2, 3));
  EXPECT_EQ(last_.attempt, 1) << "counted anew";
}

TEST_F(EngineTest, ARecordThatCannotGoNowHoldsUpItsLaneAloneAndCountsNoAttempt) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "a"}, {3, "b"}});
  EXPECT_THAT(HandOut(), ElementsAre(1, 3));
  // when
  for (int i = 0; i < 5; ++i) {
    NotNow(1);
    EXPECT_THAT(HandOut(), IsEmpty());
    EXPECT_THAT(engine_->NextTimer() - now_, AllOf(Ge(milliseconds(500)), Le(milliseconds(1000))))
        << "as after a first outage";
    now_ = engine_->NextTimer();
    EXPECT_THAT(HandOut(), ElementsAre(1));
    EXPECT_EQ(last_.attempt, 1);
  }
  Done(3);
  Done(1);
  // then
  EXPECT_THAT(HandOut(), ElementsAre(2));
  EXPECT_TRUE(engine_->outage().ok());
  EXPECT_EQ(engine_->parked_records(), 0);
}

TEST_F(EngineTest, AHaltStopsInFrontOfTheRecordUntilAResume) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "b"}});
  HandOut();
  // when
  Halt(1);
  Done(2);
  // then
  EXPECT_EQ(engine_->stopped().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(HandOut(), IsEmpty());
  EXPECT_EQ(checkpoint(), 0);
  EXPECT_EQ(engine_->parked_records(), 0);
  // and when
  Ask({.kind = Control::kResume});
  EXPECT_THAT(HandOut(), ElementsAre(1));
}

// ---- Outages -----------------------------------------------------------------------------------

TEST_F(EngineTest, AnOutageStopsTheLineAndCountsNoAttempt) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "c"}});
  HandOut();
  Done(3);
  Page({{4, "d"}});
  // when
  Outage(1);
  // then
  EXPECT_THAT(HandOut(), IsEmpty());
  EXPECT_EQ(engine_->LowestUnfinished()->attempts, 0);
  EXPECT_EQ(engine_->LowestUnfinished()->last_error, absl::UnavailableError("down"));
  EXPECT_EQ(engine_->parked_records(), 0);
}

TEST_F(EngineTest, OneAloneIsTriedAfterAnOutage) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "c"}});
  HandOut();
  for (const int64_t position : {1, 2, 3}) Outage(position);
  EXPECT_THAT(engine_->NextTimer() - now_, AllOf(Ge(milliseconds(500)), Le(milliseconds(1000))));
  // when
  now_ = engine_->NextTimer();
  EXPECT_THAT(HandOut(), ElementsAre(1));
  EXPECT_EQ(engine_->NextTimer(), kNever);
  Outage(1);
  // then
  EXPECT_THAT(engine_->NextTimer() - now_, AllOf(Ge(milliseconds(1000)), Le(milliseconds(2000))))
      << "it counts once, though three met it";
  now_ = engine_->NextTimer();
  EXPECT_THAT(HandOut(), ElementsAre(1));
  Done(1);
  EXPECT_TRUE(engine_->outage().ok());
  EXPECT_THAT(HandOut(), ElementsAre(2, 3));
}

TEST_F(EngineTest, WhatWasInFlightWhenAnOutageBeganDoesNotEndIt) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "c"}});
  HandOut();
  Outage(1);
  const EngineTime opens = engine_->LowestUnfinished()->next_try.value();
  // when
  Done(2);
  EXPECT_THAT(HandOut(), IsEmpty());
  now_ = opens + seconds(1);
  // then
  EXPECT_THAT(HandOut(), IsEmpty()) << "3 is still in flight";
  EXPECT_GT(engine_->NextTimer(), now_) << "and the timer does not spin";
  Outage(3);
  EXPECT_THAT(HandOut(), ElementsAre(1)) << "3 knew nothing new";
}

TEST_F(EngineTest, AResumeEndsThePauseOfAnOutage) {
  Begin(Options());
  Page({{1, "a"}});
  HandOut();
  Outage(1);
  Ask({.kind = Control::kResume});
  EXPECT_THAT(HandOut(), ElementsAre(1));
}

// ---- Checkpoints -------------------------------------------------------------------------------

TEST_F(EngineTest, TheCheckpointStandsBeforeTheLowestUnfinished) {
  Begin(Options());
  Page({{1, "a"}, {2, "b"}, {3, "c"}, {4, "b"}}, 6);
  HandOut();
  EXPECT_EQ(checkpoint(), 0);
  Done(3);
  Done(2);
  EXPECT_EQ(checkpoint(), 0);
  Done(1);
  EXPECT_EQ(checkpoint(), 3);
  HandOut();
  Done(4);
  EXPECT_EQ(checkpoint(), 6);
}

// Elsewhere a subscription waited for ever for the positions of a deleted and a tombstoned stream.
TEST_F(EngineTest, TheCheckpointPassesHoles) {
  Begin(Options());
  Page({{4, "a"}, {9, "a"}}, 20);
  HandOut();
  EXPECT_EQ(checkpoint(), 3);
  Done(4);
  HandOut();
  Done(9);
  EXPECT_EQ(checkpoint(), 20);
  Page({}, 35);
  Flush();
  EXPECT_EQ(file_.checkpoint, 35);
}

TEST_F(EngineTest, TheCheckpointIsWrittenAfterSoManyRecords) {
  EngineOptions options = Options();
  options.checkpoint_every = 3;
  Begin(options);
  Page({{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}});
  HandOut();
  for (const int64_t position : {2, 3, 4}) Done(position);
  EXPECT_FALSE(NextWrite().has_value()) << "1 is not done";
  Done(1);
  ASSERT_TRUE(NextWrite().has_value()) << "four records have been passed at once";
  EXPECT_EQ(in_write_.checkpoint, Position(4));
}

TEST_F(EngineTest, TheCheckpointIsWrittenAfterSoLong) {
  Begin(Options());
  Page({{1, "a"}});
  HandOut();
  Done(1);
  EXPECT_FALSE(NextWrite().has_value());
  EXPECT_EQ(engine_->NextTimer(), now_ + seconds(1));
  now_ += seconds(1);
  ASSERT_TRUE(NextWrite().has_value());
  EXPECT_EQ(in_write_.checkpoint, Position(1));
  EXPECT_EQ(engine_->NextTimer(), kNever) << "a write is under way";
  Written();
  EXPECT_FALSE(NextWrite().has_value());
  EXPECT_EQ(engine_->NextTimer(), kNever);
}

TEST_F(EngineTest, AWriteThatFailedComesAgainAndNothingIsHandledUntilThen) {
  // given
  Begin(Options());
  Page({{1, "a"}, {2, "a"}});
  HandOut();
  Done(1);
  engine_->FlushSoon();
  ASSERT_TRUE(NextWrite().has_value());
  // when
  NotWritten();
  // then
  EXPECT_THAT(HandOut(), IsEmpty());
  EXPECT_EQ(engine_->Wanted(), 0);
  EXPECT_FALSE(NextWrite().has_value());
  now_ = engine_->NextTimer();
  ASSERT_TRUE(NextWrite().has_value());
  EXPECT_EQ(in_write_.checkpoint, Position(1));
  Written();
  EXPECT_THAT(HandOut(), ElementsAre(2));
}

}  // namespace
}  // namespace daybook::internal
