// Guarantee 1, SIGKILL at any instant: what was acknowledged stays, at its version and position.
//
// Long proof: 200 kills at DAYBOOK_TEST_SCALE=100.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "fault/child_process.h"
#include "fault/support.h"

namespace daybook::fault {
namespace {

using Acknowledged = std::map<EventId, Report>;

void Note(const Report& report, Acknowledged& acknowledged) {
  acknowledged.emplace(EventId(report.id), report);
}

// Each acknowledged event is there, where it was said to be; no version and no position twice.
void ExpectAllThere(const Acknowledged& acknowledged, const std::vector<LogEntry>& log) {
  std::set<std::pair<std::string, Version>> versions;
  Position last;
  size_t found = 0;
  for (const LogEntry& entry : log) {
    ASSERT_GT(entry.position, last);
    last = entry.position;
    ASSERT_TRUE(versions.emplace(entry.stream, entry.version).second) << entry.stream;
    auto told = acknowledged.find(entry.id);
    if (told == acknowledged.end()) continue;
    ++found;
    ASSERT_EQ(entry.stream, told->second.stream.data());
    ASSERT_EQ(entry.version, Version(told->second.version));
    ASSERT_EQ(entry.position, Position(told->second.position));
  }
  EXPECT_EQ(found, acknowledged.size()) << "acknowledged appends are missing";
}

TEST(KillTest, NothingAcknowledgedIsLostWhenAnAppendingProcessIsKilled) {
  TempDir dir;
  const std::string path = dir.File("log.db");
  std::mt19937_64 random(1);
  Acknowledged acknowledged;
  const int64_t kills = Scaled(200, 10);
  for (int64_t kill = 0; kill < kills && !HasFailure(); ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill));
    // given: eight threads appending in another process
    ChildProcess child({"append", path, std::to_string(kill), "8"});
    ASSERT_TRUE(child.Next().has_value()) << "the child could not open the log";
    child.Poke();
    // when: it is killed, wherever it is
    for (uint64_t left = random() % 400; left > 0; --left) {
      const std::optional<Report> report = child.Next();
      ASSERT_TRUE(report.has_value()) << "the child ended by itself";
      Note(*report, acknowledged);
    }
    child.Kill();
    while (const std::optional<Report> report = child.Next()) Note(*report, acknowledged);
    child.Wait();
    // then
    auto store = SqliteEventStore::Open({.path = path});
    ASSERT_THAT(store, IsOk());
    EXPECT_THAT((*store)->Verify(), IsOk());
    const absl::StatusOr<std::vector<LogEntry>> log = ReadLog(**store);
    ASSERT_THAT(log, IsOk());
    ExpectAllThere(acknowledged, *log);
  }
}

// A writer that dies in the turnstile, or holding SQLite's lock, leaves the others a free way.
TEST(KillTest, AKilledWriterBlocksNobody) {
  TempDir dir;
  const std::string path = dir.File("log.db");
  auto store = SqliteEventStore::Open({.path = path, .busy_timeout = std::chrono::seconds(60)});
  ASSERT_THAT(store, IsOk());
  std::mt19937_64 random(2);
  const int64_t kills = Scaled(100, 10);
  for (int64_t kill = 0; kill < kills; ++kill) {
    // given
    ChildProcess child({"only", path, std::to_string(kill), "2"});
    ASSERT_TRUE(child.Next().has_value());
    child.Poke();
    for (uint64_t left = 1 + random() % 50; left > 0; --left) {
      ASSERT_TRUE(child.Next().has_value());
    }
    // when
    child.Kill();
    // then
    const auto before = std::chrono::steady_clock::now();
    ASSERT_THAT((*store)->Append("survivor-1", ExpectedVersion::Any(), {MakeEvent({})}), IsOk());
    ASSERT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
    while (child.Next().has_value()) {
    }
  }
  EXPECT_THAT((*store)->Verify(), IsOk());
}

}  // namespace
}  // namespace daybook::fault
