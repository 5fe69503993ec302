// A read model: the balances of all accounts, in a SQLite file of their own, asked with SQL.

#include <daybook/aggregate.h>
#include <daybook/projection.h>
#include <daybook/repository.h>
#include <daybook/sqlite_event_store.h>

#include <iostream>

#include "account.pb.h"

using bank::v1::Deposited, bank::v1::Withdrawn;

class Account : public daybook::Aggregate<Account, daybook::Events<Deposited, Withdrawn>> {
 public:
  static constexpr std::string_view kCategory = "account";

  absl::Status Deposit(int64_t cents) {
    Deposited event;
    event.set_cents(cents);
    return Emit(event);
  }
  absl::Status Withdraw(int64_t cents) {
    Withdrawn event;
    event.set_cents(cents);
    return Emit(event);
  }

 private:
  friend Aggregate;
  void Apply(const Deposited&) {}
  void Apply(const Withdrawn&) {}
};

absl::Status Add(daybook::ReadModel& db, std::string_view account, int64_t cents) {
  return db.Execute(
      "INSERT INTO balance VALUES (?1, ?2) ON CONFLICT DO UPDATE SET cents = cents + ?2", account,
      cents);
}

daybook::ProjectionHandlers Balances() {
  daybook::ProjectionHandlers handlers;
  handlers.On([](daybook::ReadModel& db, const Deposited& event, const daybook::RecordedEvent& at) {
    return Add(db, at.stream_id(), event.cents());
  });
  handlers.On([](daybook::ReadModel& db, const Withdrawn& event, const daybook::RecordedEvent& at) {
    return Add(db, at.stream_id(), -event.cents());
  });
  return handlers;
}

absl::Status Run(const std::string& path, const std::string& folder) {
  auto store = daybook::SqliteEventStore::Open({.path = path});
  if (!store.ok()) return store.status();
  daybook::Repository<Account> accounts(**store);
  for (auto [id, cents] : {std::pair("ada", 500), {"bob", 120}, {"cyd", 80}}) {
    auto paid = accounts.Execute(id, [c = cents](Account& account) { return account.Deposit(c); });
    if (!paid.ok()) return paid.status();
  }
  auto drawn = accounts.Execute("ada", [](Account& account) { return account.Withdraw(150); });
  if (!drawn.ok()) return drawn.status();

  daybook::SqliteProjection balances(
      **store,
      {.name = "balances",
       .folder = folder,
       .schema = "CREATE TABLE balance (account TEXT PRIMARY KEY, cents INTEGER) STRICT",
       .category = "account"},
      Balances());
  // A service would Start() it instead, and wait for a position where it has to read its own write.
  if (absl::Status done = balances.CatchUp(); !done.ok()) return done;

  auto rich = balances.Reader().Query(
      "SELECT account, cents FROM balance WHERE cents >= ?1 ORDER BY cents DESC", 100);
  if (!rich.ok()) return rich.status();
  for (const daybook::ModelRow& row : *rich) std::cout << row.Text(0) << ' ' << row.Int(1) << '\n';
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  absl::Status status = Run(argc > 1 ? argv[1] : "bank.db", argc > 2 ? argv[2] : ".");
  if (!status.ok()) std::cerr << status << '\n';
  return status.ok() ? 0 : 1;
}
