#include "daybook/domain_events.h"

#include <algorithm>
#include <boost/signals2/signal.hpp>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "former_names.h"
#include "make_status.h"
#include "mutex.h"
#include "serialize.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause(10);
constexpr milliseconds kLongestPause(1000);
constexpr std::chrono::minutes kLongestWait(10);

std::string Place(const RecordedEvent& event) {
  return absl::StrCat(internal::ToAbsl(event.stream()), ", version ", event.version().value(), ", ",
                      internal::ToAbsl(event.type()));
}

// False if a stop was requested.
bool Sleep(milliseconds pause, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, pause, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

class DomainEvents::Impl {
 public:
  Impl(EventStore& store, const DomainEventsOptions& options, Position head)
      : store_(store),
        options_(options),
        seen_(head),
        thread_([this](std::stop_token stop) { Follow(std::move(stop)); }) {}

  ~Impl() {
    assert(std::this_thread::get_id() != thread_.get_id() &&
           "a DomainEvents was destroyed by one of its own slots");
  }

  boost::signals2::connection Connect(const Message& prototype, Slot slot) {
    return ListenersTo(prototype).signal.connect(
        [this, slot = std::move(slot)](const Message& event, const RecordedEvent& at) {
          try {
            slot(event, at);
          } catch (...) {
            Report(internal::FromCurrentException(absl::StrCat(Place(at), ": a slot")));
          }
        });
  }

 private:
  struct Listeners {
    std::unique_ptr<Message> event;  // parsed into again and again, by thread_ alone
    boost::signals2::signal<void(const Message&, const RecordedEvent&)> signal;
  };

  Listeners& ListenersTo(const Message& prototype) {
    const Descriptor* type = prototype.GetDescriptor();
    internal::MutexLock lock(mutex_);
    std::unique_ptr<Listeners>& listeners = by_type_[type];
    if (listeners == nullptr) {
      listeners = std::make_unique<Listeners>();
      listeners->event.reset(prototype.New());
      for (const std::string& name : internal::StoredNames(*type)) {
        by_stored_name_[name].push_back(listeners.get());
      }
    }
    return *listeners;
  }

  std::vector<Listeners*> ListenersToStored(const std::string& name) {
    internal::MutexLock lock(mutex_);
    const auto found = by_stored_name_.find(name);
    return found == by_stored_name_.end() ? std::vector<Listeners*>() : found->second;
  }

  void Follow(std::stop_token stop) {
    milliseconds pause = kFirstPause;
    while (!stop.stop_requested()) {
      const absl::Status read = ReadOn(stop);
      if (read.ok()) {
        pause = kFirstPause;
        continue;
      }
      Report(read);
      if (!Sleep(pause, stop)) return;
      pause = std::min(pause * 2, kLongestPause);
    }
  }

  // Waits for what is new, and delivers a page of it.
  absl::Status ReadOn(const std::stop_token& stop) {
    const absl::StatusOr<Position> head =
        store_.WaitBeyond(seen_, std::chrono::steady_clock::now() + kLongestWait, stop);
    if (absl::IsDeadlineExceeded(head.status())) return absl::OkStatus();
    if (!head.ok()) return head.status();
    DAYBOOK_ASSIGN_OR_RETURN(const LogPage page, store_.Read(LogQuery{.after = seen_}));
    for (const StoredEvent& event : page.events) {
      if (stop.stop_requested()) return absl::OkStatus();
      Deliver(event);
    }
    seen_ = page.looked;
    return absl::OkStatus();
  }

  void Deliver(const StoredEvent& event) {
    for (Listeners* listeners : ListenersToStored(event.type)) {
      if (listeners->signal.empty()) continue;
      if (internal::ParseSilently(event.payload, *listeners->event)) {
        listeners->signal(*listeners->event, event.View());
      } else {
        Report(internal::MakeStatus(
            absl::StatusCode::kDataLoss,
            absl::StrCat(Place(event.View()), ": its payload cannot be decoded")));
      }
    }
  }

  void Report(const absl::Status& problem) {
    if (options_.on_problem) options_.on_problem(problem);
  }

  EventStore& store_;
  const DomainEventsOptions options_;
  internal::Mutex mutex_;
  std::unordered_map<const Descriptor*, std::unique_ptr<Listeners>> by_type_
      ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, std::vector<Listeners*>> by_stored_name_ ABSL_GUARDED_BY(mutex_);
  Position seen_;        // by thread_ alone
  std::jthread thread_;  // last: it uses the others
};

absl::StatusOr<std::unique_ptr<DomainEvents>> DomainEvents::Start(
    EventStore& store, const DomainEventsOptions& options) {
  DAYBOOK_ASSIGN_OR_RETURN(const Position head, store.Head());
  return std::unique_ptr<DomainEvents>(
      new DomainEvents(std::make_unique<Impl>(store, options, head)));
}

DomainEvents::DomainEvents(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

DomainEvents::~DomainEvents() = default;

boost::signals2::connection DomainEvents::Connect(const Message& prototype, Slot slot) {
  return impl_->Connect(prototype, std::move(slot));
}

}  // namespace daybook
