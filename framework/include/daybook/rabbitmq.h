// RabbitMQ, over AMQP 0-9-1: publish integration events, and receive them. Target
// daybook::rabbitmq; needs rabbitmq-c (Debian: librabbitmq-dev).
//
//   auto rabbit = daybook::RabbitMqTransport::Connect(
//       {.uri = "amqp://user:secret@broker/shop", .exchange = "orders"});
//   daybook::Subscription publisher(store, {.name = "orders-to-rabbitmq", .category = "order"},
//                                   daybook::PublishTo(std::move(contracts), **rabbit));
//
//   auto consumer = daybook::RabbitMqConsumer::Start(
//       {.uri = "amqp://user:secret@broker/shop", .queue = "shipping",
//        .bindings = {{.exchange = "orders", .routing_key = "shop.contracts.v1.OrderPaid"}}},
//       inbox);
//
// Messages go to a topic exchange, persistent, with the contract's full name as routing key. The
// CloudEvents attributes stand in the headers as cloudEvents_<name>, which RabbitMQ turns into
// those of the AMQP 1.0 binding; message-id is the id, type the type, content-type the data's.
//
// A URI is amqp://user:password@host:port/vhost, amqps:// for TLS, which is always verified; in it
// a vhost "/" is %2F, and is meant too where there is none. Errors say which part is wrong; the
// password is never shown.

#ifndef DAYBOOK_RABBITMQ_H_
#define DAYBOOK_RABBITMQ_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/inbox.h"
#include "daybook/integration_event.h"
#include "daybook/transport.h"

namespace daybook {

// For amqps://. Certificates and keys are files in PEM.
struct RabbitMqTls {
  std::string ca_file = {};  // whom to trust; empty: the system's
  // Of this client, where the broker asks for it: both or neither.
  std::string certificate_file = {};
  std::string key_file = {};
};

struct RabbitMqTransportOptions {
  std::string uri = {};
  // 1 to 255 bytes.
  std::string exchange = {};
  // Makes the exchange (topic, durable) if it is not there; one of another kind is an error.
  // Otherwise it must be there.
  bool declare_exchange = false;
  ContentMode mode = ContentMode::kBinary;

  // A message that no queue is bound for. kStop: the consumer is not there yet, and the line waits
  // for it. kPark: this message has failed for good.
  enum Unroutable { kStop, kPark };
  Unroutable unroutable = kStop;

  // Messages that are sent and not yet confirmed; more wait here. 1 to 65,535.
  int confirm_window = 1000;
  // A confirm that does not come for so long: the connection counts as broken. 1 s to 10 minutes.
  std::chrono::milliseconds confirm_timeout = std::chrono::seconds(30);
  // For a connection to be made. 100 ms to 10 minutes.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(5);
  // Between heartbeats; a broker that has not been heard of for two of them is gone. 1 s to 10
  // minutes.
  std::chrono::seconds heartbeat = std::chrono::seconds(10);

  RabbitMqTls tls = {};
};

// Beside what a Transport answers: a message has failed for good, and was not sent, if its type, id
// or content type is over 255 bytes, or its attributes over 130,000 in all (in structured mode they
// stand in the body); or, once sent, if the broker finds it too large (max_message_size): of those
// on their way with it, the ones before it are then not known, the ones after it sent again.
// Runs one thread.
class RabbitMqTransport : public Transport {
 public:
  // kInvalidArgument: the URI or an option is wrong. Does not wait for the broker: whether it can
  // be reached shows when something is sent, and in Health(); a connection is made again whenever
  // there is something to send, at most every 100 ms, later up to every 5 s.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<RabbitMqTransport>> Connect(
      RabbitMqTransportOptions options);

  // Returns within a second or so. With amqps://, or while a host's name is looked up, a connection
  // that is being made is waited for.
  ~RabbitMqTransport() override;

  void Send(std::shared_ptr<const IntegrationEvent> event, Done done) override;
  TransportHealth Health() const override;

 private:
  class Impl;
  explicit RabbitMqTransport(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

struct RabbitMqBinding {
  std::string exchange = {};
  std::string routing_key = {};  // a contract's full name; * stands for one word, # for any
};

struct RabbitMqConsumerOptions {
  std::string uri = {};
  // Made, durable, if it is not there; bound as said. 1 to 255 bytes. A queue with arguments (a
  // quorum queue, a dead letter exchange) you make yourself; it is taken as it is.
  std::string queue = {};
  // Made again every five seconds: an exchange that was deleted has taken them along.
  std::vector<RabbitMqBinding> bindings = {};
  // Makes the bindings' exchanges (topic, durable) where they are not there; one of another kind is
  // an error. Otherwise they must be there: until then the consumer tries again.
  bool declare_exchanges = false;
  // Messages that the broker hands out before the first is acknowledged. 1 to 65,535.
  int prefetch = 100;
  // As for the transport.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(5);
  std::chrono::seconds heartbeat = std::chrono::seconds(10);
  RabbitMqTls tls = {};
};

// How a consumer is. A snapshot; holds no secrets.
struct RabbitMqConsumerHealth {
  std::string endpoint = {};
  bool connected = false;
  absl::Status last_error = absl::OkStatus();
  // Since it was started.
  int64_t received = 0, handled = 0, duplicates = 0, ignored = 0, parked = 0;
};

// Hands the messages of a queue to an inbox, one after the other on a thread of its own, and
// acknowledges each when the inbox has taken it. What the inbox does not take stays with the
// broker, and is tried again, before all that follow, after a pause that doubles, up to 30 s. A
// connection that breaks is made again, at most every 100 ms, later every 5 s; then what was not
// acknowledged comes again. Order holds with one consumer for the queue. Runs two threads, so that
// heartbeats go on while a handler is slow. Thread-safe.
class RabbitMqConsumer {
 public:
  // kInvalidArgument: the URI or an option is wrong. Does not wait for the broker. The inbox must
  // outlive it.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<RabbitMqConsumer>> Start(
      RabbitMqConsumerOptions options, Inbox& inbox);

  // Stops; the message in work is finished and acknowledged. Otherwise as quick as that of a
  // transport.
  ~RabbitMqConsumer();

  RabbitMqConsumerHealth Health() const;

 private:
  class Impl;
  explicit RabbitMqConsumer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace daybook

#endif  // DAYBOOK_RABBITMQ_H_
