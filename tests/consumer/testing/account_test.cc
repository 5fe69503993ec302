#include <daybook/aggregate.h>
#include <daybook/testing.h>
#include <gtest/gtest.h>

#include <iostream>

#include "account.pb.h"

class Account : public daybook::Aggregate<Account, daybook::Events<Deposited>> {
 public:
  static constexpr std::string_view kCategory = "account";

  absl::Status Deposit(int64_t cents) {
    Deposited event;
    event.set_cents(cents);
    return Emit(event);
  }

 private:
  friend Aggregate;
  void Apply(const Deposited&) {}
};

TEST(AccountTest, ADepositIsRecorded) {
  Deposited expected;
  expected.set_cents(5);
  daybook::testing::Given<Account>()
      .When([](Account& account) { return account.Deposit(5); })
      .ThenEmits(expected);
}

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  const bool passed = RUN_ALL_TESTS() == 0;
  std::cout << (passed ? "passed" : "failed") << "; no list names "
            << daybook::testing::UnlistedEvents<Account>().at(0) << '\n';
}
