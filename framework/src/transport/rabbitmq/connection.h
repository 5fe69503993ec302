#ifndef DAYBOOK_SRC_TRANSPORT_RABBITMQ_CONNECTION_H_
#define DAYBOOK_SRC_TRANSPORT_RABBITMQ_CONNECTION_H_

#include <amqp.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/rabbitmq.h"
#include "transport/rabbitmq/bell.h"
#include "transport/rabbitmq/uri.h"

namespace daybook::internal::rabbitmq {

inline constexpr amqp_channel_t kChannel = 1;

struct ConnectionOptions {
  Address address = {};
  RabbitMqTls tls = {};
  std::chrono::milliseconds connect_timeout = {};
  std::chrono::seconds heartbeat = {};
  // How long written bytes may stay where they are before the connection counts as broken.
  // rabbitmq-c would wait for ever on a peer that sends heartbeats and reads nothing.
  std::chrono::milliseconds write_timeout = {};
};

// kInvalidArgument: a bound is broken, or the TLS files do not fit.
absl::Status Check(const ConnectionOptions& options);

// A connection that is logged in, with channel 1 open. One thread at a time.
class Connection {
 public:
  // Ends early when stopped. kPermissionDenied: login or virtual host; otherwise kUnavailable, or
  // kInvalidArgument where a TLS file cannot be used.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const ConnectionOptions& options,
                                                          Stopper& stopper);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  amqp_connection_state_t state() const { return state_; }
  int socket() const { return amqp_get_sockfd(state_); }

  // The next frame if there is one now, and keeps the heartbeats going; what it holds ends with
  // the next call. An error has broken the connection.
  absl::StatusOr<bool> Next(amqp_frame_t& frame);

  // Of the last call to rabbitmq-c that returns a pointer.
  absl::Status LastReply(std::string_view doing) const;

  // That this exchange is there and a durable topic exchange; makes it, if told to.
  absl::Status EnsureExchange(const std::string& name, bool make) const;

  // Opens channel 1 again, which the broker has closed.
  absl::Status ReopenChannel();

  // Says goodbye; not needed.
  void Close();

 private:
  explicit Connection(Stopper& stopper);

  absl::Status Connect(const ConnectionOptions& options);
  absl::Status ConnectTls(const ConnectionOptions& options);
  absl::Status SetUpSocket(const ConnectionOptions& options);
  absl::Status LogIn(const ConnectionOptions& options);

  Stopper& stopper_;
  const amqp_connection_state_t state_;
  std::string certificate_problem_;
};

// Until when to wait for frames, at most: heartbeats must go on.
std::chrono::milliseconds LongestWait(const ConnectionOptions& options);

}  // namespace daybook::internal::rabbitmq

#endif  // DAYBOOK_SRC_TRANSPORT_RABBITMQ_CONNECTION_H_
