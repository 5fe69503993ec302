// Receives what to_rabbitmq publishes: from_rabbitmq amqp://user:password@host 4
// Keeps a balance for each account; a message that comes twice counts once.

#include <daybook/inbox.h>
#include <daybook/rabbitmq.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "contracts.pb.h"

using bank::contracts::v1::BalanceChanged;

absl::Status Receive(const std::string& uri, int64_t count) {
  daybook::InboxHandlers handlers;
  handlers.On([](daybook::ReadModel& db, const BalanceChanged& changed) {
    std::cout << changed.account() << ' ' << changed.by_cents() << std::endl;
    return db.Execute(
        "INSERT INTO balance VALUES (?1, ?2) ON CONFLICT DO UPDATE SET cents = cents + ?2",
        changed.account(), changed.by_cents());
  });
  auto inbox = daybook::Inbox::Open(
      {.path = "balances.db",
       .schema = "CREATE TABLE balance (account TEXT PRIMARY KEY, cents INTEGER) STRICT",
       .consumer = "balances"},
      handlers);
  if (!inbox.ok()) return inbox.status();
  auto consumer = daybook::RabbitMqConsumer::Start(
      {.uri = uri,
       .queue = "balances",
       .bindings = {{.exchange = "bank", .routing_key = "bank.contracts.v1.BalanceChanged"}},
       .declare_exchanges = true},
      **inbox);
  if (!consumer.ok()) return consumer.status();
  std::string trouble;
  while (true) {
    const daybook::RabbitMqConsumerHealth health = (*consumer)->Health();
    if (health.handled >= count) return absl::OkStatus();
    if (health.last_error.message() != trouble) {
      trouble = std::string(health.last_error.message());
      if (!trouble.empty()) std::cerr << trouble << '\n';
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

int main(int argc, char** argv) {
  absl::Status status =
      Receive(argc > 1 ? argv[1] : "amqp://localhost", argc > 2 ? std::atoll(argv[2]) : 4);
  if (!status.ok()) std::cerr << status << '\n';
  return status.ok() ? 0 : 1;
}
