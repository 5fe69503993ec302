#include "daybook/commit_signal.h"

#include <boost/signals2/signal.hpp>
#include <cassert>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "make_status.h"
#include "mutex.h"

namespace daybook {
namespace {

using internal::Mutex;
using internal::MutexLock;
using std::chrono::steady_clock;

constexpr std::chrono::minutes kLongWait(1);
constexpr std::chrono::seconds kPauseAfterError(1);

void Pause(const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock<std::mutex> lock(mutex);
  std::condition_variable_any().wait_for(lock, stop, kPauseAfterError, [] { return false; });
}

}  // namespace

class CommitSignal::Impl {
 public:
  Impl(EventStore& store, std::function<void(const absl::Status&)> on_problem)
      : store_(store), on_problem_(std::move(on_problem)) {}
  ~Impl();

  boost::signals2::connection Connect(std::function<void(Position)> slot);

 private:
  // Lives in each connected slot; with the last of them the thread ends.
  class Presence {
   public:
    explicit Presence(Impl& impl) : impl_(impl) { impl_.Enter(); }
    ~Presence() { impl_.Leave(); }

   private:
    Impl& impl_;
  };

  void Enter();
  void Leave();
  void Run(const std::stop_token& stop, Position seen);
  void Problem(const absl::Status& status) {
    if (on_problem_) on_problem_(status);
  }

  EventStore& store_;
  const std::function<void(const absl::Status&)> on_problem_;

  Mutex mutex_;
  int present_ ABSL_GUARDED_BY(mutex_) = 0;
  std::jthread thread_ ABSL_GUARDED_BY(mutex_);

  boost::signals2::signal<void(Position)> signal_;  // dies first: its slots call Leave
};

CommitSignal::Impl::~Impl() {
  std::jthread thread;
  {
    MutexLock lock(mutex_);
    thread = std::move(thread_);
  }
  assert(thread.get_id() != std::this_thread::get_id() &&
         "a CommitSignal must not be destroyed by its own slot");
}

boost::signals2::connection CommitSignal::Impl::Connect(std::function<void(Position)> slot) {
  return signal_.connect(
      [this, presence = std::make_shared<Presence>(*this), slot = std::move(slot)](Position head) {
        try {
          slot(head);
        } catch (...) {
          Problem(internal::FromCurrentException("a slot of a CommitSignal"));
        }
      });
}

void CommitSignal::Impl::Enter() {
  const Position seen = store_.Head().value_or(Position(0));
  std::jthread ending;
  {
    MutexLock lock(mutex_);
    if (++present_ > 1) return;
    ending = std::move(thread_);
  }
  if (ending.joinable()) ending.join();
  MutexLock lock(mutex_);
  if (present_ > 0 && !thread_.joinable()) {
    thread_ = std::jthread([this, seen](const std::stop_token& stop) { Run(stop, seen); });
  }
}

void CommitSignal::Impl::Leave() {
  MutexLock lock(mutex_);
  if (--present_ == 0) thread_.request_stop();
}

void CommitSignal::Impl::Run(const std::stop_token& stop, Position seen) {
  while (!stop.stop_requested()) {
    const absl::StatusOr<Position> head =
        store_.WaitBeyond(seen, steady_clock::now() + kLongWait, stop);
    if (head.ok()) {
      seen = *head;
      signal_(seen);
    } else if (!absl::IsDeadlineExceeded(head.status())) {
      Problem(head.status());
      Pause(stop);
    }
  }
}

CommitSignal::CommitSignal(EventStore& store, std::function<void(const absl::Status&)> on_problem)
    : impl_(std::make_unique<Impl>(store, std::move(on_problem))) {}

CommitSignal::~CommitSignal() = default;

boost::signals2::connection CommitSignal::Connect(std::function<void(Position head)> slot) {
  return impl_->Connect(std::move(slot));
}

}  // namespace daybook
