// Guarantee 4, SIGKILL at any instant: the tables and the checkpoint agree.
//
// Long proof: 500 kills at DAYBOOK_TEST_SCALE=100.

#include <filesystem>
#include <random>

#include "fault/child_process.h"
#include "projection_testing.h"

namespace daybook::test {
namespace {

class ProjectionKillTest : public ProjectionTesting {
 protected:
  // Moves money, with now and then an event that is none of the ledger's business.
  void AppendAtRandom(int events) {
    for (int i = 0; i < events; ++i) {
      const std::string account = "account-" + std::to_string(random_() % 7);
      const auto amount = static_cast<int64_t>(random_() % 1000);
      switch (random_() % 8) {
        case 0:
          Append("order-1", Deposit(amount));
          break;
        case 1:
          Append(account, Withdrawal(amount));
          break;
        default:
          Append(account, Deposit(amount));
      }
    }
  }

  Position Shown() {
    const auto rows = reader_.Query("SELECT position FROM daybook_projection");
    return rows.ok() ? Position(rows->front().Int(0)) : Position(0);
  }

  bool IsMade(int64_t version) const {
    return std::filesystem::exists(Model(version)) &&
           fault::RawDb(Model(version)).Int("PRAGMA application_id") != 0;
  }

  std::mt19937_64 random_{4};
  ProjectionReader reader_{*store_, "ledger", folder_.path()};
};

TEST_F(ProjectionKillTest, TheTablesAgreeWithTheCheckpointWheneverItsProcessIsKilled) {
  const int64_t kills = fault::Scaled(500, 50);
  int64_t at_work = 0;
  for (int64_t kill = 0; kill < kills && !HasFailure(); ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill));
    // given: a process that fills tables, and with every fourth kill another version of them
    AppendAtRandom(static_cast<int>(random_() % 300));
    fault::ChildProcess child(DAYBOOK_PROJECTION_CHILD,
                              {Log(), folder_.path(), kill % 4 == 1 ? "rebuild" : ""});
    ASSERT_TRUE(child.Next().has_value()) << "the child could not start";
    // when: it is killed, somewhere behind where it has been seen
    const Position target = *store_->Head() + static_cast<int64_t>(random_() % 60);
    Await([&] {
      AppendAtRandom(1);
      return Shown() >= target;
    });
    AppendAtRandom(static_cast<int>(random_() % 4));
    child.Kill();
    child.Wait();
    // then
    for (int64_t version = 1; version <= kills; ++version) {
      if (!IsMade(version)) continue;
      const Position position = ExpectAgreement(Model(version), *store_);
      if (position < *store_->Head()) ++at_work;
    }
  }
  EXPECT_GT(at_work, kills / 2) << "few were killed at work";
  // and whoever comes next goes on from there
  SqliteProjection ledger(*store_, Options(), LedgerHandlers());
  ASSERT_THAT(ledger.Start(), IsOk());
  EXPECT_THAT(ledger.WaitUntil(*store_->Head(), Soon()), IsOk());
  Await([&] { return !GetProjection(*store_, "ledger")->rebuilding.has_value(); });
  const int64_t version = GetProjection(*store_, "ledger")->version;
  EXPECT_GT(version, 1);
  ledger.Stop();
  EXPECT_EQ(ExpectAgreement(Model(version), *store_), *store_->Head());
}

}  // namespace
}  // namespace daybook::test
