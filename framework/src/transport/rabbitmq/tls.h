#ifndef DAYBOOK_SRC_TRANSPORT_RABBITMQ_TLS_H_
#define DAYBOOK_SRC_TRANSPORT_RABBITMQ_TLS_H_

#include <amqp.h>

#include <string>

#include "absl/status/status.h"
#include "daybook/rabbitmq.h"

namespace daybook::internal::rabbitmq {

// A TLS socket for `connection`, which owns it. Checks the broker's certificate and that it is
// `host`'s; OpenSSL does the latter, for rabbitmq-c knows no certificates of IP addresses.
// `problem` is told what is wrong with a certificate, and must live as long as the socket.
absl::StatusOr<amqp_socket_t*> MakeTlsSocket(amqp_connection_state_t connection,
                                             const std::string& host, const RabbitMqTls& tls,
                                             std::string& problem);

// Why the handshake on this thread has just failed.
std::string HandshakeProblem(const std::string& certificate_problem);

}  // namespace daybook::internal::rabbitmq

#endif  // DAYBOOK_SRC_TRANSPORT_RABBITMQ_TLS_H_
