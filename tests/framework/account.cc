#include "account.h"

#include <stdexcept>
#include <utility>

namespace daybook::test {

absl::Status Account::Open(std::string owner) {
  if (open_) return absl::AlreadyExistsError("open already");
  AccountOpened event;
  event.set_owner(std::move(owner));
  return Emit(event);
}

absl::Status Account::Deposit(int64_t amount, std::string note) {
  if (amount <= 0) return absl::InvalidArgumentError("amounts are positive");
  Deposited event;
  event.set_amount(amount);
  event.set_note(std::move(note));
  return Emit(event);
}

absl::Status Account::Withdraw(int64_t amount) {
  if (amount > balance_) return absl::FailedPreconditionError("not enough money");
  return Emit(Withdrawal(amount));
}

absl::Status Account::Close() {
  if (!open_) return absl::OkStatus();
  return Emit(AccountClosed());
}

void Account::Apply(const AccountOpened& event) {
  open_ = true;
  owner_ = event.owner();
  version_in_apply_ = version();
}

void Account::Apply(const Deposited& event) {
  if (event.amount() == kApplyThrows) throw std::runtime_error("unlucky amount");
  if (event.amount() == kApplyEmits) Emit(AccountClosed()).IgnoreError();
  balance_ += event.amount();
  note_ = event.note();
  version_in_apply_ = version();
}

void Account::Apply(const Withdrawn& event) {
  balance_ -= event.amount();
  version_in_apply_ = version();
}

void Account::Apply(const AccountClosed&) { open_ = false; }

AccountOpened Opened(const std::string& owner) {
  AccountOpened event;
  event.set_owner(owner);
  return event;
}

Deposited Deposit(int64_t amount) {
  Deposited event;
  event.set_amount(amount);
  return event;
}

Withdrawn Withdrawal(int64_t amount) {
  Withdrawn event;
  event.set_amount(amount);
  return event;
}

Command DepositOf(int64_t amount) {
  return [amount](Account& account) { return account.Deposit(amount); };
}

Command WithdrawalOf(int64_t amount) {
  return [amount](Account& account) { return account.Withdraw(amount); };
}

}  // namespace daybook::test
