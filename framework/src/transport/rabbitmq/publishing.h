#ifndef DAYBOOK_SRC_TRANSPORT_RABBITMQ_PUBLISHING_H_
#define DAYBOOK_SRC_TRANSPORT_RABBITMQ_PUBLISHING_H_

#include <amqp.h>
#include <amqp_framing.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/rabbitmq.h"
#include "transport/rabbitmq/bell.h"
#include "transport/rabbitmq/connection.h"
#include "transport/rabbitmq/content.h"
#include "transport/rabbitmq/message.h"
#include "transport/rabbitmq/window.h"

namespace daybook::internal::rabbitmq {

// Publishing with confirms over one connection. One thread at a time; what fails with a status has
// broken the connection, and Abandon() is next.
class Publishing {
 public:
  using Answer = std::function<void(Outgoing, DeliveryResult)>;

  // Connects, and makes sure of the exchange. The options must outlive it.
  static absl::StatusOr<std::unique_ptr<Publishing>> Open(const RabbitMqTransportOptions& options,
                                                          const ConnectionOptions& connection,
                                                          Stopper& stopper, Answer answer);

  // A message that can never be sent is answered at once.
  absl::Status Publish(Outgoing message);

  // Takes in what has come from the broker.
  absl::Status Receive();

  // kUnavailable: a confirm is overdue.
  absl::Status CheckConfirms() const;

  bool full() const { return window_.size() >= static_cast<size_t>(options_.confirm_window); }
  int socket() const { return connection_->socket(); }
  std::chrono::milliseconds LongestWait() const;

  // Not OK while the broker wants nothing published.
  const absl::Status& blocked() const { return blocked_; }

  // What was published and has not been looked at by the broker: to be published again, first.
  std::vector<Outgoing> TakeUnseen() { return std::exchange(unseen_, {}); }

  // Answers what is not answered. `why` broke the connection.
  void Abandon(const absl::Status& why);

  void Close() { connection_->Close(); }

 private:
  Publishing(const RabbitMqTransportOptions& options, Answer answer)
      : options_(options), answer_(std::move(answer)) {}

  absl::Status SetUpChannel();
  absl::Status Handle(const amqp_frame_t& frame);
  absl::Status HandleConnectionMethod(const amqp_method_t& method);
  absl::Status HandleMethod(const amqp_method_t& method);
  absl::Status HandleChannelClose(const amqp_method_t& method);
  absl::Status SkipTooLarge(size_t size, const absl::Status& why);
  void Acknowledge(std::vector<Sent> confirmed);
  void Refuse(std::vector<Sent> refused);

  const RabbitMqTransportOptions& options_;
  const Answer answer_;
  std::unique_ptr<Connection> connection_;
  std::chrono::milliseconds longest_wait_ = {};
  Message message_;
  Window window_;
  ContentReader returned_;
  absl::Status blocked_;
  std::optional<size_t> too_large_;  // a body of this size was, or is larger than the limit
  std::vector<Outgoing> unseen_;
  bool refused_all_ = false;
};

}  // namespace daybook::internal::rabbitmq

#endif  // DAYBOOK_SRC_TRANSPORT_RABBITMQ_PUBLISHING_H_
