#include "daybook/projection.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "account.h"
#include "daybook/sqlite_event_store.h"
#include "daybook/subscriptions.h"
#include "fault/support.h"
#include "heard.h"
#include "ledger_model.h"
#include "projection_testing.h"
#include "status_testing.h"
#include "store_file.h"

namespace daybook::test {
namespace {

using fault::RawDb;

class ProjectionTest : public ProjectionTesting {};

TEST_F(ProjectionTest, ShowsWhatIsThereAndWhatComes) {
  // given
  Append("account-ada", Deposit(100));
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  ASSERT_THAT(ledger.Start(), IsOk());
  // when
  Append("account-bob", Opened("bob"));
  const Position last = Append("account-ada", Withdrawal(30));
  ASSERT_THAT(ledger.WaitUntil(last, Soon()), IsOk());
  // then
  ProjectionReader reader = ledger.Reader();
  const auto rows = reader.Query("SELECT account, amount FROM balance");
  ASSERT_THAT(rows, IsOk());
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->front().Text(0), "ada");
  EXPECT_EQ(rows->front().Int(1), 70);
  EXPECT_EQ(ledger.Health().version, 1);
  EXPECT_EQ(ledger.Health().live.state, SubscriptionState::kRunning);
}

TEST_F(ProjectionTest, CatchesUpOnTheCallersThreadAndGoesOnWhereItWas) {
  // given
  std::atomic<int> handled = 0;
  ProjectionHandlers handlers;
  handlers.On([&](ReadModel&, const Deposited&) { ++handled; });
  Append("account-ada", Deposit(100));
  {
    SqliteProjection ledger(*store_, Options(), handlers);
    ASSERT_THAT(ledger.CatchUp(), IsOk());
  }
  // when
  const Position last = Append("account-ada", Deposit(5));
  SqliteProjection ledger(*store_, Options(), handlers);
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  // then
  EXPECT_EQ(handled, 2);
  EXPECT_THAT(ledger.WaitUntil(last, std::chrono::steady_clock::now()), IsOk());
}

// A checkpoint may stand on an event that is none of the projection's business.
TEST_F(ProjectionTest, TheCheckpointPassesWhatIsFilteredOut) {
  Append("account-ada", Deposit(100));
  const Position last = Append("order-1", Deposit(1));
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  EXPECT_EQ(ModelInt("SELECT position FROM daybook_projection"), last.value());
  EXPECT_EQ(ModelInt("SELECT event_position FROM daybook_projection"), 1);
}

TEST_F(ProjectionTest, AHandlerThatFailsHalfwayLeavesNothingOfItsRecord) {
  // given
  Append("account-ada", Deposit(100));
  Append("account-bob", Deposit(666));
  Append("account-ada", Deposit(1));
  ProjectionHandlers handlers = LedgerHandlers();
  handlers.On([](ReadModel& db, const Deposited& event, const RecordedEvent& at) -> absl::Status {
    absl::Status half =
        db.Execute("INSERT INTO entry VALUES (?1, ?2, ?3)", at.position().value(), "x", 1);
    if (!half.ok()) return half;
    if (event.amount() == 666) return absl::InternalError("halfway");
    return db.Execute("INSERT INTO balance VALUES ('ada', 100)");
  });
  SqliteProjection ledger(*store_, Options(), handlers);
  // when
  ASSERT_THAT(ledger.Start(), IsOk());
  AwaitState(ledger, SubscriptionState::kStopped);
  // then
  EXPECT_EQ(ledger.Health().live.last_error.message(), "halfway");
  EXPECT_EQ(ledger.Health().live.lowest_unfinished->position, Position(2));
  ledger.Stop();
  EXPECT_EQ(ModelInt("SELECT count(*) FROM entry"), 1);
  EXPECT_EQ(ModelInt("SELECT count(*) FROM balance"), 1);
  EXPECT_EQ(ModelInt("SELECT position FROM daybook_projection"), 1);
}

// Behind others in its batch, and first in one; once, and again and again.
TEST_F(ProjectionTest, WhatWasHandledBesideARecordThatFailedIsThereOnce) {
  // given
  constexpr int kEvents = 3000;
  for (int i = 0; i < kEvents; ++i) Append("account-ada", Deposit(1));
  const std::map<int64_t, int> fails = {{1, 1}, {2, 1}, {500, 2}, {501, 1}, {1700, 3}, {3000, 1}};
  std::map<int64_t, int> calls;
  ProjectionHandlers handlers;
  handlers.On([&](ReadModel& db, const Deposited&, const RecordedEvent& at) -> absl::Status {
    const int64_t position = at.position().value();
    absl::Status half =
        db.Execute("INSERT INTO entry VALUES (?1, ?2, ?3)", position, "ada", calls[position]);
    const auto failing = fails.find(position);
    const bool fail = failing != fails.end() && calls[position] < failing->second + 1;
    ++calls[position];
    return fail ? absl::InternalError("halfway") : half;
  });
  ProjectionOptions options = Options();
  options.retry.max_attempts = 5;
  SqliteProjection ledger(*store_, options, handlers);
  // when
  ASSERT_THAT(ledger.Start(), IsOk());
  ASSERT_THAT(ledger.WaitUntil(Position(kEvents), Soon()), IsOk());
  ledger.Stop();
  // then
  EXPECT_EQ(ModelInt("SELECT count(*) FROM entry"), kEvents);
  EXPECT_EQ(ModelInt("SELECT count(DISTINCT position) FROM entry"), kEvents);
  EXPECT_EQ(ModelInt("SELECT position FROM daybook_projection"), kEvents);
  EXPECT_LT(calls[400], 9) << "a batch is not handled again for each failure in it";
}

TEST_F(ProjectionTest, AnEndThatCannotBeCommittedLeavesNeitherTablesNorPosition) {
  // given
  Append("account-ada", Deposit(100));
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  RawDb(Model(1)).Exec(
      "CREATE TRIGGER no BEFORE UPDATE ON daybook_projection WHEN new.position = 2 "
      "BEGIN SELECT RAISE(ABORT, 'no'); END");
  Append("account-ada", Deposit(5));
  // when
  const absl::Status caught_up = ledger.CatchUp();
  // then
  EXPECT_FALSE(caught_up.ok());
  EXPECT_EQ(ExpectAgreement(Model(1), *store_), Position(1));
}

TEST_F(ProjectionTest, AThrowInAHandlerIsAFailureOfItsRecord) {
  // given
  Append("account-ada", Deposit(100));
  ProjectionHandlers handlers;
  handlers.On([](ReadModel& db, const Deposited&, const RecordedEvent& at) {
    db.Execute("INSERT INTO entry VALUES (?1, 'ada', 1)", at.position().value()).IgnoreError();
    throw std::runtime_error("unlucky");
  });
  SqliteProjection ledger(*store_, Options(), handlers);
  // when
  const absl::Status caught_up = ledger.CatchUp();
  // then
  EXPECT_THAT(caught_up, Fails(absl::StatusCode::kInternal, "unlucky"));
  EXPECT_EQ(ModelInt("SELECT count(*) FROM entry"), 0);
  EXPECT_EQ(ModelInt("SELECT position FROM daybook_projection"), 0);
}

TEST_F(ProjectionTest, AnEventThatCannotBeDecodedStopsIt) {
  // given
  Append("account-ada", Deposit(100));
  ASSERT_THAT(store_->Append("account-ada", ExpectedVersion::Any(),
                             {{.type = std::string(Deposited::descriptor()->full_name()),
                               .payload = "\xff\xff"}}),
              IsOk());
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  // when
  const absl::Status caught_up = ledger.CatchUp();
  // then
  EXPECT_THAT(caught_up, Fails(absl::StatusCode::kDataLoss, "cannot be decoded"));
  EXPECT_EQ(ModelInt("SELECT position FROM daybook_projection"), 1);
}

// Whatever a handler's SQL does, the tables follow the checkpoint.
TEST_F(ProjectionTest, SqlThatRollsBackEarlierRecordsStopsIt) {
  // given
  for (int i = 1; i <= 3; ++i) Append("account-ada", Deposit(i));
  ProjectionHandlers handlers;
  handlers.On([](ReadModel& db, const Deposited& event, const RecordedEvent& at) {
    const int64_t key = event.amount() == 3 ? 1 : at.position().value();
    db.Execute("INSERT OR ROLLBACK INTO entry VALUES (?1, 'ada', ?2)", key, event.amount())
        .IgnoreError();
  });
  SqliteProjection ledger(*store_, Options(), handlers);
  // when
  ASSERT_THAT(ledger.Start(), IsOk());
  AwaitState(ledger, SubscriptionState::kStopped);
  // then
  EXPECT_THAT(ledger.Health().live.last_error,
              Fails(absl::StatusCode::kFailedPrecondition, "OR ROLLBACK"));
  ledger.Stop();
  EXPECT_EQ(ModelInt("SELECT count(*) FROM entry"),
            ModelInt("SELECT position FROM daybook_projection"));
}

// So does SQLite where the disk is full: it would be as full at once again.
TEST_F(ProjectionTest, ABatchThatAFullDiskHasUndoneIsNotHandledAgainAtOnce) {
  for (int i = 1; i <= 3; ++i) Append("account-ada", Deposit(i));
  int calls = 0;
  ProjectionHandlers handlers;
  handlers.On([&](ReadModel& db, const Deposited& event, const RecordedEvent& at) -> absl::Status {
    ++calls;
    const int64_t key = event.amount() == 3 ? 1 : at.position().value();
    const absl::Status done =
        db.Execute("INSERT OR ROLLBACK INTO entry VALUES (?1, 'ada', ?2)", key, event.amount());
    return done.ok() ? done : absl::ResourceExhaustedError("the disk is full");
  });
  SqliteProjection ledger(*store_, Options(), handlers);
  EXPECT_THAT(ledger.CatchUp(), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(calls, 3);
}

TEST_F(ProjectionTest, HandlersKeepOffTransactionsAndDaybooksTables) {
  // given
  std::vector<absl::Status> refused;
  ProjectionHandlers handlers;
  handlers.On([&](ReadModel& db, const Deposited&) {
    for (const char* sql :
         {"COMMIT", "ROLLBACK", "SAVEPOINT mine", "RELEASE record", "ATTACH ':memory:' AS other",
          "PRAGMA synchronous = OFF", "UPDATE daybook_projection SET position = 9",
          "DELETE FROM daybook_model", "DROP TABLE daybook_projection",
          "CREATE TRIGGER t AFTER UPDATE ON daybook_projection BEGIN SELECT 1; END"}) {
      refused.push_back(db.Execute(sql));
    }
  });
  Append("account-ada", Deposit(100));
  SqliteProjection ledger(*store_, Options(), handlers);
  // when
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  // then
  EXPECT_EQ(refused.size(), 10u);
  EXPECT_THAT(refused, ::testing::Each(HasCode(absl::StatusCode::kPermissionDenied)));
}

TEST_F(ProjectionTest, HandlersReadWhatTheyWroteInEveryTypeOfValue) {
  // given
  ProjectionOptions options = Options();
  options.schema = "CREATE TABLE value (a INTEGER, b REAL, c TEXT, d)";
  ProjectionHandlers handlers;
  std::vector<ModelRow> rows;
  handlers.On([&](ReadModel& db, const Deposited& event) -> absl::Status {
    absl::Status written =
        db.Execute("INSERT INTO value VALUES (?1, ?2, ?3, ?4)", event.amount(), 2.5, "", nullptr);
    if (!written.ok()) return written;
    auto found =
        db.Query("SELECT a, b, c, d FROM value WHERE a = ?1 AND c = ?2", 100, std::string());
    if (found.ok()) rows = *found;
    return found.status();
  });
  Append("account-ada", Deposit(100));
  SqliteProjection ledger(*store_, options, handlers);
  // when
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  // then
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].columns(), 4u);
  EXPECT_EQ(rows[0].Int(0), 100);
  EXPECT_EQ(rows[0].Real(1), 2.5);
  EXPECT_EQ(rows[0].Int(1), 2);
  EXPECT_FALSE(rows[0].IsNull(2));
  EXPECT_EQ(rows[0].Text(2), "");
  EXPECT_TRUE(rows[0].IsNull(3));
  EXPECT_TRUE(rows[0].IsNull(4));
}

TEST_F(ProjectionTest, WhatIsWrongWithAStatementHasItsCode) {
  // given
  std::vector<absl::Status> said;
  ProjectionHandlers handlers;
  handlers.On([&](ReadModel& db, const Deposited&) {
    const char* const insert = "INSERT INTO entry VALUES (?1, ?2, ?3)";
    said = {db.Execute(insert, 1, "ada", 1),
            db.Execute(insert, 1, "ada", 1),
            db.Execute(insert, 2, nullptr, 1),
            db.Execute("INSERT INTO nothing VALUES (1)"),
            db.Execute(insert, 3),
            db.Execute("SELECT 1; SELECT 2"),
            db.Execute("")};
  });
  Append("account-ada", Deposit(100));
  SqliteProjection ledger(*store_, Options(), handlers);
  // when
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  // then
  std::vector<absl::StatusCode> codes;
  for (const absl::Status& status : said) codes.push_back(status.code());
  EXPECT_THAT(codes, ::testing::ElementsAre(
                         absl::StatusCode::kOk, absl::StatusCode::kAlreadyExists,
                         absl::StatusCode::kFailedPrecondition, absl::StatusCode::kInvalidArgument,
                         absl::StatusCode::kInvalidArgument, absl::StatusCode::kInvalidArgument,
                         absl::StatusCode::kInvalidArgument));
}

// Another process had the lease run out, and took over.
TEST_F(ProjectionTest, ABatchThatFindsAnotherEpochRollsBackAndStops) {
  // given
  Append("account-ada", Deposit(100));
  Heard<SubscriptionState> states;
  ProjectionOptions options = Options();
  options.on_state = [&](int64_t, SubscriptionState state, const absl::Status&) {
    states.Add(state);
  };
  SqliteProjection ledger(*store_, options, LedgerHandlers());
  ASSERT_THAT(ledger.Start(), IsOk());
  ASSERT_THAT(ledger.WaitUntil(Position(1), Soon()), IsOk());
  // when
  RawDb other(Model(1));
  other.Exec("PRAGMA busy_timeout = 5000");
  other.Exec("UPDATE daybook_projection SET epoch = 1000");
  const Position last = Append("account-ada", Deposit(5));
  ASSERT_THAT(ledger.WaitUntil(last, Soon()), IsOk());
  // then it has let go, and begun anew beyond the epoch that it found
  ASSERT_EQ(other.Int("SELECT epoch FROM daybook_projection"), 1001);
  EXPECT_THAT(states.Await(3),
              ::testing::ElementsAre(SubscriptionState::kRunning, SubscriptionState::kStandby,
                                     SubscriptionState::kRunning));
  EXPECT_EQ(other.Int("SELECT count(*) FROM entry"), 2);
}

TEST_F(ProjectionTest, ReadersSeeAWholeMomentWhileItWrites) {
  // given
  ProjectionHandlers handlers = LedgerHandlers();
  SqliteProjection ledger(*store_, Options(), handlers);
  ASSERT_THAT(ledger.Start(), IsOk());
  Append("account-ada", Deposit(1));
  ASSERT_THAT(ledger.WaitUntil(Position(1), Soon()), IsOk());
  // when
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i) Append("account-ada", Deposit(1));
    done = true;
  });
  ProjectionReader reader = ledger.Reader();
  int torn = 0;
  while (!done) {
    const auto rows = reader.Query(
        "SELECT (SELECT sum(amount) FROM entry), (SELECT sum(amount) FROM balance), "
        "(SELECT position FROM daybook_projection)");
    if (!rows.ok() || rows->front().Int(0) != rows->front().Int(1) ||
        rows->front().Int(0) != rows->front().Int(2)) {
      ++torn;
    }
  }
  writer.join();
  // then
  EXPECT_EQ(torn, 0);
  EXPECT_THAT(ledger.WaitUntil(Position(301), Soon()), IsOk());
}

TEST_F(ProjectionTest, AReaderChangesNothing) {
  Append("account-ada", Deposit(1));
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  ProjectionReader reader = ledger.Reader();
  EXPECT_THAT(reader.Query("SELECT 1"), HasCode(absl::StatusCode::kUnavailable));
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  EXPECT_THAT(reader.Query("DELETE FROM entry"), HasCode(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(reader.Query("PRAGMA query_only = OFF"),
              HasCode(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(reader.Query("SELECT count(*) FROM entry")->front().Int(0), 1);
  EXPECT_EQ(reader.version(), 1);
}

TEST_F(ProjectionTest, OneOfTwoFillsTheTablesAndBothCanWaitForThem) {
  // given
  auto first = std::make_unique<SqliteProjection>(*store_, Options(), LedgerHandlers());
  SqliteProjection second(*store_, Options(), LedgerHandlers());
  ASSERT_THAT(first->Start(), IsOk());
  ASSERT_THAT(second.Start(), IsOk());
  EXPECT_EQ(second.Health().live.state, SubscriptionState::kStandby);
  EXPECT_THAT(second.WaitUntil(Append("account-ada", Deposit(1)), Soon()), IsOk());
  // when
  first.reset();
  const Position last = Append("account-ada", Deposit(1));
  // then
  EXPECT_THAT(second.WaitUntil(last, Soon()), IsOk());
  second.Stop();
  EXPECT_EQ(ExpectAgreement(Model(1), *store_), last);
}

TEST_F(ProjectionTest, ItIsNotReset) {
  Append("account-ada", Deposit(1));
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  ASSERT_THAT(ledger.Start(), IsOk());
  ASSERT_THAT(ledger.WaitUntil(Position(1), Soon()), IsOk());
  EXPECT_THAT(Subscriptions(*store_).Reset("ledger@v1", Position(0)),
              Fails(absl::StatusCode::kFailedPrecondition, "rebuilt"));
  EXPECT_EQ(ledger.Health().live.state, SubscriptionState::kRunning);
}

TEST_F(ProjectionTest, WhatIsWrongWithTheOptionsIsSaid) {
  const auto start = [&](ProjectionOptions options, ProjectionHandlers handlers) {
    return SqliteProjection(*store_, std::move(options), std::move(handlers)).Start();
  };
  ProjectionOptions options = Options();
  options.name = "../ledger";
  EXPECT_THAT(start(options, LedgerHandlers()), HasCode(absl::StatusCode::kInvalidArgument));
  options = Options();
  options.folder = folder_.File("nowhere");
  EXPECT_THAT(start(options, LedgerHandlers()), Fails(absl::StatusCode::kNotFound, "nowhere"));
  options = Options();
  options.schema += "; CREATE TABEL x";
  EXPECT_THAT(start(options, LedgerHandlers()),
              Fails(absl::StatusCode::kInvalidArgument, "options.schema"));
  EXPECT_THAT(start(Options(), {}), HasCode(absl::StatusCode::kInvalidArgument));
  // and nothing of it remains
  EXPECT_THAT(start(Options(), LedgerHandlers()), IsOk());
}

TEST_F(ProjectionTest, AnotherProgramsDatabaseIsLeftAlone) {
  RawDb(Model(1)).Exec("CREATE TABLE theirs (x)");
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  EXPECT_THAT(ledger.Start(), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(ModelInt("SELECT count(*) FROM sqlite_schema"), 1);
}

}  // namespace
}  // namespace daybook::test
