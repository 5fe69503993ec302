#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daybook/rabbitmq.h"
#include "make_status.h"
#include "mutex.h"
#include "status_macros.h"
#include "to_absl.h"
#include "transport/rabbitmq/bell.h"
#include "transport/rabbitmq/errors.h"
#include "transport/rabbitmq/pause.h"
#include "transport/rabbitmq/publishing.h"
#include "transport/rabbitmq/uri.h"

namespace daybook {

namespace {

using internal::MakeStatus;
using internal::rabbitmq::ConnectionOptions;
using internal::rabbitmq::OutOfBounds;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause(100);
constexpr milliseconds kLongestPause(5000);
// Between two looks at what the broker says.
constexpr int kBatch = 64;

absl::Status Check(const RabbitMqTransportOptions& options) {
  if (options.exchange.empty()) return OutOfBounds("exchange is empty");
  if (options.exchange.size() > 255) return OutOfBounds("exchange is longer than 255 bytes");
  if (options.confirm_window < 1 || options.confirm_window > 65535) {
    return OutOfBounds("confirm_window is not between 1 and 65,535");
  }
  if (options.confirm_timeout < std::chrono::seconds(1) ||
      options.confirm_timeout > std::chrono::minutes(10)) {
    return OutOfBounds("confirm_timeout is not between 1 s and 10 minutes");
  }
  return absl::OkStatus();
}

}  // namespace

class RabbitMqTransport::Impl {
 public:
  Impl(RabbitMqTransportOptions options, ConnectionOptions connection);
  ~Impl();

  bool ok() const { return wake_.ok() && stopper_.ok(); }
  void Start() { thread_ = std::thread(&Impl::Run, this); }

  void Send(internal::rabbitmq::Outgoing message);
  TransportHealth Health() const;

 private:
  using Outgoing = internal::rabbitmq::Outgoing;
  using Publishing = internal::rabbitmq::Publishing;

  void Run();
  void Turn();
  void Reach();
  absl::Status Exchange();
  absl::Status PublishSome();
  void Break(const absl::Status& why);
  void Wait();
  void Finish();

  void TakePending();
  void Answer(Outgoing message, DeliveryResult result);
  void AnswerWaiting(const absl::Status& why);
  void NoteConnected(bool connected, absl::Status why);

  const RabbitMqTransportOptions options_;
  const ConnectionOptions connection_options_;
  internal::rabbitmq::Bell wake_;
  internal::rabbitmq::Stopper stopper_;

  // The thread's own.
  std::unique_ptr<Publishing> publishing_;
  std::deque<Outgoing> waiting_;
  absl::Status last_error_;
  internal::rabbitmq::Pause pause_{kFirstPause, kLongestPause};
  Clock::time_point next_attempt_ = {};

  mutable internal::Mutex mutex_;
  internal::CondVar finished_changed_;
  std::vector<Outgoing> pending_ ABSL_GUARDED_BY(mutex_);
  TransportHealth health_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

RabbitMqTransport::Impl::Impl(RabbitMqTransportOptions options, ConnectionOptions connection)
    : options_(std::move(options)), connection_options_(std::move(connection)) {
  health_.endpoint =
      absl::StrCat(connection_options_.address.Shown(), ", exchange ", options_.exchange);
}

RabbitMqTransport::Impl::~Impl() {
  if (!thread_.joinable()) return;
  stopper_.Stop();
  {
    internal::MutexLock lock(mutex_);
    const Clock::time_point deadline = Clock::now() + internal::rabbitmq::Stopper::kStopsByItself;
    while (!finished_ && Clock::now() < deadline) finished_changed_.WaitUntil(mutex_, deadline);
  }
  stopper_.Cut();
  thread_.join();
}

void RabbitMqTransport::Impl::Send(Outgoing message) {
  {
    internal::MutexLock lock(mutex_);
    if (!closed_) {
      const bool first = pending_.empty();
      pending_.push_back(std::move(message));
      ++health_.in_flight;
      if (first) wake_.Ring();
      return;
    }
  }
  message.done({Delivery::kDown,
                MakeStatus(absl::StatusCode::kUnavailable, "the transport is being destroyed")});
}

TransportHealth RabbitMqTransport::Impl::Health() const {
  internal::MutexLock lock(mutex_);
  return health_;
}

void RabbitMqTransport::Impl::Run() {
  while (!stopper_.stopped()) Turn();
  Finish();
}

void RabbitMqTransport::Impl::Turn() {
  TakePending();
  if (publishing_ == nullptr && !waiting_.empty()) Reach();
  if (publishing_ != nullptr) {
    if (absl::Status status = Exchange(); !status.ok()) Break(status);
  }
  if (publishing_ == nullptr || publishing_->full() || waiting_.empty()) Wait();
}

// Connects, unless it is too early: then, and on failure, what waits is answered.
void RabbitMqTransport::Impl::Reach() {
  const Clock::time_point now = Clock::now();
  if (now < next_attempt_) {
    AnswerWaiting(last_error_);
    return;
  }
  auto opened = Publishing::Open(options_, connection_options_, stopper_,
                                 [this](Outgoing message, DeliveryResult result) {
                                   Answer(std::move(message), std::move(result));
                                 });
  next_attempt_ = now + pause_.Next();
  if (opened.ok()) {
    publishing_ = *std::move(opened);
    pause_.Reset();
    NoteConnected(true, absl::OkStatus());
    return;
  }
  Break(opened.status());
}

// Receives last: what the client library has read already does not wake Wait().
absl::Status RabbitMqTransport::Impl::Exchange() {
  const absl::Status published = PublishSome();
  const absl::Status received = publishing_->Receive();
  if (!published.ok()) {
    // What the broker said before it hung up tells more.
    return received.ok() || absl::IsUnavailable(received) ? published : received;
  }
  DAYBOOK_RETURN_IF_ERROR(received);
  std::vector<Outgoing> again = publishing_->TakeUnseen();
  waiting_.insert(waiting_.begin(), std::move_iterator(again.begin()),
                  std::move_iterator(again.end()));
  if (!publishing_->blocked().ok()) AnswerWaiting(publishing_->blocked());
  return publishing_->CheckConfirms();
}

absl::Status RabbitMqTransport::Impl::PublishSome() {
  for (int i = 0; i < kBatch && !waiting_.empty() && !publishing_->full(); ++i) {
    Outgoing message = std::move(waiting_.front());
    waiting_.pop_front();
    DAYBOOK_RETURN_IF_ERROR(publishing_->Publish(std::move(message)));
  }
  return absl::OkStatus();
}

void RabbitMqTransport::Impl::Break(const absl::Status& why) {
  const absl::Status shown = MakeStatus(
      why.code(), absl::StrCat(connection_options_.address.Shown(), ": ", why.message()));
  last_error_ = shown;
  NoteConnected(false, shown);
  if (publishing_ != nullptr) publishing_->Abandon(shown);
  publishing_.reset();
  TakePending();
  AnswerWaiting(shown);
}

void RabbitMqTransport::Impl::Wait() {
  pollfd fds[] = {{.fd = wake_.fd(), .events = POLLIN, .revents = 0},
                  {.fd = stopper_.fd(), .events = POLLIN, .revents = 0},
                  {.fd = -1, .events = POLLIN, .revents = 0}};
  int timeout = -1;
  if (publishing_ != nullptr) {
    fds[2].fd = publishing_->socket();
    timeout = static_cast<int>(publishing_->LongestWait().count());
  }
  // Interrupted, or without a result, is a turn too early.
  (void)poll(fds, std::size(fds), timeout);
}

void RabbitMqTransport::Impl::Finish() {
  {
    internal::MutexLock lock(mutex_);
    closed_ = true;
  }
  TakePending();
  const absl::Status why = MakeStatus(absl::StatusCode::kUnavailable,
                                      "the transport was destroyed before an answer came");
  if (publishing_ != nullptr) publishing_->Abandon(why);
  AnswerWaiting(why);
  if (publishing_ != nullptr) publishing_->Close();
  publishing_.reset();
  internal::MutexLock lock(mutex_);
  finished_ = true;
  finished_changed_.NotifyAll();
}

void RabbitMqTransport::Impl::TakePending() {
  wake_.Silence();
  std::vector<Outgoing> taken;
  {
    internal::MutexLock lock(mutex_);
    taken.swap(pending_);
  }
  std::move(taken.begin(), taken.end(), std::back_inserter(waiting_));
}

void RabbitMqTransport::Impl::Answer(Outgoing message, DeliveryResult result) {
  {
    internal::MutexLock lock(mutex_);
    --health_.in_flight;
    if (result.delivery == Delivery::kConfirmed) {
      ++health_.confirmed;
    } else {
      health_.last_error = result.why;
    }
  }
  message.done(std::move(result));
}

void RabbitMqTransport::Impl::AnswerWaiting(const absl::Status& why) {
  while (!waiting_.empty()) {
    Outgoing message = std::move(waiting_.front());
    waiting_.pop_front();
    Answer(std::move(message), {Delivery::kDown, why});
  }
}

void RabbitMqTransport::Impl::NoteConnected(bool connected, absl::Status why) {
  internal::MutexLock lock(mutex_);
  health_.connected = connected;
  if (connected) ++health_.connections;
  health_.last_error = std::move(why);
}

absl::StatusOr<std::unique_ptr<RabbitMqTransport>> RabbitMqTransport::Connect(
    RabbitMqTransportOptions options) {
  DAYBOOK_RETURN_IF_ERROR(Check(options));
  ConnectionOptions connection = {.tls = options.tls,
                                  .connect_timeout = options.connect_timeout,
                                  .heartbeat = options.heartbeat,
                                  .write_timeout = options.confirm_timeout};
  DAYBOOK_ASSIGN_OR_RETURN(connection.address, internal::rabbitmq::ParseUri(options.uri));
  DAYBOOK_RETURN_IF_ERROR(internal::rabbitmq::Check(connection));
  auto impl = std::make_unique<Impl>(std::move(options), std::move(connection));
  if (!impl->ok()) {
    return MakeStatus(absl::StatusCode::kResourceExhausted, "out of file descriptors");
  }
  impl->Start();
  return std::unique_ptr<RabbitMqTransport>(new RabbitMqTransport(std::move(impl)));
}

RabbitMqTransport::RabbitMqTransport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RabbitMqTransport::~RabbitMqTransport() = default;

void RabbitMqTransport::Send(std::shared_ptr<const IntegrationEvent> event, Done done) {
  impl_->Send({.event = std::move(event), .done = std::move(done)});
}

TransportHealth RabbitMqTransport::Health() const { return impl_->Health(); }

}  // namespace daybook
