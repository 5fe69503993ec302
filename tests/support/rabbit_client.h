#ifndef DAYBOOK_TESTS_SUPPORT_RABBIT_CLIENT_H_
#define DAYBOOK_TESTS_SUPPORT_RABBIT_CLIENT_H_

#include <amqp.h>
#include <amqp_framing.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace daybook::test {

// What stands in a queue, as rabbitmq-c decodes it.
struct RawMessage {
  std::string exchange = {};
  std::string routing_key = {};
  std::map<std::string, std::string> properties = {};  // those that are set, under AMQP's names
  std::map<std::string, std::string> headers = {};
  std::map<std::string, char> header_kinds = {};  // 'S': a string
  std::string body = {};
};

// A connection to a broker on 127.0.0.1, as guest. One thread at a time. What the broker refuses
// throws std::runtime_error.
class RabbitClient {
 public:
  explicit RabbitClient(int port, const std::string& vhost = "/");
  ~RabbitClient();
  RabbitClient(const RabbitClient&) = delete;
  RabbitClient& operator=(const RabbitClient&) = delete;

  void DeclareExchange(const std::string& name, const std::string& type = "topic");
  void DeleteExchange(const std::string& name);

  // Durable. The values of `arguments` are numbers or strings.
  void DeclareQueue(const std::string& name,
                    const std::map<std::string, std::string>& arguments = {});
  void Bind(const std::string& queue, const std::string& exchange,
            const std::string& routing_key = "#");
  void Purge(const std::string& queue);
  void DeleteQueue(const std::string& queue);

  // Messages in it that are ready.
  int64_t Count(const std::string& queue);

  // Takes the first, acknowledged.
  std::optional<RawMessage> Get(const std::string& queue);
  // Takes `count`, waiting for them; fewer if that takes longer than `patience`.
  std::vector<RawMessage> Take(const std::string& queue, size_t count,
                               std::chrono::milliseconds patience = std::chrono::seconds(60));

  void Publish(const std::string& exchange, const std::string& routing_key, const std::string& body,
               const std::string& content_type,
               const std::map<std::string, std::string>& headers = {});

 private:
  void Check(const amqp_rpc_reply_t& reply, const std::string& doing);
  void CheckLast(const std::string& doing);

  amqp_connection_state_t state_;
};

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_SUPPORT_RABBIT_CLIENT_H_
