#ifndef DAYBOOK_SRC_TRANSPORT_RABBITMQ_CONSUMING_H_
#define DAYBOOK_SRC_TRANSPORT_RABBITMQ_CONSUMING_H_

#include <amqp.h>
#include <amqp_framing.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/rabbitmq.h"
#include "transport/rabbitmq/bell.h"
#include "transport/rabbitmq/connection.h"
#include "transport/rabbitmq/content.h"

namespace daybook::internal::rabbitmq {

// Receiving from a queue over one connection. One thread at a time; what fails with a status has
// broken the connection.
class Consuming {
 public:
  // Connects, makes sure of the queue and its bindings, and asks for messages.
  static absl::StatusOr<std::unique_ptr<Consuming>> Open(const RabbitMqConsumerOptions& options,
                                                         const ConnectionOptions& connection,
                                                         Stopper& stopper);

  // Makes the queue's bindings, in case they are gone.
  absl::Status Bind(const RabbitMqConsumerOptions& options);

  // Appends what has come.
  absl::Status Receive(std::vector<Content>& deliveries);

  // The broker may forget all up to this tag.
  absl::Status Acknowledge(uint64_t delivery_tag);

  int socket() const { return connection_->socket(); }
  void Close() { connection_->Close(); }

 private:
  Consuming() = default;

  absl::Status MakeQueue(const RabbitMqConsumerOptions& options);
  absl::Status Subscribe(const RabbitMqConsumerOptions& options);
  absl::Status Handle(const amqp_frame_t& frame, std::vector<Content>& deliveries);

  std::unique_ptr<Connection> connection_;
  ContentReader reader_;
};

}  // namespace daybook::internal::rabbitmq

#endif  // DAYBOOK_SRC_TRANSPORT_RABBITMQ_CONSUMING_H_
