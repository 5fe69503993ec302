#include "carry/carrier.h"

namespace shop {

absl::StatusOr<std::unique_ptr<Carrier>> MakeRabbitMqCarrier(const std::string&) {
  return absl::UnimplementedError(
      "this program was built without RabbitMQ: install rabbitmq-c (Debian: librabbitmq-dev), "
      "then build Daybook and this again");
}

}  // namespace shop
