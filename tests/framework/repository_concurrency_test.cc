#include <atomic>
#include <barrier>
#include <thread>

#include "account.h"
#include "daybook/repository.h"
#include "status_testing.h"
#include "store_file.h"

namespace daybook::test {
namespace {

constexpr int kThreads = 4;
constexpr int kCommands = 50;

absl::StatusOr<Committed> DepositOne(Repository<Account>& accounts, const std::string& id,
                                     const ExecuteOptions& options = {}) {
  while (true) {
    auto answer = accounts.Execute(
        id, [](Account& account) { return account.Deposit(1); }, options);
    if (!IsConflict(answer.status())) return answer;
  }
}

// Runs `work(i)` on kThreads threads at once.
void InParallel(const std::function<void(int)>& work) {
  std::barrier start(kThreads);
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&start, &work, i] {
      start.arrive_and_wait();
      work(i);
    });
  }
}

TEST(RepositoryConcurrencyTest, NoUpdateIsLostInOneRepository) {
  const StoreFile file;
  const auto store = file.Open();
  Repository<Account> accounts(*store, {.max_attempts = 1});
  InParallel([&accounts](int) {
    for (int i = 0; i < kCommands; ++i) {
      EXPECT_THAT(accounts.Execute("1", [](Account& account) { return account.Deposit(1); }),
                  IsOk());
    }
  });
  EXPECT_EQ(accounts.Load("1")->balance(), kThreads * kCommands);
}

TEST(RepositoryConcurrencyTest, NoUpdateIsLostBetweenTwoProcessesOnOneFile) {
  const StoreFile file;
  const auto store = file.Open();
  const auto other_store = file.Open();
  Repository<Account> accounts(*store);
  Repository<Account> others(*other_store);
  InParallel([&](int thread) {
    Repository<Account>& mine = thread % 2 == 0 ? accounts : others;
    for (int i = 0; i < kCommands; ++i) EXPECT_THAT(DepositOne(mine, "1"), IsOk());
  });
  EXPECT_EQ(accounts.Load("1")->balance(), kThreads * kCommands);
  EXPECT_EQ(others.Load("1")->balance(), kThreads * kCommands);
  EXPECT_EQ(store->Head().value(), Position(kThreads * kCommands));
}

TEST(RepositoryConcurrencyTest, EachCommandIdHasHappenedOnceHoweverManyTry) {
  const StoreFile file;
  const auto store = file.Open();
  const auto other_store = file.Open();
  Repository<Account> accounts(*store);
  Repository<Account> others(*other_store);
  std::atomic<int> effective = 0;
  InParallel([&](int thread) {
    Repository<Account>& mine = thread % 2 == 0 ? accounts : others;
    for (int i = 0; i < kCommands; ++i) {
      const auto answer = DepositOne(mine, "1", {.once = OnceKey{"command", std::to_string(i)}});
      EXPECT_THAT(answer, IsOk());
      if (answer.ok() && !answer->repeated) ++effective;
    }
  });
  EXPECT_EQ(effective, kCommands);
  EXPECT_EQ(accounts.Load("1")->balance(), kCommands);
}

TEST(RepositoryConcurrencyTest, ReadersSeeVersionsThatMatchTheirState) {
  const StoreFile file;
  const auto store = file.Open();
  Repository<Account> accounts(*store, {.cached_aggregates = 2});
  InParallel([&accounts](int thread) {
    for (int i = 0; i < kCommands; ++i) {
      const std::string id = std::to_string(i % 4);
      if (thread % 2 == 0) {
        EXPECT_THAT(DepositOne(accounts, id), IsOk());
      } else if (const auto account = accounts.Load(id); account.ok()) {
        EXPECT_EQ(account->version().value(), account->balance());
        EXPECT_EQ(account->id(), id);
      } else {
        EXPECT_THAT(account, Fails(absl::StatusCode::kNotFound, ""));
      }
    }
  });
}

TEST(RepositoryConcurrencyTest, CommandsThatLookAtEachOthersAggregatesDoNotBlockEachOther) {
  const StoreFile file;
  const auto store = file.Open();
  Repository<Account> accounts(*store);
  ASSERT_THAT(DepositOne(accounts, "1"), IsOk());
  ASSERT_THAT(DepositOne(accounts, "2"), IsOk());
  std::barrier both_inside(2);
  const auto look_from = [&](const char* id, const char* other_id) {
    return accounts.Execute(id, [&](Account& account) {
      both_inside.arrive_and_wait();
      const auto other = accounts.Load(other_id);
      EXPECT_THAT(other, IsOk());
      both_inside.arrive_and_wait();
      return account.Deposit(1);
    });
  };
  {
    std::jthread one([&] { EXPECT_THAT(look_from("1", "2"), IsOk()); });
    std::jthread two([&] { EXPECT_THAT(look_from("2", "1"), IsOk()); });
  }
  EXPECT_EQ(store->Head().value(), Position(4));
}

}  // namespace
}  // namespace daybook::test
