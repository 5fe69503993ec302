#ifndef DAYBOOK_TESTS_FRAMEWORK_ACCOUNT_H_
#define DAYBOOK_TESTS_FRAMEWORK_ACCOUNT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "account_events.pb.h"
#include "daybook/aggregate.h"

namespace daybook::test {

using v1::AccountClosed;
using v1::AccountOpened;
using v1::Deposited;
using v1::Withdrawn;

// Amounts with which an account misbehaves.
inline constexpr int64_t kApplyThrows = 1'000'013;
inline constexpr int64_t kApplyEmits = 1'000'014;

class Account
    : public Aggregate<Account, Events<AccountOpened, Deposited, Withdrawn, AccountClosed>> {
 public:
  static constexpr std::string_view kCategory = "account";

  absl::Status Open(std::string owner);
  absl::Status Deposit(int64_t amount, std::string note = "");
  absl::Status Withdraw(int64_t amount);
  absl::Status Close();

  int64_t balance() const { return balance_; }
  const std::string& owner() const { return owner_; }
  const std::string& note() const { return note_; }
  Version version_in_apply() const { return version_in_apply_; }

 private:
  friend Aggregate;
  void Apply(const AccountOpened& event);
  void Apply(const Deposited& event);
  void Apply(const Withdrawn& event);
  void Apply(const AccountClosed& event);

  bool open_ = false;
  std::string owner_;
  std::string note_;
  int64_t balance_ = 0;
  Version version_in_apply_;
};

// The events as messages.
AccountOpened Opened(const std::string& owner);
Deposited Deposit(int64_t amount);
Withdrawn Withdrawal(int64_t amount);

// The commands.
using Command = std::function<absl::Status(Account&)>;
Command DepositOf(int64_t amount);
Command WithdrawalOf(int64_t amount);

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_FRAMEWORK_ACCOUNT_H_
