// A publisher on the embedded default: what goes out arrives in this process, and is printed.

#include <daybook/in_process.h>

#include <iostream>

#include "bank.h"

int main(int argc, char** argv) {
  daybook::InProcessTransport transport;
  transport.Connect([](const daybook::IntegrationEvent& event) {
    bank::contracts::v1::BalanceChanged changed;
    if (!changed.ParseFromString(event.data)) return absl::DataLossError("no BalanceChanged");
    std::cout << event.type << ": " << changed.account() << ' ' << changed.by_cents() << '\n';
    return absl::OkStatus();
  });
  absl::Status status = Run(argc > 1 ? argv[1] : "bank.db", transport);
  if (!status.ok()) std::cerr << status << '\n';
  return status.ok() ? 0 : 1;
}
