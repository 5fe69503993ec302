// Transports: put integration events on a broker, and tell when the broker has them.
//
//   auto rabbit = daybook::RabbitMqTransport::Connect({.uri = "amqp://...", .exchange = "orders"});
//   daybook::Subscription publisher(store, {.name = "orders-to-rabbitmq", .category = "order"},
//                                   daybook::PublishTo(std::move(contracts), **rabbit));
//
// Here is the interface. Every transport passes the conformance suite in daybook/testing.h, and
// your own should: RegisterTransportContract().

#ifndef DAYBOOK_TRANSPORT_H_
#define DAYBOOK_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/integration_event.h"

namespace daybook {

// What became of a message that was handed over.
enum class Delivery {
  kConfirmed,  // the broker has it, and answers for it
  kTryAgain,   // the broker did not take it this time
  kFailed,     // this message can never be sent: too large, refused, unroutable where that parks
  // No message would have gone through: unreachable, credentials, no such exchange. This one has
  // not been sent.
  kDown,
  // It was sent, and the connection broke before an answer: the broker may have it.
  kNotKnown,
};

std::string_view Name(Delivery delivery);

struct DeliveryResult {
  Delivery delivery = Delivery::kConfirmed;
  // Why, unless confirmed: kInvalidArgument (too large, malformed), kNotFound (exchange, route,
  // stream), kPermissionDenied (credentials, rights), kUnavailable (unreachable, timed out),
  // kResourceExhausted (the broker is full), kInternal. Holds no secrets.
  absl::Status why = absl::OkStatus();
};

// How a transport is. A snapshot; holds no secrets.
struct TransportHealth {
  std::string endpoint = {};  // "amqp://127.0.0.1:5672/%2F, exchange orders"
  bool connected = false;     // or, without a connection: the last message went through
  absl::Status last_error = absl::OkStatus();
  int64_t in_flight = 0;    // handed over, not answered
  int64_t confirmed = 0;    // since it was made
  int64_t connections = 0;  // made since
};

// Thread-safe. Several publishers may share one.
class Transport {
 public:
  // Called once for each message handed over, from any thread, also while Send is running. It must
  // not block nor throw; it may send.
  using Done = std::function<void(DeliveryResult)>;

  virtual ~Transport() = default;
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Hands a message over, and returns without waiting for the broker. Messages of one partition key
  // that are sent one after the other, each when the one before is confirmed, arrive in that order.
  // Those of different keys go side by side. REQUIRES: Check(event) is OK.
  // Destroying the transport answers what is not answered: kDown, or kNotKnown.
  virtual void Send(std::shared_ptr<const IntegrationEvent> event, Done done) = 0;

  // The suite checks this too: while nothing goes through, last_error says why; `confirmed` counts.
  virtual TransportHealth Health() const = 0;
};

}  // namespace daybook

#endif  // DAYBOOK_TRANSPORT_H_
