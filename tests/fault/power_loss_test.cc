// Guarantee 1: what was acknowledged under kPowerLoss survives the loss of everything not synced.
//
// Long proof: 2,000 histories at DAYBOOK_TEST_SCALE=100. DAYBOOK_TEST_SEED runs one history alone.

#include <gtest/gtest.h>

#include <vector>

#include "daybook/status.h"
#include "fault/fault_vfs.h"
#include "fault/history.h"
#include "fault/support.h"

namespace daybook::fault {
namespace {

constexpr int kShards = 8;

std::string Rerun(uint64_t seed) {
  return "seed " + std::to_string(seed) + ": DAYBOOK_TEST_SEED=" + std::to_string(seed) +
         " runs it alone";
}

std::vector<uint64_t> Seeds(uint64_t shard, int64_t histories) {
  if (const std::optional<uint64_t> forced = ForcedSeed()) {
    if (*forced % kShards == shard) return {*forced};
    return {};
  }
  std::vector<uint64_t> seeds;
  for (uint64_t seed = shard; seed < static_cast<uint64_t>(histories); seed += kShards) {
    seeds.push_back(seed);
  }
  return seeds;
}

// A call of those that the history makes; often one of those that make the file.
int64_t CutPoint(const HistoryOptions& options, std::mt19937_64& random) {
  constexpr uint64_t kMakingTheFile = 60;
  if (random() % 8 == 0) return 1 + static_cast<int64_t>(random() % kMakingTheFile);
  TempDir dir;
  FaultVfs vfs(options.seed);
  RunHistory(dir.File("log.db"), vfs, options);
  return 1 + static_cast<int64_t>(random() % static_cast<uint64_t>(vfs.calls()));
}

// Runs a history until the power goes at an arbitrary call, and leaves in `after` what the disk
// holds then.
History RunUntilPowerIsCut(const HistoryOptions& options, std::mt19937_64& random,
                           const TempDir& after) {
  TempDir before;
  FaultVfs vfs(options.seed);
  vfs.CutPowerAt(CutPoint(options, random));
  History history = RunHistory(before.File("log.db"), vfs, options);
  vfs.CutPower();
  vfs.Materialize(after.path(), random());
  return history;
}

// Opens the file as it was left, with the power going once more in the midst of the recovery, and
// leaves what remains in `after`.
void CrashWhileRecovering(const TempDir& before, const TempDir& after, std::mt19937_64& random) {
  FaultVfs vfs(random());
  vfs.Adopt(before.path());
  vfs.CutPowerAt(1 + static_cast<int64_t>(random() % 60));
  SqliteEventStore::Open({.path = before.File("log.db"), .vfs = vfs.name()}).status().IgnoreError();
  vfs.CutPower();
  vfs.Materialize(after.path(), random());
}

// Whoever repeats what was in doubt learns what happened, and it has happened once.
void RepeatWhatWasInDoubt(const Ledger& ledger, SqliteEventStore& store) {
  for (const AppendRequest& request : ledger.in_doubt()) {
    bool comparable = !request.streams.empty() || request.once.has_value();
    for (const StreamAppend& append : request.streams) {
      comparable = comparable && (request.once || append.expected.exact());
    }
    if (!comparable) continue;
    absl::StatusOr<AppendResult> first = store.Append(request);
    if (IsConflict(first.status())) continue;  // one of the requests that had to conflict
    ASSERT_THAT(first, IsOk());
    absl::StatusOr<AppendResult> second = store.Append(request);
    ASSERT_THAT(second, IsOk());
    EXPECT_TRUE(second->repeated);
    EXPECT_EQ(second->streams, first->streams);
  }
}

void AppendOnward(const History& history, SqliteEventStore& store) {
  for (const auto& [stream, version] : history.streams) {
    absl::StatusOr<StreamState> state = store.State(stream);
    ASSERT_THAT(state, IsOk());
    if (state->tombstoned) continue;  // the tombstone was in doubt, and happened
    absl::StatusOr<Appended> appended = store.Append(stream, state->version, {MakeEvent({})});
    ASSERT_THAT(appended, IsOk());
    EXPECT_EQ(appended->version, state->version + 1);
    EXPECT_GT(appended->position, history.ledger.last_position());
  }
  EXPECT_THAT(store.Verify(), IsOk());
}

constexpr char kStream[] = "order-1";

absl::StatusOr<Appended> Append(SqliteEventStore& store, Version expected) {
  return store.Append(kStream, expected, {MakeEvent({})});
}

class PowerLossTest : public testing::TestWithParam<int> {};

TEST_P(PowerLossTest, EveryAcknowledgedAppendIsThereAfterAPowerCut) {
  for (const uint64_t seed : Seeds(GetParam(), Scaled(2000, kShards))) {
    SCOPED_TRACE(Rerun(seed));
    // given: a history, cut at an arbitrary I/O call
    std::mt19937_64 random(seed);
    TempDir after, after_again;
    const History history = RunUntilPowerIsCut({.seed = seed}, random, after);
    EXPECT_THAT(history.surprises, testing::IsEmpty());

    // when: the power is back, and in one of three goes again during the recovery
    const bool twice = random() % 3 == 0;
    if (twice) CrashWhileRecovering(after, after_again, random);
    auto store = SqliteEventStore::Open({.path = (twice ? after_again : after).File("log.db")});
    ASSERT_THAT(store, IsOk());

    // then
    const Findings findings = history.ledger.Compare(**store);
    ASSERT_TRUE(findings.none()) << findings;
    RepeatWhatWasInDoubt(history.ledger, **store);
    AppendOnward(history, **store);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Shard, PowerLossTest, testing::Range(0, kShards));

// A process is killed between the write of a commit and its sync; the next one finds the commit,
// and tells of it; then the power goes. What was told must still be there.
TEST(RecoveryTest, WhatTheFirstOpenerTellsSurvivesAPowerCut) {
  constexpr int kSpan = 60;
  int recovered = 0;
  for (int64_t kill = 0; kill < kSpan && !HasFailure(); ++kill) {
    SCOPED_TRACE("killed at call " + std::to_string(kill));
    // given
    TempDir before;
    FaultVfs vfs(1);
    const auto open = [&] {
      return SqliteEventStore::Open({.path = before.File("log.db"), .vfs = vfs.name()});
    };
    auto store = open();
    ASSERT_THAT(store, IsOk());
    vfs.KillAt(vfs.calls() + 1 + kill);
    Version acknowledged;
    for (auto at = Append(**store, acknowledged); at.ok(); at = Append(**store, acknowledged)) {
      acknowledged = at->version;
    }
    store->reset();
    vfs.Restart();
    // when
    store = open();
    ASSERT_THAT(store, IsOk());
    const absl::StatusOr<StreamState> told = (*store)->State(kStream);
    ASSERT_THAT(told, IsOk());
    EXPECT_GE(told->version, acknowledged);
    recovered += told->version > acknowledged ? 1 : 0;
    // then
    for (uint64_t seed = 0; seed < 4; ++seed) {
      TempDir after;
      vfs.Materialize(after.path(), seed);
      auto again = SqliteEventStore::Open({.path = after.File("log.db")});
      ASSERT_THAT(again, IsOk());
      EXPECT_GE((*again)->State(kStream)->version, told->version);
    }
  }
  EXPECT_GT(recovered, 0) << "no kill hit the time between a write and its sync";
}

// What this harness finds when a store does not sync its commits: were it nothing, the proof above
// would prove nothing.
TEST(PowerLossControlTest, UnderKProcessThePowerCutTakesCommitsAndOnlyTheNewest) {
  constexpr int kHistories = 40;
  int lossy = 0;
  for (uint64_t seed = 0; seed < kHistories; ++seed) {
    SCOPED_TRACE(Rerun(seed));
    std::mt19937_64 random(seed);
    TempDir after;
    const History history =
        RunUntilPowerIsCut({.seed = seed, .durability = Durability::kProcess}, random, after);
    auto store = SqliteEventStore::Open({.path = after.File("log.db")});
    ASSERT_THAT(store, IsOk());
    const Findings findings = history.ledger.Compare(**store);
    EXPECT_THAT(findings.wrong, testing::IsEmpty());
    EXPECT_LT(findings.last_kept, findings.first_lost);
    lossy += findings.lost.empty() ? 0 : 1;
  }
  EXPECT_GT(lossy, kHistories / 4);
}

}  // namespace
}  // namespace daybook::fault
