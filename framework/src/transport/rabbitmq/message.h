#ifndef DAYBOOK_SRC_TRANSPORT_RABBITMQ_MESSAGE_H_
#define DAYBOOK_SRC_TRANSPORT_RABBITMQ_MESSAGE_H_

#include <amqp.h>
#include <amqp_framing.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daybook/integration_event.h"

namespace daybook::internal::rabbitmq {

// An integration event as AMQP carries it; to be used again for the next one.
class Message {
 public:
  Message() = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  // The event must outlive it. kInvalidArgument: it cannot be carried, because an attribute is
  // longer than AMQP lets it be, or the headers are larger than a frame: rabbitmq-c would find that
  // out in the middle of the message, which costs the connection.
  absl::Status Set(const IntegrationEvent& event, ContentMode mode, size_t max_frame);

  const amqp_basic_properties_t& properties() const { return properties_; }
  const std::string& body() const { return wire_.body; }

 private:
  absl::Status SetHeaders(const IntegrationEvent& event, size_t max_frame);

  WireMessage wire_;
  std::vector<amqp_table_entry_t> headers_;
  amqp_basic_properties_t properties_ = {};
};

}  // namespace daybook::internal::rabbitmq

#endif  // DAYBOOK_SRC_TRANSPORT_RABBITMQ_MESSAGE_H_
