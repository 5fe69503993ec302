#include "broker.h"

namespace shipping {

absl::StatusOr<std::unique_ptr<Broker>> Broker::Connect(Shipping&, const std::string&) {
  return absl::UnimplementedError(
      "this program was built without RabbitMQ: install rabbitmq-c (Debian: librabbitmq-dev), "
      "then build Daybook and this again");
}

}  // namespace shipping
