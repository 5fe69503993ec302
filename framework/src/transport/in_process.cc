#include "daybook/in_process.h"

#include <boost/signals2/signal.hpp>
#include <deque>
#include <thread>
#include <utility>

#include "daybook/subscription.h"
#include "make_status.h"
#include "mutex.h"
#include "subscription/outcome.h"

namespace daybook {
namespace {

using internal::MakeStatus;
using internal::MutexLock;
using internal::Verdict;

struct Message {
  std::shared_ptr<const IntegrationEvent> event;
  Transport::Done done;
};

absl::Status NobodyIsConnected() {
  return MakeStatus(absl::StatusCode::kNotFound,
                    "nothing is connected to the in-process transport");
}

// The answer of the first slot that does not return OK; nobody's is an answer too.
struct FirstTrouble {
  using result_type = absl::Status;
  template <typename Answer>
  absl::Status operator()(Answer first, Answer last) const {
    if (first == last) return Outage(NobodyIsConnected());
    for (; first != last; ++first) {
      if (absl::Status answer = *first; !answer.ok()) return answer;
    }
    return absl::OkStatus();
  }
};

DeliveryResult ResultOf(const absl::Status& answer) {
  switch (internal::OutcomeOf(answer).verdict) {
    case Verdict::kDone:
      return {};
    case Verdict::kNever:
      return {Delivery::kFailed, answer};
    case Verdict::kEverything:
    case Verdict::kHalt:
      return {Delivery::kDown, answer};
    case Verdict::kFailed:
    case Verdict::kNotNow:
    case Verdict::kGone:
      break;
  }
  return {Delivery::kTryAgain, answer};
}

}  // namespace

class InProcessTransport::Impl {
 public:
  Impl() : thread_([this] { Run(); }) {}

  ~Impl() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    changed_.NotifyAll();
    thread_.join();
  }

  boost::signals2::connection Connect(Slot slot) { return signal_.connect(std::move(slot)); }

  void Send(std::shared_ptr<const IntegrationEvent> event, Done done) {
    {
      MutexLock lock(mutex_);
      queue_.push_back({std::move(event), std::move(done)});
      ++health_.in_flight;
    }
    changed_.NotifyAll();
  }

  TransportHealth Health() const {
    MutexLock lock(mutex_);
    TransportHealth health = health_;
    health.connected = !signal_.empty();
    return health;
  }

 private:
  void Run() {
    while (true) {
      Message message;
      {
        MutexLock lock(mutex_);
        while (queue_.empty() && !stopping_) changed_.Wait(mutex_);
        if (queue_.empty()) return;
        message = std::move(queue_.front());
        queue_.pop_front();
      }
      const DeliveryResult result = Deliver(*message.event);
      {
        MutexLock lock(mutex_);
        --health_.in_flight;
        if (result.delivery == Delivery::kConfirmed) {
          ++health_.confirmed;
        } else {
          health_.last_error = result.why;
        }
      }
      message.done(result);
    }
  }

  DeliveryResult Deliver(const IntegrationEvent& event) {
    {
      MutexLock lock(mutex_);
      if (stopping_) {
        return {Delivery::kDown, MakeStatus(absl::StatusCode::kUnavailable,
                                            "the in-process transport is being destroyed")};
      }
    }
    try {
      return ResultOf(signal_(event));
    } catch (...) {
      return ResultOf(internal::FromCurrentException("a slot of the in-process transport"));
    }
  }

  boost::signals2::signal<absl::Status(const IntegrationEvent&), FirstTrouble> signal_;
  mutable internal::Mutex mutex_;
  internal::CondVar changed_;
  std::deque<Message> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  TransportHealth health_ ABSL_GUARDED_BY(mutex_) = {.endpoint = "in-process"};
  std::thread thread_;
};

InProcessTransport::InProcessTransport() : impl_(std::make_unique<Impl>()) {}
InProcessTransport::~InProcessTransport() = default;
boost::signals2::connection InProcessTransport::Connect(Slot slot) {
  return impl_->Connect(std::move(slot));
}
void InProcessTransport::Send(std::shared_ptr<const IntegrationEvent> event, Done done) {
  impl_->Send(std::move(event), std::move(done));
}
TransportHealth InProcessTransport::Health() const { return impl_->Health(); }

}  // namespace daybook
