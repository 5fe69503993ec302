// The same to RabbitMQ: to_rabbitmq amqp://user:password@host bank.db

#include <daybook/rabbitmq.h>

#include <iostream>

#include "bank.h"

absl::Status RunTo(const std::string& uri, const std::string& path) {
  auto rabbit = daybook::RabbitMqTransport::Connect(
      {.uri = uri, .exchange = "bank", .declare_exchange = true});
  if (!rabbit.ok()) return rabbit.status();
  return Run(path, **rabbit);
}

int main(int argc, char** argv) {
  absl::Status status =
      RunTo(argc > 1 ? argv[1] : "amqp://localhost", argc > 2 ? argv[2] : "bank.db");
  if (!status.ok()) std::cerr << status << '\n';
  return status.ok() ? 0 : 1;
}
