#include <future>
#include <set>
#include <thread>

#include "inbox_testing.h"

namespace daybook::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Each test runs with handlers of both kinds.
class InboxParkingTest : public InboxTesting, public ::testing::WithParamInterface<bool> {
 protected:
  InboxParkingTest() {
    answer_ = [this](const AccountCredited&, const Received& at) {
      tried_.push_back(at.event().id);
      attempts_.push_back(at.attempt());
      return bad_.contains(at.event().id) ? absl::NotFoundError("no such account")
                                          : absl::OkStatus();
    };
  }

  InboxHandlers Handlers() { return GetParam() ? Writers() : Callers(); }
  std::vector<int64_t> Effects() const { return GetParam() ? Written() : effects_; }
  std::unique_ptr<Inbox> OpenThis() { return Open(Handlers()); }

  std::set<std::string> bad_;
  std::vector<std::string> tried_;
  std::vector<int> attempts_;
};
INSTANTIATE_TEST_SUITE_P(, InboxParkingTest, ::testing::Bool(), [](const auto& info) {
  return info.param ? "InTheFile" : "WithAOnceKey";
});

TEST_P(InboxParkingTest, AMessageIsParkedAfterItsLastAttempt) {
  bad_ = {"a"};
  auto inbox = OpenThis();

  EXPECT_THAT(inbox->Receive(Wire(Credited("a", 5, "7"))), IsParked());

  EXPECT_THAT(attempts_, ElementsAre(1, 2, 3));
  const std::vector<ParkedMessage> parked = Parked(*inbox);
  ASSERT_THAT(parked, SizeIs(1));
  EXPECT_EQ(parked[0].lane, "7");
  EXPECT_EQ(parked[0].type, "daybook.test.contracts.v1.AccountCredited");
  EXPECT_EQ(parked[0].source, "/bank");
  EXPECT_EQ(parked[0].id, "a");
  EXPECT_EQ(parked[0].reason, absl::NotFoundError("no such account"));
  EXPECT_EQ(parked[0].attempts, 3);
  EXPECT_GT(parked[0].parked_at, RecordedTime());
  EXPECT_GT(parked[0].tried_at, RecordedTime());
  EXPECT_THAT(Effects(), IsEmpty());
}

TEST_P(InboxParkingTest, APermanentFailureIsNotTriedAgain) {
  answer_ = [](const AccountCredited&, const Received& at) {
    EXPECT_EQ(at.attempt(), 1);
    return Permanent(absl::OutOfRangeError("never"));
  };
  auto inbox = OpenThis();
  EXPECT_THAT(inbox->Receive(Credited("a", 5)), IsParked());
  EXPECT_THAT(Parked(*inbox).at(0).reason, HasCode(absl::StatusCode::kOutOfRange));
}

TEST_P(InboxParkingTest, WhatComesLaterOfAKeyStandsBehindTheParkedOne) {
  bad_ = {"a"};
  auto inbox = OpenThis();
  EXPECT_THAT(inbox->Receive(Credited("a", 1, "7")), IsParked());

  EXPECT_THAT(inbox->Receive(Credited("b", 2, "7")), IsParked());
  EXPECT_THAT(inbox->Receive(Credited("c", 3, "8")), IsHandled());

  EXPECT_THAT(Effects(), ElementsAre(3));
  const std::vector<ParkedMessage> parked = Parked(*inbox);
  ASSERT_THAT(parked, SizeIs(2));
  EXPECT_THAT(parked[1].reason, HasCode(absl::StatusCode::kAborted));
  EXPECT_EQ(parked[1].attempts, 0);
  EXPECT_EQ(parked[1].tried_at, RecordedTime());
}

TEST_P(InboxParkingTest, WithoutAKeyAMessageIsParkedAlone) {
  bad_ = {"a"};
  auto inbox = OpenThis();
  EXPECT_THAT(inbox->Receive(Credited("a", 1, "")), IsParked());
  EXPECT_THAT(inbox->Receive(Credited("b", 2, "")), IsHandled());
  EXPECT_EQ(Parked(*inbox).at(0).lane, "/bank a");
}

TEST_P(InboxParkingTest, AMessageIsParkedOnceHoweverOftenItComes) {
  bad_ = {"a"};
  auto inbox = OpenThis();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsParked());
    EXPECT_THAT(inbox->Receive(Credited("b", 2)), IsParked());
  }
  EXPECT_THAT(ParkedIds(*inbox), ElementsAre("a", "b"));
  EXPECT_THAT(attempts_, ElementsAre(1, 2, 3));
}

TEST_P(InboxParkingTest, ReplayHandlesALaneInOrder) {
  bad_ = {"a"};
  auto inbox = OpenThis();
  for (const char* id : {"a", "b", "c"}) {
    EXPECT_THAT(inbox->Receive(Wire(Credited(id, id[0], "7"))), IsParked());
  }
  bad_.clear();
  tried_.clear();
  attempts_.clear();

  EXPECT_THAT(inbox->Replay("7"), IsOk());

  EXPECT_THAT(tried_, ElementsAre("a", "b", "c"));
  EXPECT_THAT(attempts_, ElementsAre(4, 1, 1));
  EXPECT_THAT(Effects(), ElementsAre('a', 'b', 'c'));
  EXPECT_THAT(Parked(*inbox), IsEmpty());
  EXPECT_THAT(inbox->Receive(Credited("d", 'd', "7")), IsHandled());
}

TEST_P(InboxParkingTest, AReplayWhoseFrontFailsAgainLeavesTheLane) {
  bad_ = {"b"};
  auto inbox = OpenThis();
  EXPECT_THAT(inbox->Receive(Credited("b", 2)), IsParked());
  EXPECT_THAT(inbox->Receive(Credited("c", 3)), IsParked());
  const RecordedTime before = Parked(*inbox).at(0).tried_at;
  tried_.clear();

  EXPECT_THAT(inbox->Replay("1"), Fails(absl::StatusCode::kNotFound, "no such account"));

  EXPECT_THAT(tried_, ElementsAre("b"));
  EXPECT_THAT(ParkedIds(*inbox), ElementsAre("b", "c"));
  EXPECT_EQ(Parked(*inbox)[0].attempts, 4);
  EXPECT_GT(Parked(*inbox)[0].tried_at, before);
  EXPECT_THAT(Effects(), IsEmpty());
}

TEST_P(InboxParkingTest, AnOutageDuringAReplayCountsNoAttempt) {
  bad_ = {"a"};
  auto inbox = OpenThis();
  EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsParked());
  answer_ = [](const AccountCredited&, const Received&) {
    return Outage(absl::UnavailableError("closed"));
  };
  EXPECT_THAT(inbox->Replay("1"), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(Parked(*inbox).at(0).attempts, 3);
  EXPECT_THAT(Parked(*inbox)[0].reason, HasCode(absl::StatusCode::kNotFound));
}

TEST_P(InboxParkingTest, ReplayAllTriesEveryLaneAndTellsTheFirstFailure) {
  bad_ = {"a", "b", "c"};
  auto inbox = OpenThis();
  for (const char* id : {"a", "b", "c"}) {
    EXPECT_THAT(inbox->Receive(Credited(id, id[0], std::string("of ") + id)), IsParked());
  }
  bad_ = {"b"};
  EXPECT_THAT(inbox->ReplayAll(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Effects(), ElementsAre('a', 'c'));
  EXPECT_THAT(ParkedIds(*inbox), ElementsAre("b"));
  bad_.clear();
  EXPECT_THAT(inbox->ReplayAll(), IsOk());
  EXPECT_THAT(inbox->ReplayAll(), IsOk()) << "nothing is there to replay";
  EXPECT_THAT(Effects(), ElementsAre('a', 'c', 'b'));
}

TEST_P(InboxParkingTest, ParkedMessagesSurviveARestart) {
  bad_ = {"a"};
  {
    auto inbox = OpenThis();
    EXPECT_THAT(inbox->Receive(Wire(Credited("a", 1, "7"))), IsParked());
    EXPECT_THAT(inbox->Receive(Wire(Credited("b", 2, "7"))), IsParked());
  }
  bad_.clear();
  auto inbox = OpenThis();
  EXPECT_THAT(inbox->Receive(Credited("c", 3, "7")), IsParked());
  EXPECT_THAT(inbox->Replay("7"), IsOk());
  EXPECT_THAT(Effects(), ElementsAre(1, 2, 3));
}

TEST_P(InboxParkingTest, WhenAsManyAreParkedAsMayBeNothingMoreIsTaken) {
  bad_ = {"a", "b", "c"};
  InboxOptions options = Options();
  options.max_parked = 2;
  auto inbox = Open(options, Handlers());
  EXPECT_THAT(inbox->Receive(Credited("a", 1, "1")), IsParked());
  EXPECT_THAT(inbox->Receive(Credited("b", 2, "2")), IsParked());

  EXPECT_THAT(inbox->Receive(Credited("c", 3, "3")),
              IsOutage(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(inbox->Receive(Credited("d", 4, "1")),
              IsOutage(absl::StatusCode::kResourceExhausted));

  EXPECT_THAT(ParkedIds(*inbox), ElementsAre("a", "b"));
  EXPECT_THAT(inbox->Receive(Credited("b", 2, "2")), IsParked()) << "it stands there already";
  EXPECT_THAT(inbox->Receive(Credited("e", 5, "5")), IsHandled()) << "it needs no room";
}

TEST_P(InboxParkingTest, ADiscardedMessageIsGoneAndItsLaneGoesOn) {
  bad_ = {"a"};
  auto inbox = OpenThis();
  EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsParked());
  EXPECT_THAT(inbox->Receive(Credited("b", 2)), IsParked());
  const int64_t number = Parked(*inbox).at(0).number;

  EXPECT_THAT(inbox->Discard(number), IsOk());

  EXPECT_THAT(inbox->Discard(number), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(inbox->Replay("1"), IsOk());
  EXPECT_THAT(Effects(), ElementsAre(2));
  EXPECT_THAT(inbox->Replay("1"), HasCode(absl::StatusCode::kNotFound));
}

TEST_P(InboxParkingTest, ADiscardedMessageThatComesAgainIsADuplicate) {
  bad_ = {"a"};
  auto inbox = OpenThis();
  EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsParked());
  EXPECT_THAT(inbox->Discard(Parked(*inbox).at(0).number), IsOk());
  bad_ = {};

  EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsDuplicate());

  EXPECT_THAT(Effects(), IsEmpty());
}

TEST_P(InboxParkingTest, ParkedMessagesArePagedThrough) {
  auto inbox = OpenThis();
  for (const char* id : {"a", "b", "c"}) {
    bad_.insert(id);
    EXPECT_THAT(inbox->Receive(Credited(id, 1, id)), IsParked());
  }
  const auto first = inbox->Parked(0, 2);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(*first, SizeIs(2));
  const auto rest = inbox->Parked(first->back().number, 2);
  ASSERT_THAT(rest, IsOk());
  ASSERT_THAT(*rest, SizeIs(1));
  EXPECT_EQ(rest->front().id, "c");
  EXPECT_THAT(inbox->Parked(0, 0), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_P(InboxParkingTest, EachConsumerHasItsOwnParkingLot) {
  bad_ = {"a"};
  auto inbox = OpenThis();
  InboxOptions options = Options();
  options.consumer = "alarms";
  auto other = Open(options, Handlers());
  EXPECT_THAT(inbox->Receive(Credited("a", 1, "7")), IsParked());
  EXPECT_THAT(Parked(*other), IsEmpty());
  EXPECT_THAT(other->Replay("7"), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(other->Discard(Parked(*inbox).at(0).number), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(other->Receive(Credited("b", 2, "7")), IsHandled());
}

// ---- While a lane is replayed ------------------------------------------------------------------

class InboxReplayTest : public InboxTesting {
 protected:
  // Replays lane 1, whose front waits in its handler until `go_` says.
  void HoldAReplay(Inbox& inbox) {
    answer_ = [](const AccountCredited&, const Received&) {
      return Permanent(absl::InternalError("no"));
    };
    ASSERT_THAT(inbox.Receive(Credited("a", 1)), IsParked());
    answer_ = [this](const AccountCredited&, const Received& at) {
      if (at.event().id == "a") {
        held_.set_value();
        go_.get_future().wait();
      }
      return absl::OkStatus();
    };
    replay_ = std::thread([&] { EXPECT_THAT(inbox.Replay("1"), IsOk()); });
    held_.get_future().wait();
  }
  void LetGo() {
    go_.set_value();
    replay_.join();
  }

  std::promise<void> held_;
  std::promise<void> go_;
  std::thread replay_;
};

TEST_F(InboxReplayTest, WhatComesInMeanwhileJoinsTheLaneAndIsReplayed) {
  auto inbox = Open(Callers());
  HoldAReplay(*inbox);

  EXPECT_THAT(inbox->Receive(Credited("b", 2)), IsParked());
  EXPECT_THAT(inbox->Receive(Credited("c", 3, "other")), IsHandled());
  LetGo();

  EXPECT_THAT(effects_, ElementsAre(3, 1, 2));
  EXPECT_THAT(Parked(*inbox), IsEmpty());
}

TEST_F(InboxReplayTest, AnotherReplayOfTheFileIsRefusedMeanwhile) {
  auto inbox = Open(Callers());
  auto other = Open(Callers());
  HoldAReplay(*inbox);

  EXPECT_THAT(other->Replay("1"), Fails(absl::StatusCode::kUnavailable, "replay"));
  EXPECT_THAT(inbox->ReplayAll(), Fails(absl::StatusCode::kUnavailable, "replay"));
  LetGo();

  EXPECT_THAT(effects_, ElementsAre(1));
  EXPECT_THAT(other->ReplayAll(), IsOk());
}

TEST_F(InboxReplayTest, AReplayedMessageThatComesAgainHasNoSecondEffectInTheFile) {
  answer_ = [](const AccountCredited&, const Received& at) {
    return at.attempt() > 3 ? absl::OkStatus() : absl::InternalError("no");
  };
  auto inbox = Open(Writers());
  EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsParked());
  EXPECT_THAT(inbox->Replay("1"), IsOk());

  EXPECT_THAT(inbox->Receive(Credited("a", 1)), IsDuplicate());

  EXPECT_THAT(Written(), ElementsAre(1));
}

}  // namespace
}  // namespace daybook::test
