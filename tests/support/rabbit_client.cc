#include "support/rabbit_client.h"

#include <amqp_tcp_socket.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace daybook::test {
namespace {

constexpr amqp_channel_t kChannel = 1;

amqp_bytes_t Bytes(const std::string& text) {
  return {text.size(), const_cast<char*>(text.data())};
}

std::string Text(amqp_bytes_t bytes) { return {static_cast<const char*>(bytes.bytes), bytes.len}; }

amqp_table_entry_t Entry(const std::string& key, const std::string& value) {
  amqp_table_entry_t entry = {};
  entry.key = Bytes(key);
  if (!value.empty() && std::all_of(value.begin(), value.end(), ::isdigit)) {
    entry.value.kind = AMQP_FIELD_KIND_I64;
    entry.value.value.i64 = std::stoll(value);
  } else {
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = Bytes(value);
  }
  return entry;
}

std::vector<amqp_table_entry_t> Entries(const std::map<std::string, std::string>& pairs) {
  std::vector<amqp_table_entry_t> entries;
  for (const auto& [key, value] : pairs) entries.push_back(Entry(key, value));
  return entries;
}

void ReadProperties(const amqp_basic_properties_t& from, RawMessage& message) {
  const auto take = [&](amqp_flags_t flag, const char* name, const std::string& value) {
    if (from._flags & flag) message.properties[name] = value;
  };
  take(AMQP_BASIC_CONTENT_TYPE_FLAG, "content-type", Text(from.content_type));
  take(AMQP_BASIC_CONTENT_ENCODING_FLAG, "content-encoding", Text(from.content_encoding));
  take(AMQP_BASIC_DELIVERY_MODE_FLAG, "delivery-mode", std::to_string(from.delivery_mode));
  take(AMQP_BASIC_PRIORITY_FLAG, "priority", std::to_string(from.priority));
  take(AMQP_BASIC_CORRELATION_ID_FLAG, "correlation-id", Text(from.correlation_id));
  take(AMQP_BASIC_REPLY_TO_FLAG, "reply-to", Text(from.reply_to));
  take(AMQP_BASIC_EXPIRATION_FLAG, "expiration", Text(from.expiration));
  take(AMQP_BASIC_MESSAGE_ID_FLAG, "message-id", Text(from.message_id));
  take(AMQP_BASIC_TIMESTAMP_FLAG, "timestamp", std::to_string(from.timestamp));
  take(AMQP_BASIC_TYPE_FLAG, "type", Text(from.type));
  take(AMQP_BASIC_USER_ID_FLAG, "user-id", Text(from.user_id));
  take(AMQP_BASIC_APP_ID_FLAG, "app-id", Text(from.app_id));
  if (!(from._flags & AMQP_BASIC_HEADERS_FLAG)) return;
  for (int i = 0; i < from.headers.num_entries; ++i) {
    const amqp_table_entry_t& entry = from.headers.entries[i];
    const std::string name = Text(entry.key);
    message.header_kinds[name] = static_cast<char>(entry.value.kind);
    if (entry.value.kind == AMQP_FIELD_KIND_UTF8) {
      message.headers[name] = Text(entry.value.value.bytes);
    }
  }
}

}  // namespace

RabbitClient::RabbitClient(int port, const std::string& vhost) : state_(amqp_new_connection()) {
  if (amqp_socket_open(amqp_tcp_socket_new(state_), "127.0.0.1", port) != AMQP_STATUS_OK) {
    amqp_destroy_connection(state_);
    throw std::runtime_error("no connection to RabbitMQ");
  }
  Check(amqp_login(state_, vhost.c_str(), 0, AMQP_DEFAULT_FRAME_SIZE, 0, AMQP_SASL_METHOD_PLAIN,
                   "guest", "guest"),
        "logging in");
  amqp_channel_open(state_, kChannel);
  CheckLast("opening a channel");
}

RabbitClient::~RabbitClient() {
  amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
  amqp_destroy_connection(state_);
}

void RabbitClient::Check(const amqp_rpc_reply_t& reply, const std::string& doing) {
  amqp_maybe_release_buffers(state_);
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  std::string why = "no answer";
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) {
    why = amqp_error_string2(reply.library_error);
  } else if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    why = Text(static_cast<amqp_channel_close_t*>(reply.reply.decoded)->reply_text);
  }
  throw std::runtime_error("RabbitMQ: " + doing + ": " + why);
}

void RabbitClient::CheckLast(const std::string& doing) { Check(amqp_get_rpc_reply(state_), doing); }

void RabbitClient::DeclareExchange(const std::string& name, const std::string& type) {
  amqp_exchange_declare(state_, kChannel, Bytes(name), Bytes(type), 0, 1, 0, 0, amqp_empty_table);
  CheckLast("exchange " + name);
}

void RabbitClient::DeleteExchange(const std::string& name) {
  amqp_exchange_delete(state_, kChannel, Bytes(name), 0);
  CheckLast("deleting exchange " + name);
}

void RabbitClient::DeclareQueue(const std::string& name,
                                const std::map<std::string, std::string>& arguments) {
  std::vector<amqp_table_entry_t> entries = Entries(arguments);
  const amqp_table_t table = {static_cast<int>(entries.size()), entries.data()};
  amqp_queue_declare(state_, kChannel, Bytes(name), 0, 1, 0, 0, table);
  CheckLast("queue " + name);
}

void RabbitClient::Bind(const std::string& queue, const std::string& exchange,
                        const std::string& routing_key) {
  amqp_queue_bind(state_, kChannel, Bytes(queue), Bytes(exchange), Bytes(routing_key),
                  amqp_empty_table);
  CheckLast("binding queue " + queue);
}

void RabbitClient::Purge(const std::string& queue) {
  amqp_queue_purge(state_, kChannel, Bytes(queue));
  CheckLast("purging queue " + queue);
}

void RabbitClient::DeleteQueue(const std::string& queue) {
  amqp_queue_delete(state_, kChannel, Bytes(queue), 0, 0);
  CheckLast("deleting queue " + queue);
}

int64_t RabbitClient::Count(const std::string& queue) {
  const amqp_queue_declare_ok_t* declared =
      amqp_queue_declare(state_, kChannel, Bytes(queue), 1, 0, 0, 0, amqp_empty_table);
  const int64_t count = declared == nullptr ? -1 : declared->message_count;
  CheckLast("counting queue " + queue);
  return count;
}

std::optional<RawMessage> RabbitClient::Get(const std::string& queue) {
  const amqp_rpc_reply_t reply = amqp_basic_get(state_, kChannel, Bytes(queue), 1);
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) Check(reply, "getting from " + queue);
  if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD) return std::nullopt;
  const auto* got = static_cast<const amqp_basic_get_ok_t*>(reply.reply.decoded);
  RawMessage message = {.exchange = Text(got->exchange), .routing_key = Text(got->routing_key)};
  amqp_message_t content;
  Check(amqp_read_message(state_, kChannel, &content, 0), "reading from " + queue);
  ReadProperties(content.properties, message);
  message.body = Text(content.body);
  amqp_destroy_message(&content);
  return message;
}

std::vector<RawMessage> RabbitClient::Take(const std::string& queue, size_t count,
                                           std::chrono::milliseconds patience) {
  std::vector<RawMessage> taken;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (taken.size() < count && std::chrono::steady_clock::now() < deadline) {
    if (std::optional<RawMessage> message = Get(queue)) {
      taken.push_back(*std::move(message));
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  return taken;
}

void RabbitClient::Publish(const std::string& exchange, const std::string& routing_key,
                           const std::string& body, const std::string& content_type,
                           const std::map<std::string, std::string>& headers) {
  std::vector<amqp_table_entry_t> entries = Entries(headers);
  amqp_basic_properties_t properties = {};
  properties._flags =
      AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.content_type = Bytes(content_type);
  properties.headers = {static_cast<int>(entries.size()), entries.data()};
  properties.delivery_mode = 2;
  const int result = amqp_basic_publish(state_, kChannel, Bytes(exchange), Bytes(routing_key), 0, 0,
                                        &properties, Bytes(body));
  if (result != AMQP_STATUS_OK) throw std::runtime_error("RabbitMQ: publishing failed");
}

}  // namespace daybook::test
