#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "fault/support.h"
#include "gtest/gtest.h"
#include "subscription/engine_world.h"

namespace daybook::internal {
namespace {

constexpr int64_t kShards = 10;

// Of each shard: 10,000 in all at a tenth, a million at the whole.
int64_t Histories() {
  const int64_t percent = fault::Scaled(100);
  return 10 * percent * percent;
}

constexpr size_t kShownSteps = 500;

std::string Tell(uint64_t seed, const std::string& wrong) {
  std::vector<std::string> steps;
  try {
    World(seed, &steps).Run();
  } catch (const WrongStep&) {
  }
  std::string story = "DAYBOOK_TEST_SEED=" + std::to_string(seed) + ": " + wrong;
  const size_t first = steps.size() > kShownSteps ? steps.size() - kShownSteps : 0;
  if (first > 0) story += "\n  (" + std::to_string(first) + " steps)";
  for (size_t i = first; i < steps.size(); ++i) story += "\n  " + steps[i];
  return story;
}

volatile uint64_t current_seed = 0;

// An assertion of the engine itself.
void TellSeed(int) {
  std::fprintf(stderr, "DAYBOOK_TEST_SEED=%llu aborts\n",
               static_cast<unsigned long long>(current_seed));
}

struct Totals {
  int64_t counted = 0;
  int64_t tried = 0;
  int64_t resets = 0;
  int64_t most_repeats = 0;
};

// False: it was wrong.
bool RunOne(uint64_t seed, Totals& totals) {
  current_seed = seed;
  try {
    const World::Seen seen = World(seed).Run();
    ++totals.tried;
    totals.resets += seen.resets;
    totals.most_repeats = std::max(totals.most_repeats, seen.most_repeats);
    if (seen.parks > 0 && seen.crashes > 0 && seen.lease_changes > 0) ++totals.counted;
    return true;
  } catch (const WrongStep& wrong) {
    ADD_FAILURE() << Tell(seed, wrong.what());
    return false;
  }
}

class EngineModelTest : public ::testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { std::signal(SIGABRT, TellSeed); }
  void TearDown() override { std::signal(SIGABRT, SIG_DFL); }
};

// A history counts with a parked record, a crash and a change of the owner.
TEST_P(EngineModelTest, EveryRecordIsHandledInOrderOrParked) {
  Totals totals;
  if (const std::optional<uint64_t> seed = fault::ForcedSeed()) {
    RunOne(*seed, totals);
    return;
  }
  const int64_t wanted = Histories();
  const auto first = static_cast<uint64_t>(GetParam() * 1'000'000'000);
  for (uint64_t seed = first; totals.counted < wanted; ++seed) {
    if (!RunOne(seed, totals)) return;
  }
  std::printf(
      "%lld histories with a park, a crash and a lease change, of %lld; %lld resets; "
      "at most %lld records to repeat\n",
      static_cast<long long>(totals.counted), static_cast<long long>(totals.tried),
      static_cast<long long>(totals.resets), static_cast<long long>(totals.most_repeats));
}

INSTANTIATE_TEST_SUITE_P(Shards, EngineModelTest, ::testing::Range(int64_t{0}, kShards));

}  // namespace
}  // namespace daybook::internal
