#include <atomic>
#include <filesystem>
#include <future>
#include <string>
#include <thread>

#include "daybook/subscriptions.h"
#include "heard.h"
#include "projection_testing.h"

namespace daybook::test {
namespace {

class ProjectionRebuildTest : public ProjectionTesting {
 protected:
  // The same tables, with amounts in another unit.
  static ProjectionHandlers Doubled() {
    ProjectionHandlers handlers;
    handlers.On([](ReadModel& db, const Deposited& event, const RecordedEvent& at) {
      return db.Execute("INSERT INTO entry VALUES (?1, ?2, ?3)", at.position().value(),
                        at.stream_id(), 2 * event.amount());
    });
    return handlers;
  }

  bool SubscriptionExists(const std::string& name) { return Subscriptions(*store_).Get(name).ok(); }

  // Puts the backup in the log's place, together with what the log's rows said: the projection is
  // known, as if the backup had been taken after its first start.
  void RestoreKnowing() {
    const auto rows = store_->ReadRows({.table = "daybook.projection"});
    ASSERT_THAT(rows, IsOk());
    store_.reset();
    std::filesystem::rename(folder_.File("backup.db"), Log());
    std::filesystem::remove(Log() + "-wal");
    std::filesystem::remove(Log() + "-shm");
    store_ = Open();
    ASSERT_THAT(store_->Append({.row_changes = *rows}), IsOk());
  }
};

TEST_F(ProjectionRebuildTest, AReaderSeesTheSwitchAndTheOldFileGoes) {
  // given
  for (int i = 0; i < 10; ++i) Append("account-ada", Deposit(1));
  {
    SqliteProjection before(*store_, Options(), LedgerHandlers());
    ASSERT_THAT(before.CatchUp(), IsOk());
  }
  Heard<int64_t> live;
  ProjectionOptions options = Options();
  options.on_live = [&](int64_t version) { live.Add(version); };
  SqliteProjection ledger(*store_, options, Doubled());
  ASSERT_THAT(ledger.Start(), IsOk());
  ProjectionReader reader = ledger.Reader();
  ProjectionReader other = ledger.Reader();
  const char* const sum = "SELECT sum(amount) FROM entry";
  EXPECT_EQ(reader.Query(sum)->front().Int(0), 10);
  EXPECT_EQ(other.Query(sum)->front().Int(0), 10);
  // when
  ASSERT_THAT(ledger.Rebuild(), IsOk());
  EXPECT_THAT(live.Await(1), ::testing::ElementsAre(2));
  // then
  EXPECT_TRUE(std::filesystem::exists(Model(1))) << "two readers have it open";
  EXPECT_EQ(reader.Query(sum)->front().Int(0), 20);
  EXPECT_EQ(reader.version(), 2);
  EXPECT_TRUE(std::filesystem::exists(Model(1)));
  EXPECT_EQ(other.Query(sum)->front().Int(0), 20);
  EXPECT_FALSE(std::filesystem::exists(Model(1)));
  EXPECT_FALSE(std::filesystem::exists(Model(1) + "-wal"));
  EXPECT_THAT(ledger.WaitUntil(Append("account-ada", Deposit(1)), Soon()), IsOk());
  EXPECT_EQ(reader.Query(sum)->front().Int(0), 22);
  Await([&] { return !SubscriptionExists("ledger@v1"); });
}

TEST_F(ProjectionRebuildTest, RunsBesideLiveWritesAndReadersNeverGoBack) {
  // given
  for (int i = 0; i < 200; ++i) Append("account-ada", Deposit(1));
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  ASSERT_THAT(ledger.Start(), IsOk());
  ASSERT_THAT(ledger.WaitUntil(Position(200), Soon()), IsOk());
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; !done; ++i) Append("account-" + std::to_string(i % 5), Deposit(1));
  });
  // when
  ProjectionReader reader = ledger.Reader();
  int64_t shown = 0;
  int backwards = 0;
  for (int rebuild = 0; rebuild < 3; ++rebuild) {
    ASSERT_THAT(ledger.Rebuild(), IsOk());
    Await([&] {
      const auto rows = reader.Query("SELECT position FROM daybook_projection");
      if (!rows.ok() || rows->front().Int(0) < shown) ++backwards;
      if (rows.ok()) shown = rows->front().Int(0);
      return reader.version() == rebuild + 2;
    });
  }
  done = true;
  writer.join();
  // then
  EXPECT_EQ(backwards, 0);
  const Position head = *store_->Head();
  ASSERT_THAT(ledger.WaitUntil(head, Soon()), IsOk());
  ledger.Stop();
  { const ProjectionReader gone = std::move(reader); }
  EXPECT_EQ(ExpectAgreement(Model(4), *store_), head);
}

TEST_F(ProjectionRebuildTest, GoesOnWhereItWasAfterARestart) {
  // given
  for (int i = 1; i <= 20; ++i) Append("account-ada", Deposit(i));
  std::atomic<int> handled = 0;
  std::atomic<int> sick_amount = 15;
  ProjectionHandlers handlers;
  handlers.On([&](ReadModel& db, const Deposited& event, const RecordedEvent& at) -> absl::Status {
    if (event.amount() == sick_amount) return absl::InternalError("not this one");
    ++handled;
    return db.Execute("INSERT INTO entry VALUES (?1, 'ada', ?2)", at.position().value(),
                      event.amount());
  });
  {
    SqliteProjection before(*store_, Options(), LedgerHandlers());
    ASSERT_THAT(before.CatchUp(), IsOk());
    ASSERT_THAT(before.Rebuild(), IsOk());
  }
  {
    SqliteProjection ledger(*store_, Options(), handlers);
    ASSERT_THAT(ledger.Start(), IsOk());
    Await([&] {
      const auto rebuild = ledger.Health().rebuild;
      return rebuild.has_value() && rebuild->health.state == SubscriptionState::kStopped;
    });
    EXPECT_EQ(ledger.Health().rebuild->version, 2);
    EXPECT_EQ(ledger.Health().rebuild->health.checkpoint, Position(14));
    EXPECT_EQ(ledger.Health().rebuild->health.head, Position(20));
    EXPECT_EQ(ledger.Health().version, 1);
    // the live version goes on
    sick_amount = 0;
    EXPECT_THAT(ledger.WaitUntil(Append("account-ada", Deposit(1)), Soon()), IsOk());
  }
  EXPECT_EQ(GetProjection(*store_, "ledger")->rebuilding, 2);
  EXPECT_EQ(GetProjection(*store_, "ledger")->rebuilt_to, Position(14));
  handled = 0;
  // when
  SqliteProjection ledger(*store_, Options(), handlers);
  ASSERT_THAT(ledger.CatchUp(), IsOk());
  // then
  EXPECT_EQ(handled, 7);
  EXPECT_EQ(GetProjection(*store_, "ledger")->version, 2);
  EXPECT_FALSE(GetProjection(*store_, "ledger")->rebuilding.has_value());
  EXPECT_FALSE(std::filesystem::exists(Model(1)));
  EXPECT_FALSE(SubscriptionExists("ledger@v1"));
}

TEST_F(ProjectionRebuildTest, AnyProcessMayAskForItAndGiveItUp) {
  // given
  EXPECT_THAT(RequestRebuild(*store_, "ledger"), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(GetProjection(*store_, "ledger"), HasCode(absl::StatusCode::kNotFound));
  Append("account-ada", Deposit(1));
  std::atomic<bool> works = false;
  ProjectionHandlers handlers;
  handlers.On([&](ReadModel&, const Deposited&) -> absl::Status {
    return works ? absl::OkStatus() : absl::InternalError("not yet");
  });
  {
    SqliteProjection before(*store_, Options(), LedgerHandlers());
    ASSERT_THAT(before.CatchUp(), IsOk());
  }
  SqliteProjection ledger(*store_, Options(), handlers);
  ASSERT_THAT(ledger.Start(), IsOk());
  // when
  ASSERT_THAT(RequestRebuild(*store_, "ledger"), IsOk());
  Await([&] { return std::filesystem::exists(Model(2)); });
  ASSERT_THAT(AbandonRebuild(*store_, "ledger"), IsOk());
  // then
  Await([&] { return !std::filesystem::exists(Model(2)); });
  EXPECT_EQ(ledger.Health().version, 1);
  works = true;
  ASSERT_THAT(RequestRebuild(*store_, "ledger"), IsOk());
  Await([&] { return ledger.Health().version == 3; });
}

TEST_F(ProjectionRebuildTest, ARestoredLogIsNoticedAndARebuildMendsIt) {
  // given: a backup, then more events, all in the read model
  Append("account-ada", Deposit(1));
  ASSERT_THAT(store_->Backup(folder_.File("backup.db")), IsOk());
  Append("account-ada", Deposit(2));
  {
    SqliteProjection ledger(*store_, Options(), LedgerHandlers());
    ASSERT_THAT(ledger.CatchUp(), IsOk());
  }
  // when: a position beyond the head
  RestoreKnowing();
  // then
  EXPECT_THAT(SqliteProjection(*store_, Options(), LedgerHandlers()).Start(),
              Fails(absl::StatusCode::kDataLoss, "the log was restored; rebuild"));
  // when: another event at the position
  Append("account-ada", Deposit(7));
  // then
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  EXPECT_THAT(ledger.Start(), Fails(absl::StatusCode::kDataLoss, "the log was restored; rebuild"));
  EXPECT_THAT(ledger.CatchUp(), Fails(absl::StatusCode::kDataLoss, "rebuild"));
  // when
  ASSERT_THAT(ledger.Rebuild(), IsOk());
  ASSERT_THAT(ledger.Start(), IsOk());
  ASSERT_THAT(ledger.WaitUntil(Position(2), Soon()), IsOk());
  Await([&] { return ledger.Health().version == 2; });
  // then
  ledger.Stop();
  EXPECT_EQ(ExpectAgreement(Model(2), *store_), Position(2));
  EXPECT_EQ(ModelInt("SELECT sum(amount) FROM entry", 2), 8);
}

// What the file shows is not of this log, however far it says it has come.
TEST_F(ProjectionRebuildTest, NobodyWaitsForTheTablesOfARestoredLog) {
  // given
  ASSERT_THAT(store_->Backup(folder_.File("backup.db")), IsOk());
  Append("account-ada", Deposit(1));
  {
    SqliteProjection before(*store_, Options(), LedgerHandlers());
    ASSERT_THAT(before.CatchUp(), IsOk());
  }
  RestoreKnowing();
  Append("account-ada", Deposit(7));
  std::promise<void> end;
  std::shared_future<void> ended = end.get_future().share();
  ProjectionHandlers handlers = LedgerHandlers();
  handlers.On([ended](ReadModel&, const Deposited&) { ended.wait(); });
  SqliteProjection ledger(*store_, Options(), handlers);
  // when: it is asked for a rebuild, which takes its time
  ASSERT_THAT(ledger.Rebuild(), IsOk());
  ASSERT_THAT(ledger.Start(), IsOk());
  // then
  const auto restored = Fails(absl::StatusCode::kDeadlineExceeded, "the log was restored");
  EXPECT_THAT(ledger.WaitUntil(Position(1), std::chrono::steady_clock::now()), restored);
  const SqliteProjection not_run(*store_, Options(), handlers);
  EXPECT_THAT(not_run.WaitUntil(Position(1), std::chrono::steady_clock::now()), restored);
  // when
  end.set_value();
  // then
  EXPECT_THAT(ledger.WaitUntil(Position(1), Soon()), IsOk());
  EXPECT_EQ(ledger.Health().version, 2);
}

TEST_F(ProjectionRebuildTest, ADeletedEventAtItsPositionIsNoSignOfARestoredLog) {
  Append("account-ada", Deposit(1));
  Append("account-bob", Deposit(2));
  {
    SqliteProjection ledger(*store_, Options(), LedgerHandlers());
    ASSERT_THAT(ledger.CatchUp(), IsOk());
  }
  ASSERT_THAT(store_->Delete("account-bob", ExpectedVersion::Any()), IsOk());
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  EXPECT_THAT(ledger.CatchUp(), IsOk());
}

TEST_F(ProjectionRebuildTest, AnotherSchemaThanTheFilesAsksForARebuild) {
  // given
  Append("account-ada", Deposit(1));
  {
    SqliteProjection before(*store_, Options(), LedgerHandlers());
    ASSERT_THAT(before.CatchUp(), IsOk());
  }
  ProjectionOptions options = Options();
  options.schema = "CREATE TABLE total (amount INTEGER)";
  ProjectionHandlers handlers;
  handlers.On([](ReadModel& db, const Deposited& event) {
    return db.Execute("INSERT INTO total VALUES (?1)", event.amount());
  });
  SqliteProjection total(*store_, options, handlers);
  EXPECT_THAT(total.Start(), Fails(absl::StatusCode::kFailedPrecondition, "rebuild"));
  // when
  ProjectionReader reader = total.Reader();
  ASSERT_THAT(total.Rebuild(), IsOk());
  EXPECT_THAT(reader.Query("SELECT amount FROM balance"), IsOk()) << "the old one is still live";
  ASSERT_THAT(total.CatchUp(), IsOk());
  // then
  EXPECT_EQ(reader.Query("SELECT amount FROM total")->front().Int(0), 1);
}

}  // namespace
}  // namespace daybook::test
