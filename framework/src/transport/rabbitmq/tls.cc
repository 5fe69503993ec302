#include "transport/rabbitmq/tls.h"

#include <amqp_ssl_socket.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "absl/strings/str_cat.h"
#include "make_status.h"

namespace daybook::internal::rabbitmq {
namespace {

std::string LastReason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? "no reason given" : reason;
}

absl::Status Unusable(absl::string_view what) {
  return MakeStatus(absl::StatusCode::kInvalidArgument,
                    absl::StrCat("TLS: ", what, ": ", LastReason()));
}

int NoteProblem(int ok, X509_STORE_CTX* store) {
  if (ok != 0) return ok;
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* problem = static_cast<std::string*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  *problem = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
  return 0;
}

absl::Status ExpectHost(SSL_CTX* context, const std::string& host) {
  X509_VERIFY_PARAM* expected = SSL_CTX_get0_param(context);
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1) return absl::OkStatus();
  if (X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size()) == 1) {
    return absl::OkStatus();
  }
  return Unusable("the host's name");
}

absl::Status LoadFiles(SSL_CTX* context, const RabbitMqTls& tls) {
  if (tls.ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) != 1)
      return Unusable("the system's certificates");
  } else if (SSL_CTX_load_verify_locations(context, tls.ca_file.c_str(), nullptr) != 1) {
    return Unusable(absl::StrCat("the certificates in ", tls.ca_file));
  }
  if (tls.certificate_file.empty()) return absl::OkStatus();
  if (SSL_CTX_use_certificate_chain_file(context, tls.certificate_file.c_str()) != 1) {
    return Unusable(absl::StrCat("the certificate in ", tls.certificate_file));
  }
  if (SSL_CTX_use_PrivateKey_file(context, tls.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return Unusable(absl::StrCat("the key in ", tls.key_file));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<amqp_socket_t*> MakeTlsSocket(amqp_connection_state_t connection,
                                             const std::string& host, const RabbitMqTls& tls,
                                             std::string& problem) {
  amqp_socket_t* const socket = amqp_ssl_socket_new(connection);
  if (socket == nullptr) return Unusable("no socket");
  auto* context = static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket));
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) return Unusable("TLS 1.2");
  SSL_CTX_set_app_data(context, &problem);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NoteProblem);
  // A key with a passphrase must fail, not ask for it on the terminal.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  amqp_ssl_socket_set_verify_peer(socket, 1);
  amqp_ssl_socket_set_verify_hostname(socket, 0);
  ERR_clear_error();
  if (absl::Status expected = ExpectHost(context, host); !expected.ok()) return expected;
  if (absl::Status loaded = LoadFiles(context, tls); !loaded.ok()) return loaded;
  return socket;
}

std::string HandshakeProblem(const std::string& certificate_problem) {
  if (!certificate_problem.empty()) {
    return absl::StrCat("the broker's certificate is refused: ", certificate_problem);
  }
  return absl::StrCat("the TLS handshake failed: ", LastReason());
}

}  // namespace daybook::internal::rabbitmq
