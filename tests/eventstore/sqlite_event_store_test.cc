#include "daybook/sqlite_event_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <latch>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "support/status_matchers.h"
#include "support/temp_dir.h"

namespace daybook {
namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;
using test::Fails;
using test::HasCode;
using test::IsConflictAt;
using test::IsOk;
using test::TempDir;
using testing::ElementsAre;

// Runs SQL on a file that no store has open.
void RunSql(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  char* error = nullptr;
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
  sqlite3_free(error);
  sqlite3_close(database);
}

class SqliteEventStoreTest : public ::testing::Test {
 protected:
  std::string path() const { return dir_.File("log.db"); }

  std::unique_ptr<SqliteEventStore> Open(SqliteEventStoreOptions options = {}) {
    if (options.path.empty()) options.path = path();
    auto store = SqliteEventStore::Open(options);
    EXPECT_THAT(store, IsOk());
    return *std::move(store);
  }

  static Appended Append(EventStore& store, std::string_view stream,
                         ExpectedVersion expected = ExpectedVersion::Any()) {
    auto appended = store.Append(stream, expected, {{.type = "t"}});
    EXPECT_THAT(appended, IsOk());
    return appended.value_or(Appended{});
  }

  const TempDir dir_;
};

// ---- Opening ------------------------------------------------------------------------------------

TEST_F(SqliteEventStoreTest, OptionsOutOfBoundsAreRefused) {
  const auto open = [](const SqliteEventStoreOptions& options) {
    return SqliteEventStore::Open(options).status();
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(open({}), Fails(kInvalid, "path is empty"));
  EXPECT_THAT(open({.path = std::string("a\0b", 3)}), Fails(kInvalid, "NUL"));
  EXPECT_THAT(open({.path = dir_.path()}), Fails(kInvalid, "is a folder"));
  EXPECT_THAT(open({.path = path(), .wal_limit = 1000}), Fails(kInvalid, "wal_limit"));
  EXPECT_THAT(open({.path = path(), .wal_limit = int64_t{1} << 40}), Fails(kInvalid, "wal_limit"));
  EXPECT_THAT(open({.path = path(), .busy_timeout = std::chrono::milliseconds(-1)}),
              Fails(kInvalid, "busy_timeout"));
  EXPECT_THAT(open({.path = path(), .once_retention = std::chrono::seconds(0)}),
              Fails(kInvalid, "once_retention"));
  EXPECT_THAT(open({.path = dir_.File("nowhere/log.db")}),
              Fails(absl::StatusCode::kNotFound, "create it first"));
}

TEST_F(SqliteEventStoreTest, TheIncarnationStaysWithTheFile) {
  const EventId incarnation = Open()->incarnation();
  EXPECT_FALSE(incarnation.is_nil());
  EXPECT_EQ(Open()->incarnation(), incarnation);
  EXPECT_NE(Open({.path = dir_.File("other.db")})->incarnation(), incarnation);
}

TEST_F(SqliteEventStoreTest, TheFileSaysWhatItIs) {
  Open();
  RunSql(path(),
         "CREATE TEMP TABLE expect (ok INTEGER CHECK (ok)); "
         "INSERT INTO expect SELECT application_id = 0x44617962 FROM pragma_application_id; "
         "INSERT INTO expect SELECT user_version = 1 FROM pragma_user_version");
}

TEST_F(SqliteEventStoreTest, WhatWasAppendedIsThereAfterReopening) {
  Append(*Open(), "order-1");
  const auto store = Open();
  EXPECT_EQ(store->Head().value_or(Position()), Position(1));
  EXPECT_EQ(Append(*store, "order-1"), (Appended{Version(2), Position(2)}));
  EXPECT_THAT(store->Verify(), IsOk());
}

// ---- Positions and time -------------------------------------------------------------------------

TEST_F(SqliteEventStoreTest, PositionsOfDeletedEventsAreNotUsedAgainEvenAfterReopening) {
  {
    const auto store = Open();
    Append(*store, "order-1");
    Append(*store, "order-2");
    Append(*store, "order-2");
    ASSERT_THAT(store->Delete("order-2", ExpectedVersion::Any()), IsOk());
    EXPECT_EQ(store->Head().value_or(Position()), Position(3));
  }
  const auto store = Open();
  EXPECT_EQ(store->Head().value_or(Position()), Position(3));
  EXPECT_EQ(Append(*store, "order-2"), (Appended{Version(3), Position(4)}));
  EXPECT_THAT(store->Verify(), IsOk());
}

TEST_F(SqliteEventStoreTest, RecordedTimeDoesNotFallWithTheClock) {
  std::atomic<int64_t> now = 1'000'000;
  const auto clock = [&now] { return system_clock::time_point(std::chrono::microseconds(now)); };
  const auto time_of = [](EventStore& store, int64_t position) {
    return store.Read(LogQuery{.after = Position(position - 1), .limit = 1})->events.at(0).time;
  };
  {
    const auto store = Open({.clock = clock});
    Append(*store, "order-1");
    EXPECT_EQ(time_of(*store, 1).time_since_epoch().count(), 1'000'000);
    now = 500'000;
    Append(*store, "order-1");
    EXPECT_EQ(time_of(*store, 2), time_of(*store, 1));
    // Not even when the event that bore the newest time is gone.
    now = 2'000'000;
    Append(*store, "order-2");
    ASSERT_THAT(store->Delete("order-2", ExpectedVersion::Any()), IsOk());
  }
  now = 600'000;
  const auto store = Open({.clock = clock});
  Append(*store, "order-1");
  EXPECT_EQ(time_of(*store, 4).time_since_epoch().count(), 2'000'000);
  now = 3'000'000;
  Append(*store, "order-1");
  EXPECT_EQ(time_of(*store, 5).time_since_epoch().count(), 3'000'000);
}

// ---- Other writers on the same file -------------------------------------------------------------

TEST_F(SqliteEventStoreTest, AKnownVersionIsForgottenWhenAnotherStoreAppends) {
  const auto here = Open(), there = Open();
  Append(*here, "order-1", ExpectedVersion::NoStream());
  Append(*there, "order-1", Version(1));
  EXPECT_THAT(here->Append("order-1", Version(1), {{.type = "t"}}), IsConflictAt(2));
  EXPECT_EQ(Append(*here, "order-1", Version(2)), (Appended{Version(3), Position(3)}));
}

TEST_F(SqliteEventStoreTest, AnAbsentStreamIsFoundOnceAnotherStoreMakesIt) {
  const auto here = Open(), there = Open();
  ASSERT_THAT(here->Append("order-1", ExpectedVersion::Exists(), {{.type = "t"}}), IsConflictAt(0));
  Append(*there, "order-1");
  EXPECT_EQ(Append(*here, "order-1", ExpectedVersion::Exists()),
            (Appended{Version(2), Position(2)}));
}

TEST_F(SqliteEventStoreTest, ADeleteThroughAnotherStoreIsSeen) {
  const auto here = Open(), there = Open();
  Append(*here, "order-1");
  ASSERT_THAT(there->Delete("order-1", ExpectedVersion::Exists()), IsOk());
  EXPECT_THAT(here->Append("order-1", ExpectedVersion::Exists(), {{.type = "t"}}), IsConflictAt(1));
  EXPECT_EQ(Append(*here, "order-1", ExpectedVersion::NoStream()),
            (Appended{Version(2), Position(2)}));
  ASSERT_THAT(there->Tombstone("order-1", Version(2)), IsOk());
  EXPECT_THAT(here->Append("order-1", ExpectedVersion::Any(), {{.type = "t"}}),
              Fails(absl::StatusCode::kFailedPrecondition, "tombstoned"));
}

TEST_F(SqliteEventStoreTest, ManyForeignEventsAreCaughtUpWith) {
  const auto here = Open(), there = Open();
  Append(*here, "order-1");
  for (int batch = 0; batch < 5; ++batch) {
    std::vector<NewEvent> events(1000, {.type = "t"});
    ASSERT_THAT(there->Append("order-1", ExpectedVersion::Any(), events), IsOk());
  }
  EXPECT_EQ(Append(*here, "order-1", Version(5001)), (Appended{Version(5002), Position(5002)}));
}

TEST_F(SqliteEventStoreTest, TypesFirstStoredElsewhereAreNamedRight) {
  const auto here = Open(), there = Open();
  ASSERT_THAT(here->Append("order-1", ExpectedVersion::Any(), {{.type = "first"}}), IsOk());
  ASSERT_THAT(there->Append("order-1", ExpectedVersion::Any(), {{.type = "second"}}), IsOk());
  ASSERT_THAT(
      here->Append("order-1", ExpectedVersion::Any(), {{.type = "second"}, {.type = "third"}}),
      IsOk());
  const auto page = here->Read(LogQuery{});
  ASSERT_THAT(page, IsOk());
  std::vector<std::string> types;
  for (const StoredEvent& event : page->events) types.push_back(event.type);
  EXPECT_THAT(types, ElementsAre("first", "second", "second", "third"));
}

TEST_F(SqliteEventStoreTest, AWaitIsWokenByAnotherStore) {
  const auto here = Open(), there = Open();
  std::thread writer([&] { Append(*there, "order-1"); });
  EXPECT_EQ(here->WaitBeyond(Position(0), steady_clock::now() + std::chrono::seconds(60))
                .value_or(Position()),
            Position(1));
  writer.join();
}

// ---- One group, several requests ----------------------------------------------------------------

TEST_F(SqliteEventStoreTest, AConflictFailsOnlyItsOwnRequest) {
  const auto store = Open();
  constexpr int kThreads = 8, kRounds = 50;
  std::atomic<int> won = 0, lost = 0;
  std::latch start(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      for (int round = 0; round < kRounds; ++round) {
        const auto raced = store->Append("shared-1", Version(round), {{.type = "t"}});
        (raced.ok() ? won : lost)++;
        EXPECT_TRUE(raced.ok() || IsConflict(raced.status())) << raced.status();
        EXPECT_THAT(store->Append("own-" + std::to_string(i), Version(round), {{.type = "t"}}),
                    IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won + lost, kThreads * kRounds);
  EXPECT_EQ(store->State("shared-1")->version, Version(won));
  EXPECT_THAT(store->Verify(), IsOk());
}

TEST_F(SqliteEventStoreTest, ARequestThatTheLogCannotHoldFailsAlone) {
  const auto store = Open({.durability = Durability::kProcess});
  int64_t types = 0;
  absl::Status full;
  while (full.ok() && types < 70'000) {
    std::vector<NewEvent> events;
    for (int i = 0; i < 5'000; ++i) events.push_back({.type = absl::StrCat("type.", types++)});
    full = store->Append("order-1", ExpectedVersion::Any(), events).status();
  }
  EXPECT_THAT(full, Fails(absl::StatusCode::kResourceExhausted, "65535 event types"));
  // Beside those that still ask for one type more, the others go on.
  std::atomic<bool> done = false;
  std::thread greedy([&] {
    while (!done) {
      std::vector<NewEvent> events;
      for (int i = 0; i < 1'000; ++i) events.push_back({.type = absl::StrCat("more.", i)});
      EXPECT_THAT(store->Append("greedy-1", ExpectedVersion::Any(), events),
                  HasCode(absl::StatusCode::kResourceExhausted));
    }
  });
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(store->Append("modest-1", Version(i), {{.type = "type.7"}}), IsOk());
  }
  done = true;
  greedy.join();
  EXPECT_EQ(store->State("greedy-1")->version, Version(0));
  EXPECT_THAT(store->Verify(), IsOk());
}

// ---- Once-keys ----------------------------------------------------------------------------------

TEST_F(SqliteEventStoreTest, AOnceKeyIsForgottenInSmallStepsAfterItsRetention) {
  std::atomic<int64_t> seconds = 1'000;
  const auto store = Open({.once_retention = std::chrono::seconds(100), .clock = [&seconds] {
                             return system_clock::time_point(std::chrono::seconds(seconds));
                           }});
  const auto append = [&](const std::string& key) {
    AppendRequest request{.once = OnceKey{"command", key}};
    request.streams.push_back({.stream = "order-1", .events = {{.type = "t"}}});
    const auto result = store->Append(request);
    EXPECT_THAT(result, IsOk());
    return result->repeated;
  };
  for (const char* key : {"a", "b", "c"}) EXPECT_FALSE(append(key));
  seconds += 100;
  EXPECT_TRUE(append("a")) << "still within its retention";
  seconds += 1;
  EXPECT_FALSE(append("d"));  // takes two of the three with it
  EXPECT_EQ(*store->FindOnce({"command", "a"}), std::nullopt);
  EXPECT_EQ(*store->FindOnce({"command", "b"}), std::nullopt);
  EXPECT_NE(*store->FindOnce({"command", "c"}), std::nullopt);
  EXPECT_FALSE(append("e"));
  EXPECT_EQ(*store->FindOnce({"command", "c"}), std::nullopt);
  EXPECT_NE(*store->FindOnce({"command", "d"}), std::nullopt);
}

// ---- Backup, Verify, Health ---------------------------------------------------------------------

TEST_F(SqliteEventStoreTest, ABackupIsALogOfItsOwnWithTheSameEvents) {
  const auto store = Open();
  Append(*store, "order-1");
  Append(*store, "order-2");
  ASSERT_THAT(store->Delete("order-2", ExpectedVersion::Any()), IsOk());
  ASSERT_THAT(store->Backup(dir_.File("copy.db")), IsOk());
  const auto copy = Open({.path = dir_.File("copy.db")});
  EXPECT_THAT(copy->Verify(), IsOk());
  EXPECT_EQ(copy->Head().value_or(Position()), Position(2));
  EXPECT_EQ(copy->Read(LogQuery{})->events.at(0).id, store->Read(LogQuery{})->events.at(0).id);
  EXPECT_NE(copy->incarnation(), store->incarnation());
  EXPECT_EQ(Append(*copy, "order-2"), (Appended{Version(2), Position(3)}));
}

TEST_F(SqliteEventStoreTest, ABackupReplacesNothing) {
  const auto store = Open();
  const std::string copy = dir_.File("copy.db");
  ASSERT_THAT(store->Backup(copy), IsOk());
  EXPECT_THAT(store->Backup(copy), HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(store->Backup(dir_.File("nowhere/copy.db")), HasCode(absl::StatusCode::kNotFound));
  EXPECT_FALSE(std::filesystem::exists(copy + ".part"));
}

TEST_F(SqliteEventStoreTest, ABackupWhileWritesGoOnIsOneMomentOfTheLog) {
  const auto store = Open({.durability = Durability::kProcess});
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; !done; ++i) Append(*store, "order-" + std::to_string(i % 100));
  });
  for (int i = 0; i < 5; ++i) {
    const std::string copy = dir_.File(absl::StrCat("copy", i, ".db"));
    const Position before = store->Head().value_or(Position());
    ASSERT_THAT(store->Backup(copy), IsOk());
    const auto opened = Open({.path = copy});
    EXPECT_THAT(opened->Verify(), IsOk());
    EXPECT_GE(opened->Head().value_or(Position()), before);
    EXPECT_LE(opened->Head().value_or(Position()), store->Head().value_or(Position()));
  }
  done = true;
  writer.join();
}

struct Damage {
  const char* name;
  const char* sql;
  const char* found;
};

class VerifyTest : public SqliteEventStoreTest, public testing::WithParamInterface<Damage> {};

TEST_P(VerifyTest, FindsIt) {
  {
    const auto store = Open();
    for (int i = 0; i < 3; ++i) Append(*store, "order-1");
    Append(*store, "order-2");
    ASSERT_THAT(store->Tombstone("order-2", ExpectedVersion::Any()), IsOk());
    ASSERT_THAT(store->Verify(), IsOk());
  }
  RunSql(path(), GetParam().sql);
  EXPECT_THAT(Open()->Verify(), Fails(absl::StatusCode::kDataLoss, GetParam().found));
}

INSTANTIATE_TEST_SUITE_P(
    Damages, VerifyTest,
    testing::Values(
        Damage{"AMissingEvent", "DELETE FROM event WHERE version = 2", "exactly its versions"},
        Damage{"AMissingLastEvent", "DELETE FROM event WHERE version = 3", "add up to the head"},
        Damage{"AMissingStream", "DELETE FROM stream WHERE name = 'order-1'", "no stream"},
        Damage{"AMissingType", "DELETE FROM type", "stands for nothing"},
        Damage{"AShortId", "UPDATE event SET id = x'00' WHERE version = 2", "no proper id"},
        Damage{"AFallenTime", "UPDATE event SET time = 1 WHERE version = 2", "time falls"},
        Damage{"AnEventOfATombstonedStream", "UPDATE stream SET tombstoned = 1", "tombstoned"},
        Damage{"AForgottenHead", "UPDATE log SET head = 0", "add up to the head"},
        Damage{"APositionBeforeTheFirst", "UPDATE event SET position = -1 WHERE version = 1",
               "before the first position"},
        Damage{"SwappedVersions",
               "UPDATE event SET version = 9 WHERE position = 1; UPDATE event SET version = 1 WHERE"
               " position = 2; UPDATE event SET version = 2 WHERE position = 1",
               "do not follow positions"}),
    [](const auto& info) { return info.param.name; });

TEST_F(SqliteEventStoreTest, AStoreIsHealthyAndTellsTheSizeOfItsLog) {
  const auto store = Open();
  Append(*store, "order-1");
  const StoreHealth health = store->Health();
  EXPECT_THAT(health.writable, IsOk());
  EXPECT_THAT(health.background, IsOk());
  EXPECT_GT(health.wal_bytes, 0);
  EXPECT_EQ(store->path(), std::filesystem::canonical(path()).string());
}

TEST_F(SqliteEventStoreTest, AReadThatStandsOpenIsReportedWhenTheLogOutgrowsItsLimit) {
  std::atomic<int> problems = 0;
  const auto store = Open({.durability = Durability::kProcess,
                           .wal_limit = 1 << 20,
                           .on_problem = [&](const absl::Status& problem) {
                             EXPECT_THAT(problem, Fails(absl::StatusCode::kUnavailable, "visitor"));
                             ++problems;
                           }});
  Append(*store, "order-1");
  const std::vector<NewEvent> large(10, {.type = "t", .payload = std::string(10'000, 'x')});
  const auto slow = store->Visit(StreamQuery{.stream = "order-1"}, [&](const RecordedEvent&) {
    for (int i = 0; i < 100 && problems == 0; ++i) {
      EXPECT_THAT(store->Append("order-2", ExpectedVersion::Any(), large), IsOk());
    }
    return absl::OkStatus();
  });
  EXPECT_THAT(slow, IsOk());
  EXPECT_EQ(problems, 1);
  EXPECT_FALSE(store->Health().background.ok());
  for (int i = 0; i < 100 && !store->Health().background.ok(); ++i) {
    EXPECT_THAT(store->Append("order-2", ExpectedVersion::Any(), large), IsOk());
  }
  EXPECT_THAT(store->Health().background, IsOk()) << "nothing stands in the way any more";
}

}  // namespace
}  // namespace daybook
