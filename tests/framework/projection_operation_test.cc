// Operating projections as the subscriptions that they are, and what must not slip through.

#include <atomic>
#include <string>
#include <vector>

#include "daybook/subscriptions.h"
#include "heard.h"
#include "projection_testing.h"

namespace daybook::test {
namespace {

class ProjectionOperationTest : public ProjectionTesting {
 protected:
  SubscriptionState StateOf(const std::string& name) {
    const auto one = Subscriptions(*store_).Get(name);
    return one.ok() ? one->state : SubscriptionState::kNotStarted;
  }
};

TEST_F(ProjectionOperationTest, WhatItShowsOrFillsIsNotRemovedWhileItRuns) {
  // given: the live version works, the next stands before its first record
  Append("account-ada", Deposit(1));
  {
    SqliteProjection before(*store_, Options(), LedgerHandlers());
    ASSERT_THAT(before.CatchUp(), IsOk());
  }
  ProjectionHandlers handlers;
  handlers.On([](ReadModel&, const Deposited&) { return absl::InternalError("not this one"); });
  SqliteProjection ledger(*store_, Options(), handlers);
  ASSERT_THAT(ledger.Rebuild(), IsOk());
  ASSERT_THAT(ledger.Start(), IsOk());
  Await([&] { return StateOf("ledger@v2") == SubscriptionState::kStopped; });
  // when
  Subscriptions subscriptions(*store_);
  const absl::Status live = subscriptions.Remove("ledger@v1");
  const absl::Status next = subscriptions.Remove("ledger@v2");
  // then
  EXPECT_THAT(live, Fails(absl::StatusCode::kFailedPrecondition, "rebuild the projection"));
  EXPECT_THAT(next, Fails(absl::StatusCode::kFailedPrecondition, "abandon the rebuild"));
  EXPECT_EQ(StateOf("ledger@v1"), SubscriptionState::kRunning);
}

TEST_F(ProjectionOperationTest, OneThatNobodyRunsCanBeRemovedAndStartsAgain) {
  Append("account-ada", Deposit(1));
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  ASSERT_THAT(Subscriptions(*store_).Remove("ledger@v1"), IsOk());
  EXPECT_THAT(Subscriptions(*store_).Get("ledger@v1"), HasCode(absl::StatusCode::kNotFound));
  const Position last = Append("account-ada", Deposit(2));
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  EXPECT_EQ(ExpectAgreement(Model(1), *store_), last);
}

TEST_F(ProjectionOperationTest, APauseSurvivesARebuild) {
  // given
  Append("account-ada", Deposit(1));
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  ASSERT_THAT(ledger.Start(), IsOk());
  ASSERT_THAT(ledger.WaitUntil(Position(1), Soon()), IsOk());
  Subscriptions subscriptions(*store_);
  ASSERT_THAT(subscriptions.Pause("ledger@v1"), IsOk());
  // when
  ASSERT_THAT(ledger.Rebuild(), IsOk());
  Await([&] { return ledger.Health().version == 2; });
  // then
  AwaitState(ledger, SubscriptionState::kPaused);
  const Position last = Append("account-ada", Deposit(1));
  ASSERT_THAT(subscriptions.Resume("ledger@v2"), IsOk());
  EXPECT_THAT(ledger.WaitUntil(last, Soon()), IsOk());
}

TEST_F(ProjectionOperationTest, ACatchUpKeepsThePauseToo) {
  Append("account-ada", Deposit(1));
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  ASSERT_THAT(Subscriptions(*store_).Pause("ledger@v1"), IsOk());
  ASSERT_THAT(ledger.Rebuild(), IsOk());
  EXPECT_THAT(ledger.CatchUp(), Fails(absl::StatusCode::kFailedPrecondition, "paused"));
  EXPECT_EQ(GetProjection(*store_, "ledger")->version, 2);
}

// A temporary table is not in the file: it shadowed one that is.
TEST_F(ProjectionOperationTest, NothingTemporaryIsMade) {
  // given
  const std::vector<const char*> temporary = {
      "CREATE TEMP TABLE IF NOT EXISTS entry (x)", "CREATE TABLE temp.entry (x)",
      "CREATE TEMP VIEW entry AS SELECT 1",
      "CREATE TEMP TRIGGER t AFTER INSERT ON entry BEGIN SELECT 1; END"};
  std::vector<absl::Status> refused;
  ProjectionHandlers handlers;
  handlers.On([&](ReadModel& db, const Deposited&) {
    for (const char* sql : temporary) refused.push_back(db.Execute(sql));
  });
  Append("account-ada", Deposit(100));
  // when
  SqliteProjection ledger(*store_, Options(), handlers);
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  // then
  EXPECT_EQ(refused.size(), temporary.size());
  EXPECT_THAT(refused, ::testing::Each(HasCode(absl::StatusCode::kPermissionDenied)));
  // and in a schema
  ProjectionOptions options = Options();
  options.name = "other";
  options.schema = "CREATE TEMP TABLE other (x)";
  EXPECT_THAT(SqliteProjection(*store_, options, handlers).Start(),
              Fails(absl::StatusCode::kInvalidArgument, "options.schema"));
}

TEST_F(ProjectionOperationTest, ASchemaIsNotCutAtANul) {
  ProjectionOptions options = Options();
  options.schema += std::string(1, '\0') + "; CREATE TABLE more (x)";
  EXPECT_THAT(SqliteProjection(*store_, options, LedgerHandlers()).Start(),
              Fails(absl::StatusCode::kInvalidArgument, "NUL"));
}

TEST_F(ProjectionOperationTest, AReaderIsToldThatItChangesNothing) {
  Append("account-ada", Deposit(1));
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  EXPECT_THAT(ledger.Reader().Query("UPDATE entry SET amount = 2"),
              Fails(absl::StatusCode::kPermissionDenied, "a reader changes nothing"));
}

// It said standby for a while, and what came behind the ROLLBACK committed by itself.
TEST_F(ProjectionOperationTest, SqlThatRollsBackStopsItAtOnceAndWritesNothingMore) {
  // given
  for (int i = 1; i <= 3; ++i) Append("account-ada", Deposit(i));
  Heard<SubscriptionState> states;
  ProjectionOptions options = Options();
  options.on_state = [&](int64_t, SubscriptionState state, const absl::Status&) {
    states.Add(state);
  };
  std::atomic<int> calls = 0;
  ProjectionHandlers handlers;
  handlers.On([&](ReadModel& db, const Deposited& event, const RecordedEvent& at) -> absl::Status {
    ++calls;
    const char* const insert = "INSERT OR ROLLBACK INTO entry VALUES (?1, 'ada', ?2)";
    if (event.amount() < 3) return db.Execute(insert, at.position().value(), event.amount());
    db.Execute(insert, 1, event.amount()).IgnoreError();
    return db.Execute("INSERT INTO entry VALUES (99, 'ada', 99)");
  });
  SqliteProjection ledger(*store_, options, handlers);
  // when
  ASSERT_THAT(ledger.Start(), IsOk());
  AwaitState(ledger, SubscriptionState::kStopped);
  ledger.Stop();
  // then
  EXPECT_THAT(states.Await(2),
              ::testing::ElementsAre(SubscriptionState::kRunning, SubscriptionState::kStopped,
                                     SubscriptionState::kNotStarted));
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(ModelInt("SELECT count(*) FROM entry"),
            ModelInt("SELECT position FROM daybook_projection"));
}

}  // namespace
}  // namespace daybook::test
