#include <poll.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <iterator>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daybook/rabbitmq.h"
#include "make_status.h"
#include "mutex.h"
#include "status_macros.h"
#include "transport/rabbitmq/bell.h"
#include "transport/rabbitmq/consuming.h"
#include "transport/rabbitmq/errors.h"
#include "transport/rabbitmq/pause.h"
#include "transport/rabbitmq/uri.h"

namespace daybook {
namespace {

using internal::CondVar;
using internal::MakeStatus;
using internal::Mutex;
using internal::MutexLock;
using internal::rabbitmq::Bell;
using internal::rabbitmq::ConnectionOptions;
using internal::rabbitmq::Consuming;
using internal::rabbitmq::Content;
using internal::rabbitmq::OutOfBounds;
using internal::rabbitmq::Pause;
using internal::rabbitmq::Stopper;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// An exchange that is deleted takes its bindings along, and nobody tells the consumer.
constexpr std::chrono::seconds kBindAgain(5);

absl::Status Check(const RabbitMqConsumerOptions& options) {
  if (options.queue.empty()) return OutOfBounds("queue is empty");
  if (options.queue.size() > 255) return OutOfBounds("queue is longer than 255 bytes");
  if (options.prefetch < 1 || options.prefetch > 65535) {
    return OutOfBounds("prefetch is not between 1 and 65,535");
  }
  for (const RabbitMqBinding& binding : options.bindings) {
    if (binding.exchange.empty()) return OutOfBounds("a binding's exchange is empty");
    if (binding.exchange.size() > 255 || binding.routing_key.size() > 255) {
      return OutOfBounds("a binding has a part longer than 255 bytes");
    }
  }
  return absl::OkStatus();
}

}  // namespace

// Two threads, so that heartbeats go on while a handler is slow: one talks to the broker, the other
// to the inbox.
class RabbitMqConsumer::Impl {
 public:
  Impl(RabbitMqConsumerOptions options, ConnectionOptions connection, Inbox& inbox);
  ~Impl();

  bool ok() const { return wake_.ok() && stopper_.ok(); }
  void Start();
  RabbitMqConsumerHealth Health() const;

 private:
  // A message, and the connection that it came over.
  struct Delivery {
    int64_t connection = 0;
    Content content = {};
  };

  void Run();
  void Turn();
  void Reach();
  absl::Status Exchange();
  absl::Status SendAcknowledgement();
  void Break(const absl::Status& why);
  void Wait() const;

  void Work(const std::stop_token& stop);
  std::optional<Delivery> NextDelivery(const std::stop_token& stop);
  void Handle(Delivery delivery, const std::stop_token& stop);
  bool IsCurrent(const Delivery& delivery) const;
  void NoteTaken(const Delivery& delivery, Receipt receipt);
  // False: somebody else is to have the message.
  bool PauseAfter(const absl::Status& failure, const Delivery& delivery,
                  const std::stop_token& stop);

  const RabbitMqConsumerOptions options_;
  const ConnectionOptions connection_options_;
  Inbox& inbox_;
  Bell wake_;
  Stopper stopper_;

  // Of the thread that talks to the broker.
  std::unique_ptr<Consuming> consuming_;
  Pause reconnect_{milliseconds(100), milliseconds(5000)};
  Clock::time_point next_attempt_ = {};
  Clock::time_point next_bind_ = {};

  // Of the thread that works.
  Pause retry_{milliseconds(100), milliseconds(30000)};

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Delivery> deliveries_ ABSL_GUARDED_BY(mutex_);
  int64_t connection_ ABSL_GUARDED_BY(mutex_) = 0;  // which one it is; rises
  uint64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;      // up to this tag, on this connection
  uint64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status broker_error_ ABSL_GUARDED_BY(mutex_);
  absl::Status inbox_error_ ABSL_GUARDED_BY(mutex_);
  RabbitMqConsumerHealth health_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread talker_;
  std::jthread worker_;
};

RabbitMqConsumer::Impl::Impl(RabbitMqConsumerOptions options, ConnectionOptions connection,
                             Inbox& inbox)
    : options_(std::move(options)), connection_options_(std::move(connection)), inbox_(inbox) {
  health_.endpoint = absl::StrCat(connection_options_.address.Shown(), ", queue ", options_.queue);
}

void RabbitMqConsumer::Impl::Start() {
  talker_ = std::thread(&Impl::Run, this);
  worker_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
}

// The worker first: what it has finished is acknowledged before the goodbye.
RabbitMqConsumer::Impl::~Impl() {
  if (!talker_.joinable()) return;
  worker_.request_stop();
  {
    MutexLock lock(mutex_);
    changed_.NotifyAll();
  }
  worker_.join();
  stopper_.Stop();
  {
    MutexLock lock(mutex_);
    const Clock::time_point deadline = Clock::now() + Stopper::kStopsByItself;
    while (!finished_ && Clock::now() < deadline) changed_.WaitUntil(mutex_, deadline);
  }
  stopper_.Cut();
  talker_.join();
}

RabbitMqConsumerHealth RabbitMqConsumer::Impl::Health() const {
  MutexLock lock(mutex_);
  RabbitMqConsumerHealth health = health_;
  health.last_error = broker_error_.ok() ? inbox_error_ : broker_error_;
  return health;
}

void RabbitMqConsumer::Impl::Run() {
  while (!stopper_.stopped()) Turn();
  // What cannot be acknowledged any more comes again.
  if (consuming_ != nullptr && SendAcknowledgement().ok()) consuming_->Close();
  consuming_.reset();
  MutexLock lock(mutex_);
  finished_ = true;
  changed_.NotifyAll();
}

void RabbitMqConsumer::Impl::Turn() {
  wake_.Silence();
  if (consuming_ == nullptr && Clock::now() >= next_attempt_) Reach();
  if (consuming_ != nullptr) {
    if (absl::Status status = Exchange(); !status.ok()) Break(status);
  }
  Wait();
}

void RabbitMqConsumer::Impl::Reach() {
  const Clock::time_point now = Clock::now();
  absl::StatusOr<std::unique_ptr<Consuming>> opened =
      Consuming::Open(options_, connection_options_, stopper_);
  next_attempt_ = now + reconnect_.Next();
  if (!opened.ok()) {
    Break(opened.status());
    return;
  }
  reconnect_.Reset();
  consuming_ = *std::move(opened);
  next_bind_ = Clock::now() + kBindAgain;
  MutexLock lock(mutex_);
  ++connection_;
  taken_ = acknowledged_ = 0;
  health_.connected = true;
  broker_error_ = absl::OkStatus();
}

// Receives last: what the client library has read already does not wake Wait().
absl::Status RabbitMqConsumer::Impl::Exchange() {
  DAYBOOK_RETURN_IF_ERROR(SendAcknowledgement());
  if (const Clock::time_point now = Clock::now(); now >= next_bind_) {
    DAYBOOK_RETURN_IF_ERROR(consuming_->Bind(options_));
    next_bind_ = now + kBindAgain;
  }
  std::vector<Content> came;
  const absl::Status received = consuming_->Receive(came);
  MutexLock lock(mutex_);
  health_.received += static_cast<int64_t>(came.size());
  for (Content& content : came) {
    deliveries_.push_back({.connection = connection_, .content = std::move(content)});
  }
  if (!came.empty()) changed_.NotifyAll();
  return received;
}

absl::Status RabbitMqConsumer::Impl::SendAcknowledgement() {
  uint64_t tag;
  {
    MutexLock lock(mutex_);
    if (taken_ == acknowledged_) return absl::OkStatus();
    tag = acknowledged_ = taken_;
  }
  return consuming_->Acknowledge(tag);
}

// What has not been worked on will come again.
void RabbitMqConsumer::Impl::Break(const absl::Status& why) {
  consuming_.reset();
  MutexLock lock(mutex_);
  ++connection_;
  deliveries_.clear();
  health_.connected = false;
  broker_error_ = MakeStatus(
      why.code(), absl::StrCat(connection_options_.address.Shown(), ": ", why.message()));
  changed_.NotifyAll();
}

void RabbitMqConsumer::Impl::Wait() const {
  pollfd fds[] = {{.fd = wake_.fd(), .events = POLLIN, .revents = 0},
                  {.fd = stopper_.fd(), .events = POLLIN, .revents = 0},
                  {.fd = -1, .events = POLLIN, .revents = 0}};
  milliseconds timeout = LongestWait(connection_options_);
  if (consuming_ != nullptr) {
    fds[2].fd = consuming_->socket();
  } else {
    const auto left = std::chrono::ceil<milliseconds>(next_attempt_ - Clock::now());
    timeout = std::max(milliseconds(0), left);
  }
  // Interrupted, or without a result, is a turn too early.
  (void)poll(fds, std::size(fds), static_cast<int>(timeout.count()));
}

void RabbitMqConsumer::Impl::Work(const std::stop_token& stop) {
  while (std::optional<Delivery> delivery = NextDelivery(stop)) Handle(*std::move(delivery), stop);
}

std::optional<RabbitMqConsumer::Impl::Delivery> RabbitMqConsumer::Impl::NextDelivery(
    const std::stop_token& stop) {
  MutexLock lock(mutex_);
  while (deliveries_.empty() && !stop.stop_requested()) changed_.Wait(mutex_);
  if (stop.stop_requested()) return std::nullopt;
  Delivery delivery = std::move(deliveries_.front());
  deliveries_.pop_front();
  return delivery;
}

void RabbitMqConsumer::Impl::Handle(Delivery delivery, const std::stop_token& stop) {
  while (IsCurrent(delivery)) {
    absl::StatusOr<Receipt> receipt = inbox_.Receive(delivery.content.message, stop);
    if (receipt.ok()) {
      NoteTaken(delivery, *receipt);
      return;
    }
    if (!PauseAfter(receipt.status(), delivery, stop)) return;
  }
}

bool RabbitMqConsumer::Impl::IsCurrent(const Delivery& delivery) const {
  MutexLock lock(mutex_);
  return delivery.connection == connection_;
}

void RabbitMqConsumer::Impl::NoteTaken(const Delivery& delivery, Receipt receipt) {
  retry_.Reset();
  MutexLock lock(mutex_);
  inbox_error_ = absl::OkStatus();
  switch (receipt) {
    case Receipt::kHandled:
      ++health_.handled;
      break;
    case Receipt::kDuplicate:
      ++health_.duplicates;
      break;
    case Receipt::kIgnored:
      ++health_.ignored;
      break;
    case Receipt::kParked:
      ++health_.parked;
      break;
  }
  if (delivery.connection != connection_) return;
  const bool first = taken_ == acknowledged_;
  taken_ = delivery.content.delivery_tag;
  if (first) wake_.Ring();
}

bool RabbitMqConsumer::Impl::PauseAfter(const absl::Status& failure, const Delivery& delivery,
                                        const std::stop_token& stop) {
  const Clock::time_point until = Clock::now() + retry_.Next();
  MutexLock lock(mutex_);
  if (!stop.stop_requested()) inbox_error_ = failure;
  while (!stop.stop_requested() && delivery.connection == connection_ && Clock::now() < until) {
    changed_.WaitUntil(mutex_, until);
  }
  return !stop.stop_requested();
}

absl::StatusOr<std::unique_ptr<RabbitMqConsumer>> RabbitMqConsumer::Start(
    RabbitMqConsumerOptions options, Inbox& inbox) {
  DAYBOOK_RETURN_IF_ERROR(Check(options));
  ConnectionOptions connection = {.tls = options.tls,
                                  .connect_timeout = options.connect_timeout,
                                  .heartbeat = options.heartbeat,
                                  .write_timeout = 2 * options.heartbeat};
  DAYBOOK_ASSIGN_OR_RETURN(connection.address, internal::rabbitmq::ParseUri(options.uri));
  DAYBOOK_RETURN_IF_ERROR(Check(connection));
  auto impl = std::make_unique<Impl>(std::move(options), std::move(connection), inbox);
  if (!impl->ok()) {
    return MakeStatus(absl::StatusCode::kResourceExhausted, "out of file descriptors");
  }
  impl->Start();
  return std::unique_ptr<RabbitMqConsumer>(new RabbitMqConsumer(std::move(impl)));
}

RabbitMqConsumer::RabbitMqConsumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RabbitMqConsumer::~RabbitMqConsumer() = default;

RabbitMqConsumerHealth RabbitMqConsumer::Health() const { return impl_->Health(); }

}  // namespace daybook
