#include "transport/rabbitmq/connection.h"

#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <new>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "status_macros.h"
#include "transport/rabbitmq/dial.h"
#include "transport/rabbitmq/errors.h"
#include "transport/rabbitmq/tls.h"

namespace daybook::internal::rabbitmq {
namespace {

constexpr int kFrameSize = AMQP_DEFAULT_FRAME_SIZE;
constexpr std::chrono::milliseconds kGoodbye(500);

timeval ToTimeval(std::chrono::milliseconds time) {
  return {.tv_sec = time.count() / 1000, .tv_usec = time.count() % 1000 * 1000};
}

amqp_table_entry_t Capability(const char* name) {
  amqp_table_entry_t entry = {};
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}

amqp_rpc_reply_t Login(amqp_connection_state_t state, const ConnectionOptions& options) {
  const Address& address = options.address;
  amqp_table_entry_t capabilities[] = {Capability("connection.blocked"),
                                       Capability("consumer_cancel_notify"),
                                       Capability("basic.nack"), Capability("publisher_confirms")};
  amqp_table_entry_t properties[2] = {};
  properties[0].key = amqp_cstring_bytes("capabilities");
  properties[0].value.kind = AMQP_FIELD_KIND_TABLE;
  properties[0].value.value.table = {std::size(capabilities), capabilities};
  properties[1].key = amqp_cstring_bytes("connection_name");
  properties[1].value.kind = AMQP_FIELD_KIND_UTF8;
  properties[1].value.value.bytes = amqp_cstring_bytes("daybook");
  const amqp_table_t table = {std::size(properties), properties};
  return amqp_login_with_properties(state, address.vhost.c_str(), AMQP_DEFAULT_MAX_CHANNELS,
                                    kFrameSize, static_cast<int>(options.heartbeat.count()), &table,
                                    AMQP_SASL_METHOD_PLAIN, address.user.c_str(),
                                    address.password.c_str());
}

}  // namespace

absl::Status Check(const ConnectionOptions& options) {
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  using std::chrono::seconds;
  if (options.connect_timeout < milliseconds(100) || options.connect_timeout > minutes(10)) {
    return OutOfBounds("connect_timeout is not between 100 ms and 10 minutes");
  }
  if (options.heartbeat < seconds(1) || options.heartbeat > minutes(10)) {
    return OutOfBounds("heartbeat is not between 1 s and 10 minutes");
  }
  if (options.tls.certificate_file.empty() != options.tls.key_file.empty()) {
    return OutOfBounds("tls has one of certificate_file and key_file, and needs both or neither");
  }
  return absl::OkStatus();
}

Connection::Connection(Stopper& stopper) : stopper_(stopper), state_(amqp_new_connection()) {
  if (state_ == nullptr) throw std::bad_alloc();
}

Connection::~Connection() {
  stopper_.Unwatch();
  amqp_destroy_connection(state_);
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const ConnectionOptions& options,
                                                             Stopper& stopper) {
  std::unique_ptr<Connection> connection(new Connection(stopper));
  DAYBOOK_RETURN_IF_ERROR(options.address.tls ? connection->ConnectTls(options)
                                              : connection->Connect(options));
  DAYBOOK_RETURN_IF_ERROR(connection->SetUpSocket(options));
  DAYBOOK_RETURN_IF_ERROR(connection->LogIn(options));
  amqp_channel_open(connection->state_, kChannel);
  DAYBOOK_RETURN_IF_ERROR(connection->LastReply("opening a channel"));
  return connection;
}

absl::Status Connection::Connect(const ConnectionOptions& options) {
  DAYBOOK_ASSIGN_OR_RETURN(const int socket, Dial(options.address.host, options.address.port,
                                                  options.connect_timeout, stopper_));
  amqp_tcp_socket_set_sockfd(amqp_tcp_socket_new(state_), socket);
  return absl::OkStatus();
}

absl::Status Connection::ConnectTls(const ConnectionOptions& options) {
  DAYBOOK_ASSIGN_OR_RETURN(
      amqp_socket_t* const socket,
      MakeTlsSocket(state_, options.address.host, options.tls, certificate_problem_));
  const timeval timeout = ToTimeval(options.connect_timeout);
  const int result = amqp_socket_open_noblock(socket, options.address.host.c_str(),
                                              options.address.port, &timeout);
  switch (result) {
    case AMQP_STATUS_OK:
      return absl::OkStatus();
    case AMQP_STATUS_SSL_ERROR:
    case AMQP_STATUS_SSL_CONNECTION_FAILED:
    case AMQP_STATUS_SSL_PEER_VERIFY_FAILED:
      return MakeStatus(absl::StatusCode::kUnavailable, HandshakeProblem(certificate_problem_));
    default:
      return FromLibrary("cannot connect", result);
  }
}

absl::Status Connection::SetUpSocket(const ConnectionOptions& options) {
  const int fd = socket();
  const int on = 1;
  const auto milliseconds = static_cast<unsigned>(options.write_timeout.count());
  if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds)) != 0) {
    return MakeStatus(
        absl::StatusCode::kUnavailable,
        absl::StrCat("setting up the socket: ", std::generic_category().message(errno)));
  }
  if (stopper_.Watch(fd)) return absl::OkStatus();
  return MakeStatus(absl::StatusCode::kUnavailable, "out of file descriptors");
}

absl::Status Connection::LogIn(const ConnectionOptions& options) {
  const timeval timeout = ToTimeval(options.connect_timeout);
  amqp_set_handshake_timeout(state_, &timeout);
  amqp_set_rpc_timeout(state_, &timeout);
  const amqp_rpc_reply_t reply = Login(state_, options);
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return absl::OkStatus();
  const bool tls_error = reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
                         reply.library_error == AMQP_STATUS_SSL_ERROR;
  // With TLS 1.3 a client's certificate is judged after its handshake.
  if (tls_error) {
    return MakeStatus(absl::StatusCode::kUnavailable, HandshakeProblem(certificate_problem_));
  }
  return FromReply(absl::StrCat("logging in as ", options.address.user, " at virtual host ",
                                options.address.vhost),
                   reply);
}

absl::StatusOr<bool> Connection::Next(amqp_frame_t& frame) {
  amqp_maybe_release_buffers(state_);
  const timeval now = {};
  const int result = amqp_simple_wait_frame_noblock(state_, &frame, &now);
  if (result == AMQP_STATUS_OK) return true;
  if (result == AMQP_STATUS_TIMEOUT) return false;
  return FromLibrary("waiting for the broker", result);
}

absl::Status Connection::LastReply(std::string_view doing) const {
  return FromReply(doing, amqp_get_rpc_reply(state_));
}

absl::Status Connection::EnsureExchange(const std::string& name, bool make) const {
  amqp_exchange_declare(state_, kChannel, ToBytes(name), amqp_cstring_bytes("topic"), make ? 0 : 1,
                        1, 0, 0, amqp_empty_table);
  return LastReply(absl::StrCat("exchange ", name));
}

absl::Status Connection::ReopenChannel() {
  amqp_channel_close_ok_t closed = {};
  const int result = amqp_send_method(state_, kChannel, AMQP_CHANNEL_CLOSE_OK_METHOD, &closed);
  if (result != AMQP_STATUS_OK) return FromLibrary("closing a channel", result);
  amqp_channel_open(state_, kChannel);
  return LastReply("opening a channel");
}

void Connection::Close() {
  const timeval timeout = ToTimeval(kGoodbye);
  amqp_set_rpc_timeout(state_, &timeout);
  amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
}

std::chrono::milliseconds LongestWait(const ConnectionOptions& options) {
  return std::chrono::milliseconds(options.heartbeat) / 2;
}

}  // namespace daybook::internal::rabbitmq
