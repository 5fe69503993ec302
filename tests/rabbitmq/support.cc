#include "rabbitmq/support.h"

#include <thread>

namespace daybook::test {

namespace {
constexpr std::chrono::minutes kPatience(1);
}

const Authority& Certificates() {
  static const Authority authority;
  return authority;
}

RabbitServer& Server() {
  static const bool issued = [] {
    Certificates().Issue("broker", "IP:127.0.0.1");
    return true;
  }();
  static RabbitServer server(
      "max_message_size = " + std::to_string(kLargestMessage),
      RabbitServer::Tls{.ca_file = Certificates().ca_file(),
                        .certificate_file = Certificates().certificate_file("broker"),
                        .key_file = Certificates().key_file("broker")});
  static_cast<void>(issued);
  return server;
}

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

std::shared_ptr<const IntegrationEvent> Event(const std::string& id, std::string data) {
  return std::make_shared<IntegrationEvent>(
      IntegrationEvent{.id = id,
                       .source = "/test/orders",
                       .type = "test.contracts.v1.Happened",
                       .subject = "42",
                       .time = RecordedTime(std::chrono::microseconds(1'700'000'000'123'456)),
                       .data_content_type = std::string(kProtobufContent),
                       .data_schema = "type.googleapis.com/test.contracts.v1.Happened",
                       .partition_key = "order-42",
                       .sequence = "00000000000000000007",
                       .correlation_id = "conversation",
                       .causation_id = "cause",
                       .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                       .tracestate = "vendor=value",
                       .data = std::move(data)});
}

Transport::Done Answers::For(const std::string& id) {
  return [this, id](DeliveryResult result) {
    std::lock_guard lock(mutex_);
    EXPECT_TRUE(answers_.emplace(id, std::move(result)).second) << id << " is answered twice";
    order_.push_back(id);
    changed_.notify_all();
  };
}

DeliveryResult Answers::Of(const std::string& id) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [&] { return answers_.contains(id); })) {
    ADD_FAILURE() << id << " is not answered";
    return {.delivery = Delivery::kNotKnown, .why = absl::InternalError("no answer")};
  }
  return answers_[id];
}

bool Answers::WaitFor(size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return order_.size() >= count; });
}

size_t Answers::count() const {
  std::lock_guard lock(mutex_);
  return order_.size();
}

size_t Answers::Count(Delivery delivery) const {
  std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const auto& [id, answer] : answers_) count += answer.delivery == delivery ? 1 : 0;
  return count;
}

std::string Answers::Whys() const {
  std::lock_guard lock(mutex_);
  std::string whys;
  for (const auto& [id, answer] : answers_) whys += answer.why.ToString() + "\n";
  return whys;
}

std::vector<std::string> Answers::Ids() const {
  std::lock_guard lock(mutex_);
  return order_;
}

RabbitTest::RabbitTest()
    : exchange_(::testing::UnitTest::GetInstance()->current_test_info()->name()),
      client_(Server().port()) {
  client_.DeclareExchange(exchange_);
}

std::unique_ptr<RabbitMqTransport> RabbitTest::Connect(RabbitMqTransportOptions options) const {
  auto transport = RabbitMqTransport::Connect(std::move(options));
  EXPECT_THAT(transport, IsOk());
  return transport.ok() ? *std::move(transport) : nullptr;
}

std::string RabbitTest::Queue(const std::map<std::string, std::string>& arguments) {
  const std::string name = exchange_ + "-queue";
  client_.DeclareQueue(name, arguments);
  client_.Bind(name, exchange_);
  return name;
}

}  // namespace daybook::test
