// What the tests of RabbitMQ share: one broker for the program, messages, answers.

#ifndef DAYBOOK_TESTS_RABBITMQ_SUPPORT_H_
#define DAYBOOK_TESTS_RABBITMQ_SUPPORT_H_

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

#include "daybook/rabbitmq.h"
#include "rabbitmq/certificates.h"
#include "support/rabbit_client.h"
#include "support/rabbit_server.h"
#include "support/status_matchers.h"

namespace daybook {
inline void PrintTo(Delivery delivery, std::ostream* out) { *out << Name(delivery); }
}  // namespace daybook

namespace daybook::test {

inline constexpr size_t kLargestMessage = 4 << 20;  // that the broker takes

// Those of the broker.
const Authority& Certificates();

// Started when it is first asked for; runs again after a test has killed or frozen it.
RabbitServer& Server();

// Waits for a condition; a minute at most.
[[nodiscard]] bool Eventually(const std::function<bool()>& condition);

std::shared_ptr<const IntegrationEvent> Event(const std::string& id, std::string data = "data");

// What a transport has answered.
class Answers {
 public:
  Transport::Done For(const std::string& id);
  void Send(Transport& transport, std::shared_ptr<const IntegrationEvent> event) {
    transport.Send(event, For(event->id));
  }

  // Waits until the message is answered; a minute at most.
  DeliveryResult Of(const std::string& id);
  [[nodiscard]] bool WaitFor(size_t count);
  size_t count() const;
  size_t Count(Delivery delivery) const;
  // In the order they came.
  std::vector<std::string> Ids() const;
  // What all that were not confirmed have said.
  std::string Whys() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, DeliveryResult> answers_;
  std::vector<std::string> order_;
};

// An exchange of its own for each test.
class RabbitTest : public ::testing::Test {
 protected:
  RabbitTest();

  RabbitMqTransportOptions Options() const {
    return {.uri = Server().uri(), .exchange = exchange_};
  }
  std::unique_ptr<RabbitMqTransport> Connect(RabbitMqTransportOptions options) const;
  // A queue that all messages of the exchange go to.
  std::string Queue(const std::map<std::string, std::string>& arguments = {});

  const std::string exchange_;
  RabbitClient client_;
};

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_RABBITMQ_SUPPORT_H_
