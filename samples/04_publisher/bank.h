// An account, and what others learn of it.

#ifndef BANK_H_
#define BANK_H_

#include <daybook/aggregate.h>
#include <daybook/translator.h>
#include <daybook/transport.h>

#include "account.pb.h"
#include "contracts.pb.h"

class Account
    : public daybook::Aggregate<Account,
                                daybook::Events<bank::v1::Deposited, bank::v1::Withdrawn>> {
 public:
  static constexpr std::string_view kCategory = "account";

  absl::Status Deposit(int64_t cents) {
    bank::v1::Deposited event;
    event.set_cents(cents);
    return Emit(event);
  }
  absl::Status Withdraw(int64_t cents) {
    if (cents > balance_) return absl::FailedPreconditionError("there is not that much");
    bank::v1::Withdrawn event;
    event.set_cents(cents);
    return Emit(event);
  }

 private:
  friend Aggregate;
  void Apply(const bank::v1::Deposited& event) { balance_ += event.cents(); }
  void Apply(const bank::v1::Withdrawn& event) { balance_ -= event.cents(); }

  int64_t balance_ = 0;
};

// Domain events to contracts.
daybook::Translator Contracts();

// Does some business, and publishes all that has happened so far.
absl::Status Run(const std::string& path, daybook::Transport& transport);

#endif  // BANK_H_
