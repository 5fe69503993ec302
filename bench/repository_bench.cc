// Aggregates: commands and replay, against the statements that they come to.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "account_events.pb.h"
#include "daybook/repository.h"
#include "stores.h"

namespace daybook::bench {
namespace {

constexpr int kAccounts = 100;
constexpr int kHistory = 1000;

Deposited SomeDeposit() {
  Deposited deposit;
  deposit.set_amount_minor(1999);
  deposit.set_reference("transfer 2024-06-01/4711");
  return deposit;
}

class Account : public Aggregate<Account, Events<Deposited>> {
 public:
  static constexpr std::string_view kCategory = "account";

  absl::Status Deposit(const Deposited& deposit) { return Emit(deposit); }
  int64_t balance() const { return balance_; }

 private:
  friend Aggregate;
  void Apply(const Deposited& event) { balance_ += event.amount_minor(); }

  int64_t balance_ = 0;
};

// Opens a store that holds the accounts, each with its history.
std::unique_ptr<SqliteEventStore> FillAndOpen(const std::string& path, Durability durability) {
  const std::vector<NewEvent> history(kHistory, {.type = Deposited::descriptor()->full_name(),
                                                 .payload = SomeDeposit().SerializeAsString()});
  auto store = OpenStore(path, Durability::kProcess);
  for (int account = 0; account < kAccounts; ++account) {
    OrDie(
        store->Append("account-" + std::to_string(account), ExpectedVersion::NoStream(), history));
  }
  store.reset();
  return OpenStore(path, durability);
}

class Accounts {
 public:
  Accounts(const std::string& path, Durability durability)
      : store_(FillAndOpen(path, durability)),
        cached_(*store_),
        uncached_(*store_, {.cached_aggregates = 0}) {
    cause_.set_correlation_id("0190163d-8694-739b-aea5-966c26f8ad91");
  }

  const std::string& path() const { return store_->path(); }

  void Execute() {
    OrDie(cached_.Execute(NextId(), [](Account& account) { return account.Deposit(SomeDeposit()); },
                          {.cause = cause_}));
  }

  int64_t LoadCold() { return OrDie(uncached_.Load(NextId())).balance(); }

 private:
  std::string NextId() { return std::to_string(next_++ % kAccounts); }

  std::unique_ptr<SqliteEventStore> store_;
  Repository<Account> cached_, uncached_;
  Metadata cause_;
  int next_ = 0;
};

void AddExecute(const ScratchFolder& folder, const std::shared_ptr<Lazy<RawLog>>& sqlite,
                const Promise& promise) {
  const std::string work = std::string("a command that emits 1 event, ") + promise.name;
  const int iterations = promise.durability == Durability::kPowerLoss ? 500 : 5000;
  Add(work, "sqlite", iterations, [=](benchmark::State& state) {
    RawLog& log = sqlite->get();
    log.SetSynchronous(promise.synchronous);
    for (auto _ : state) {
      const std::string payload = SomeDeposit().SerializeAsString();
      log.Begin();
      log.Append(log.AnyStream() % kAccounts + 1, 1, payload);
      log.Commit();
    }
    state.SetItemsProcessed(state.iterations());
  })->UseRealTime();
  auto accounts = std::make_shared<Lazy<Accounts>>([&folder, promise] {
    return std::make_unique<Accounts>(folder.File(std::string("account-") + promise.name + ".db"),
                                      promise.durability);
  });
  Add(work, "daybook Execute", iterations, [=](benchmark::State& state) {
    for (int i = 0; i < kAccounts; ++i) accounts->get().Execute();  // into the cache
    for (auto _ : state) accounts->get().Execute();
    state.SetItemsProcessed(state.iterations());
  })->UseRealTime();
}

// The balance, by one statement that reads what replay needs.
int64_t Replay(RawStatement& rows, Deposited& event, int64_t account) {
  int64_t balance = 0;
  rows.Text(1, "account-" + std::to_string(account));
  while (rows.Step()) {
    const std::string_view payload = rows.ColumnBytes(2);
    event.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
    balance += event.amount_minor();
  }
  return balance;
}

void AddLoad(const ScratchFolder& folder) {
  const std::string work = "load an aggregate of 1000 events";
  constexpr int kIterations = 50;
  auto accounts = std::make_shared<Lazy<Accounts>>([&folder] {
    return std::make_unique<Accounts>(folder.File("load.db"), Durability::kProcess);
  });
  Add(work, "sqlite", kIterations, [=](benchmark::State& state) {
    RawDatabase db(accounts->get().path());
    RawStatement rows = db.Prepare(
        "SELECT version, type, payload FROM event WHERE stream = (SELECT key FROM stream WHERE "
        "name = ?1) ORDER BY version");
    Deposited event;
    int64_t account = 0;
    for (auto _ : state) {
      benchmark::DoNotOptimize(Replay(rows, event, account++ % kAccounts));
    }
    state.SetItemsProcessed(state.iterations() * kHistory);
  });
  Add(work, "daybook Load", kIterations, [=](benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(accounts->get().LoadCold());
    state.SetItemsProcessed(state.iterations() * kHistory);
  });
}

}  // namespace

void AddRepository(const ScratchFolder& folder) {
  auto sqlite = std::make_shared<Lazy<RawLog>>([&folder] {
    return std::make_unique<RawLog>(folder.File("command-sqlite.db"), ChosenLayout());
  });
  for (const Promise& promise : kPromises) AddExecute(folder, sqlite, promise);
  AddLoad(folder);
}

}  // namespace daybook::bench
