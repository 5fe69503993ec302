#include "transport/rabbitmq/consuming.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "status_macros.h"
#include "transport/rabbitmq/errors.h"

namespace daybook::internal::rabbitmq {

absl::StatusOr<std::unique_ptr<Consuming>> Consuming::Open(const RabbitMqConsumerOptions& options,
                                                           const ConnectionOptions& connection,
                                                           Stopper& stopper) {
  std::unique_ptr<Consuming> consuming(new Consuming());
  DAYBOOK_ASSIGN_OR_RETURN(consuming->connection_, Connection::Open(connection, stopper));
  DAYBOOK_RETURN_IF_ERROR(consuming->MakeQueue(options));
  DAYBOOK_RETURN_IF_ERROR(consuming->Bind(options));
  DAYBOOK_RETURN_IF_ERROR(consuming->Subscribe(options));
  return consuming;
}

// Asked for first: declaring a queue that was made with other arguments is an error.
absl::Status Consuming::MakeQueue(const RabbitMqConsumerOptions& options) {
  const std::string doing = absl::StrCat("queue ", options.queue);
  const auto declare = [&](amqp_boolean_t passive) {
    amqp_queue_declare(connection_->state(), kChannel, ToBytes(options.queue), passive, 1, 0, 0,
                       amqp_empty_table);
    return connection_->LastReply(doing);
  };
  absl::Status found = declare(1);
  if (!absl::IsNotFound(found)) return found;
  DAYBOOK_RETURN_IF_ERROR(connection_->ReopenChannel());
  return declare(0);
}

absl::Status Consuming::Bind(const RabbitMqConsumerOptions& options) {
  for (const RabbitMqBinding& binding : options.bindings) {
    if (options.declare_exchanges) {
      DAYBOOK_RETURN_IF_ERROR(connection_->EnsureExchange(binding.exchange, true));
    }
    amqp_queue_bind(connection_->state(), kChannel, ToBytes(options.queue),
                    ToBytes(binding.exchange), ToBytes(binding.routing_key), amqp_empty_table);
    DAYBOOK_RETURN_IF_ERROR(connection_->LastReply(
        absl::StrCat("binding queue ", options.queue, " to exchange ", binding.exchange)));
  }
  return absl::OkStatus();
}

absl::Status Consuming::Subscribe(const RabbitMqConsumerOptions& options) {
  amqp_basic_qos(connection_->state(), kChannel, 0, static_cast<uint16_t>(options.prefetch), 0);
  DAYBOOK_RETURN_IF_ERROR(connection_->LastReply("setting the prefetch"));
  amqp_basic_consume(connection_->state(), kChannel, ToBytes(options.queue), amqp_empty_bytes, 0, 0,
                     0, amqp_empty_table);
  return connection_->LastReply(absl::StrCat("consuming from queue ", options.queue));
}

absl::Status Consuming::Receive(std::vector<Content>& deliveries) {
  amqp_frame_t frame;
  while (true) {
    DAYBOOK_ASSIGN_OR_RETURN(const bool any, connection_->Next(frame));
    if (!any) return absl::OkStatus();
    DAYBOOK_RETURN_IF_ERROR(Handle(frame, deliveries));
  }
}

absl::Status Consuming::Handle(const amqp_frame_t& frame, std::vector<Content>& deliveries) {
  if (frame.frame_type == AMQP_FRAME_METHOD) {
    switch (frame.payload.method.id) {
      case AMQP_CONNECTION_CLOSE_METHOD:
        return FromClose("the broker closed the connection", frame.payload.method);
      case AMQP_CHANNEL_CLOSE_METHOD:
        return FromClose("the broker closed the channel", frame.payload.method);
      case AMQP_BASIC_CANCEL_METHOD:
        return MakeStatus(absl::StatusCode::kNotFound,
                          "the broker ended the consumer: the queue is gone, or has moved");
      default:
        break;
    }
  }
  if (std::optional<Content> content = reader_.Take(frame)) {
    deliveries.push_back(*std::move(content));
  }
  return absl::OkStatus();
}

absl::Status Consuming::Acknowledge(uint64_t delivery_tag) {
  const int result = amqp_basic_ack(connection_->state(), kChannel, delivery_tag, 1);
  return result == AMQP_STATUS_OK ? absl::OkStatus() : FromLibrary("acknowledging", result);
}

}  // namespace daybook::internal::rabbitmq
