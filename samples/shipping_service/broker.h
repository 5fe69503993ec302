// Shipping, connected to a broker.

#ifndef SHIPPING_BROKER_H_
#define SHIPPING_BROKER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "shipping.h"

namespace shipping {

// Hears the exchange `orders` through the queue `shipping`, and publishes to the exchange
// `parcels`, until it is destroyed.
class Broker {
 public:
  // kInvalidArgument: the URI is wrong. kUnimplemented: this program was built without a client for
  // it. Does not wait for the broker. The shipping outlives it.
  static absl::StatusOr<std::unique_ptr<Broker>> Connect(Shipping& shipping,
                                                         const std::string& uri);
  virtual ~Broker() = default;

  // Without secrets.
  virtual std::string endpoint() const = 0;
  // Why nothing comes in, or goes out; OK if it does.
  virtual absl::Status Problem() const = 0;
};

}  // namespace shipping

#endif  // SHIPPING_BROKER_H_
