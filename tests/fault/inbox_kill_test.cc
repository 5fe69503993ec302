// Guarantee 6 when the consuming process is killed at any instant, between an effect and its
// acknowledgement too: delivered again, each message has one effect, none is lost, and those of one
// key keep their order, the parked ones included.
//
// Long proof: 500 kills of each kind at DAYBOOK_TEST_SCALE=100.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "fault/child_process.h"
#include "fault/inbox_effects.h"
#include "fault/support.h"

namespace daybook::fault {
namespace {

using std::chrono::steady_clock;

class InboxKillTest : public testing::TestWithParam<bool> {
 protected:
  bool InTheFile() const { return GetParam(); }
  std::string Log() const { return InTheFile() ? "" : dir_.File("log.db"); }

  // Runs a process from the first message that is not acknowledged, kills it, and counts what it
  // has acknowledged.
  void RunAndKill(Mood mood) {
    ChildProcess child(DAYBOOK_INBOX_CHILD,
                       {dir_.File("inbox.db"), Log(), std::to_string(acknowledged_ + 1),
                        mood == Mood::kSick ? "sick" : "well"});
    ASSERT_TRUE(child.Next().has_value()) << "the child could not start";
    child.Poke();
    for (uint64_t left = 1 + random_() % 40; left > 0; --left) {
      const std::optional<Report> report = child.Next();
      ASSERT_TRUE(report.has_value()) << "the child ended by itself";
      acknowledged_ = report->version;
    }
    // Not always right behind a report.
    const auto instant = steady_clock::now() + std::chrono::microseconds(random_() % 500);
    while (steady_clock::now() < instant) {
    }
    child.Kill();
    while (const std::optional<Report> report = child.Next()) acknowledged_ = report->version;
    child.Wait();
  }

  std::unique_ptr<SqliteEventStore> OpenLog() {
    if (InTheFile()) return nullptr;
    auto log = SqliteEventStore::Open({.path = Log()});
    EXPECT_THAT(log, IsOk());
    return log.ok() ? *std::move(log) : nullptr;
  }

  // The numbers whose effects are there, in their order.
  std::vector<int64_t> Effects(EventStore* log) {
    std::vector<int64_t> effects;
    if (log != nullptr) {
      std::map<EventId, int64_t> numbers;
      for (int64_t n = 1; n < acknowledged_ + kRest; ++n) {
        numbers.emplace(MakeId(static_cast<uint64_t>(n), 0), n);
      }
      const auto entries = ReadLog(*log);
      EXPECT_THAT(entries, IsOk());
      for (const LogEntry& entry : *entries) effects.push_back(numbers[entry.id]);
      return effects;
    }
    RawDb db(dir_.File("inbox.db"));
    sqlite3_exec(
        db.get(), "SELECT number FROM effect ORDER BY place",
        [](void* to, int, char** values, char**) {
          static_cast<std::vector<int64_t>*>(to)->push_back(std::atoll(values[0]));
          return 0;
        },
        &effects, nullptr);
    return effects;
  }

  // Far more than a process receives before it learns that it is dead.
  static constexpr int64_t kRest = 100'000;

  TempDir dir_;
  std::mt19937_64 random_{6};
  int64_t acknowledged_ = 0;
};
INSTANTIATE_TEST_SUITE_P(, InboxKillTest, testing::Bool(), [](const auto& info) {
  return info.param ? "EffectsInTheFile" : "EffectsInALog";
});

TEST_P(InboxKillTest, EachMessageHasOneEffectWheneverItsConsumerIsKilled) {
  // given: processes that are killed, of which each second replays what the others have parked
  const int64_t kills = Scaled(500, 50);
  int64_t repeats = 0, parked = 0;
  for (int64_t kill = 0; kill < kills && !HasFailure(); ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill));
    RunAndKill(kill % 2 == 1 ? Mood::kWell : Mood::kSick);
    const auto log = OpenLog();
    const std::vector<int64_t> effects = Effects(log.get());
    repeats += std::any_of(effects.begin(), effects.end(),
                           [&](int64_t number) { return number > acknowledged_; });
    RawDb db(dir_.File("inbox.db"));
    parked += db.Int("SELECT count(*) FROM daybook_parked_message");
  }
  ASSERT_FALSE(HasFailure());
  EXPECT_GT(repeats, kills / 8) << "few effects were there whose acknowledgement was not";
  EXPECT_GT(parked, kills / 4);
  // when: what is left is delivered, and replayed
  const auto log = OpenLog();
  auto inbox =
      Inbox::Open(EffectOptions(dir_.File("inbox.db")),
                  InTheFile() ? EffectsInTheFile(Mood::kWell) : EffectsInALog(*log, Mood::kWell));
  ASSERT_THAT(inbox, IsOk());
  const std::vector<int64_t> before = Effects(log.get());
  const int64_t last =
      std::max(acknowledged_, before.empty() ? 0 : *std::max_element(before.begin(), before.end()));
  for (int64_t number = acknowledged_ + 1; number <= last; ++number) {
    EXPECT_THAT((*inbox)->Receive(MessageOf(number)), IsOk());
  }
  EXPECT_THAT((*inbox)->ReplayAll(), IsOk());
  // then
  std::map<int64_t, int64_t> last_of_key;
  std::set<int64_t> seen;
  for (const int64_t number : Effects(log.get())) {
    EXPECT_TRUE(seen.insert(number).second) << number << " has two effects";
    EXPECT_LT(last_of_key[KeyOf(number)], number) << "not in order";
    last_of_key[KeyOf(number)] = number;
  }
  for (int64_t number = 1; number <= last; ++number) {
    EXPECT_TRUE(seen.contains(number)) << number << " is lost";
  }
  EXPECT_THAT((*inbox)->Parked(), IsOk());
  EXPECT_TRUE((*inbox)->Parked()->empty());
}

}  // namespace
}  // namespace daybook::fault
