// Guarantee 2: two writers never both succeed at the same expected version, in one process or in
// several; and no process starves.

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "fault/child_process.h"
#include "fault/support.h"

namespace daybook::fault {
namespace {

struct Race {
  std::vector<Report> wins;
  std::array<int64_t, 2> by_process{};
};

// Two processes play a role on one file until they have reported `wins` successes together.
Race RunRace(const std::string& path, const std::string& role, int threads, int64_t wins) {
  Race race;
  ChildProcess a({role, path, "a", std::to_string(threads)});
  ChildProcess b({role, path, "b", std::to_string(threads)});
  std::array<ChildProcess*, 2> children = {&a, &b};
  for (ChildProcess* child : children) EXPECT_TRUE(child->Next().has_value());
  for (ChildProcess* child : children) child->Poke();
  std::array<pollfd, 2> ready = {pollfd{a.output(), POLLIN, 0}, pollfd{b.output(), POLLIN, 0}};
  size_t open = children.size();
  while (open > 0 && poll(ready.data(), ready.size(), -1) > 0) {
    for (size_t i = 0; i < children.size(); ++i) {
      if (ready[i].revents == 0) continue;
      if (const std::optional<Report> report = children[i]->Next()) {
        race.wins.push_back(*report);
        if (static_cast<int64_t>(race.wins.size()) <= wins) ++race.by_process[i];
      } else {
        ready[i].fd = -1;
        --open;
      }
    }
    if (static_cast<int64_t>(race.wins.size()) < wins) continue;
    for (ChildProcess* child : children) child->CloseInput();
  }
  for (ChildProcess* child : children) EXPECT_EQ(child->Wait(), 0);
  return race;
}

void ExpectFair(const Race& race) {
  const int64_t all = race.by_process[0] + race.by_process[1];
  std::cout << "[ share    ] " << race.by_process[0] << " : " << race.by_process[1] << std::endl;
  for (const int64_t share : race.by_process) EXPECT_GE(share * 4, all);
}

// Each acknowledged (stream, version) was won once, and holds the event that was acknowledged.
void ExpectOneWinnerEach(const Race& race, const std::string& path) {
  auto store = SqliteEventStore::Open({.path = path});
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT((*store)->Verify(), IsOk());
  const absl::StatusOr<std::vector<LogEntry>> log = ReadLog(**store);
  ASSERT_THAT(log, IsOk());
  std::map<std::pair<std::string, int64_t>, const LogEntry*> stored;
  for (const LogEntry& entry : *log) stored[{entry.stream, entry.version.value()}] = &entry;
  EXPECT_EQ(stored.size(), log->size());
  EXPECT_EQ(race.wins.size(), log->size());
  std::set<std::pair<std::string, int64_t>> won;
  for (const Report& win : race.wins) {
    const std::pair<std::string, int64_t> place(win.stream.data(), win.version);
    EXPECT_TRUE(won.insert(place).second) << place.first << " version " << place.second;
    ASSERT_TRUE(stored.contains(place)) << place.first << " version " << place.second;
    EXPECT_EQ(stored[place]->id, EventId(win.id));
    EXPECT_EQ(stored[place]->position, Position(win.position));
  }
}

TEST(RaceTest, EachVersionHasOneWinnerAndEachProcessItsShare) {
  TempDir dir;
  const Race race = RunRace(dir.File("log.db"), "race", 8, Scaled(100'000, 20'000));
  ExpectFair(race);
  ExpectOneWinnerEach(race, dir.File("log.db"));
}

// The part of the log that was written while both of two streams were being written.
std::vector<LogEntry> WhileBothWrote(std::vector<LogEntry> log) {
  const auto is_first = [&](const LogEntry& entry) { return entry.stream == log.front().stream; };
  const auto begin = std::find_if_not(log.begin(), log.end(), is_first);
  const bool first_ended_first = !is_first(log.back());
  const auto end = std::find_if(log.rbegin(), log.rend(), [&](const LogEntry& entry) {
    return is_first(entry) == first_ended_first;
  });
  return std::vector<LogEntry>(begin, std::max(begin, end.base()));
}

TEST(RaceTest, TwoCommittingProcessesTakeTurns) {
  // given
  TempDir dir;
  const std::string path = dir.File("log.db");
  const std::string appends = std::to_string(Scaled(100'000, 10'000));
  {
    ChildProcess a({"greedy", path, "a", appends});
    ChildProcess b({"greedy", path, "b", appends});
    for (ChildProcess* child : {&a, &b}) ASSERT_TRUE(child->Next().has_value());
    // when
    for (ChildProcess* child : {&a, &b}) child->Poke();
    for (ChildProcess* child : {&a, &b}) ASSERT_EQ(child->Wait(), 0);
  }
  // then
  auto store = SqliteEventStore::Open({.path = path});
  ASSERT_THAT(store, IsOk());
  absl::StatusOr<std::vector<LogEntry>> log = ReadLog(**store);
  ASSERT_THAT(log, IsOk());
  const std::vector<LogEntry> together = WhileBothWrote(*std::move(log));
  int64_t of_a = 0, turns = 0;
  for (size_t i = 1; i < together.size(); ++i) {
    of_a += together[i].stream == "greedy-a" ? 1 : 0;
    turns += together[i].stream != together[i - 1].stream ? 1 : 0;
  }
  const auto all = static_cast<int64_t>(together.size());
  std::cout << "[ share    ] " << of_a << " of " << all << " in " << turns << " turns" << std::endl;
  EXPECT_GT(all, 1000);
  EXPECT_GE(of_a * 4, all);
  EXPECT_LE(of_a * 4, all * 3);
}

TEST(RaceTest, EightThreadsDoNotCrowdOutTheOneOfAnotherProcess) {
  TempDir dir;
  const std::string path = dir.File("log.db");
  ChildProcess crowd({"silent", path, "crowd", "8"});
  ASSERT_TRUE(crowd.Next().has_value());
  crowd.Poke();
  auto store = SqliteEventStore::Open({.path = path});
  ASSERT_THAT(store, IsOk());
  Position first, last;
  for (int i = 0; i < 200; ++i) {
    auto at = (*store)->Append("lone-1", Version(i), {MakeEvent({})});
    ASSERT_THAT(at, IsOk());
    last = at->position;
    if (i == 0) first = last;
  }
  // In turn, each of its commits lets at most a group or two of the crowd's go by.
  EXPECT_LT(last - first, 200 * 8 * 4);
}

}  // namespace
}  // namespace daybook::fault
