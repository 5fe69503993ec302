#include <daybook/aggregate.h>
#include <daybook/repository.h>
#include <daybook/sqlite_event_store.h>

#include <iostream>

#include "account.pb.h"

using bank::v1::Deposited, bank::v1::Withdrawn;

class Account : public daybook::Aggregate<Account, daybook::Events<Deposited, Withdrawn>> {
 public:
  static constexpr std::string_view kCategory = "account";

  absl::Status Deposit(int64_t cents) {
    if (cents <= 0) return absl::InvalidArgumentError("a deposit is more than nothing");
    Deposited event;
    event.set_cents(cents);
    return Emit(event);
  }
  absl::Status Withdraw(int64_t cents) {
    if (cents <= 0) return absl::InvalidArgumentError("a withdrawal is more than nothing");
    if (cents > balance_) return absl::FailedPreconditionError("there is not that much");
    Withdrawn event;
    event.set_cents(cents);
    return Emit(event);
  }
  int64_t balance() const { return balance_; }

 private:
  friend Aggregate;
  void Apply(const Deposited& event) { balance_ += event.cents(); }
  void Apply(const Withdrawn& event) { balance_ -= event.cents(); }

  int64_t balance_ = 0;
};

absl::Status Run(const std::string& path) {
  auto store = daybook::SqliteEventStore::Open({.path = path});
  if (!store.ok()) return store.status();
  daybook::Repository<Account> accounts(**store);

  auto paid_in = accounts.Execute("ada", [](Account& account) { return account.Deposit(100); });
  if (!paid_in.ok()) return paid_in.status();

  auto paid_out = accounts.Execute("ada", [](Account& account) { return account.Withdraw(9999); });
  std::cout << "Withdraw 9999: " << paid_out.status().message() << '\n';

  auto ada = accounts.Load("ada");
  if (!ada.ok()) return ada.status();
  std::cout << "Balance " << ada->balance() << ", made of " << ada->version() << " event(s)\n";
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  absl::Status status = Run(argc > 1 ? argv[1] : "hello.db");
  if (!status.ok()) std::cerr << status << '\n';
  return status.ok() ? 0 : 1;
}
