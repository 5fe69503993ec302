#include "bank.h"

#include <daybook/publisher.h>
#include <daybook/repository.h>
#include <daybook/sqlite_event_store.h>

#include <chrono>

using bank::contracts::v1::BalanceChanged;
using bank::v1::Deposited, bank::v1::Withdrawn;

BalanceChanged Changed(const daybook::RecordedEvent& at, int64_t cents) {
  BalanceChanged out;
  out.set_account(std::string(at.stream_id()));
  out.set_by_cents(cents);
  return out;
}

daybook::Translator Contracts() {
  daybook::Translator contracts({.source = "/bank/accounts"});
  contracts.On([](const Deposited& event, const daybook::RecordedEvent& at) {
    return Changed(at, event.cents());
  });
  contracts.On([](const Withdrawn& event, const daybook::RecordedEvent& at) {
    return Changed(at, -event.cents());
  });
  return contracts;
}

absl::Status Run(const std::string& path, daybook::Transport& transport) {
  auto store = daybook::SqliteEventStore::Open({.path = path});
  if (!store.ok()) return store.status();
  daybook::Repository<Account> accounts(**store);
  for (auto [id, cents] : {std::pair("ada", 500), {"bob", 120}, {"cyd", 80}}) {
    auto paid = accounts.Execute(id, [c = cents](Account& account) { return account.Deposit(c); });
    if (!paid.ok()) return paid.status();
  }
  auto drawn = accounts.Execute("ada", [](Account& account) { return account.Withdraw(150); });
  if (!drawn.ok()) return drawn.status();

  daybook::Subscription publisher(**store, {.name = "bank-events", .category = "account"},
                                  daybook::PublishTo(Contracts(), transport));
  if (absl::Status started = publisher.Start(); !started.ok()) return started;
  absl::Status done = publisher.WaitUntil(
      drawn->position, std::chrono::steady_clock::now() + std::chrono::seconds(10));
  if (done.ok() && publisher.Health().parked_records > 0) {
    return absl::AbortedError("some could not be published, and are parked");
  }
  return done;
}
