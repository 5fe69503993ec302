// What carries the messages of the shop: out, and in where there is an answer.

#ifndef SHOP_CARRY_CARRIER_H_
#define SHOP_CARRY_CARRIER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/api.pb.h"
#include "daybook/inbox.h"
#include "daybook/translator.h"
#include "daybook/transport.h"

namespace shop {

class Carrier {
 public:
  virtual ~Carrier() = default;

  // "rabbitmq"; how far the publisher has come is remembered for each kind.
  virtual std::string kind() const = 0;

  virtual daybook::Transport& transport() = 0;

  // How it says what is in a message.
  virtual daybook::TranslatorOptions::Data data() const {
    return daybook::TranslatorOptions::kProtobuf;
  }

  // Hands what comes in to the inbox, until Hush(), which the inbox outlives.
  virtual absl::Status Listen(daybook::Inbox& inbox) = 0;
  virtual void Hush() = 0;

  // Fills in where it listens, and how that goes. Without secrets.
  virtual void Describe(api::v1::Consumer* view) const = 0;
};

// Where the shipping that runs in this process keeps its parcels: beside the shop's file.
std::string ParcelFile(const std::string& db);

// The kinds. `db` is the shop's file.
absl::StatusOr<std::unique_ptr<Carrier>> MakeInProcessCarrier(const std::string& db);
absl::StatusOr<std::unique_ptr<Carrier>> MakeJsonlCarrier(const std::string& path);
// kUnimplemented: this program was built without RabbitMQ.
absl::StatusOr<std::unique_ptr<Carrier>> MakeRabbitMqCarrier(const std::string& uri);

// "in_process", "jsonl:FILE" or "amqp://…". kInvalidArgument: it is none of these; the message does
// not repeat what was given, which may hold a password.
absl::Status CheckTransport(const std::string& transport);
// REQUIRES: CheckTransport().
absl::StatusOr<std::unique_ptr<Carrier>> MakeCarrier(const std::string& transport,
                                                     const std::string& db);

}  // namespace shop

#endif  // SHOP_CARRY_CARRIER_H_
