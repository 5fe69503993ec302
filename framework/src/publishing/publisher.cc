#include "daybook/publisher.h"

#include <cassert>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "mutex.h"
#include "subscription/outcome.h"

namespace daybook {
namespace internal {
namespace {

using SharedEvent = std::shared_ptr<const IntegrationEvent>;

// A record on its way, and what became of its messages so far.
struct Job {
  Job(Position at, Completion completion) : position(at), done(std::move(completion)) {}

  const Position position;
  Completion done;
  std::vector<SharedEvent> messages;
  bool alone = false;

  Mutex mutex;
  size_t unanswered ABSL_GUARDED_BY(mutex) = 0;
  DeliveryResult worst ABSL_GUARDED_BY(mutex);
};
using JobPtr = std::shared_ptr<Job>;

// Sends the messages of records, and finds out which of them breaks the connection: after one that
// broke, those that were in flight are suspects, and each goes alone.
class Publisher : public std::enable_shared_from_this<Publisher> {
 public:
  Publisher(Translator translator, Transport& transport)
      : translator_(std::move(translator)), transport_(transport) {}

  void Handle(const Record& record, Completion done) {
    absl::StatusOr<std::vector<IntegrationEvent>> made = translator_.Translate(*record);
    if (!made.ok() || made->empty()) return done(made.status());
    auto job = std::make_shared<Job>(record->position(), std::move(done));
    for (IntegrationEvent& event : *made) {
      job->messages.push_back(std::make_shared<const IntegrationEvent>(std::move(event)));
    }
    {
      MutexLock lock(mutex_);
      job->alone = suspects_.contains(job->position);
      (job->alone ? alone_ : waiting_).push_back(std::move(job));
    }
    Pump();
  }

 private:
  struct Suspect {
    int breaks = 0;  // of the connection, alone
    bool others_passed = false;
  };

  // A transport may answer while it is being handed a message: then the outer call goes on.
  void Pump() {
    {
      MutexLock lock(mutex_);
      if (std::exchange(pumping_, true)) return;
    }
    while (const JobPtr job = Next()) Send(job);
  }

  JobPtr Next() {
    MutexLock lock(mutex_);
    std::deque<JobPtr>& from = alone_.empty() ? waiting_ : alone_;
    const bool may_go = alone_.empty() ? !one_is_alone_ : in_flight_ == 0;
    if (from.empty() || !may_go) {
      pumping_ = false;
      return nullptr;
    }
    JobPtr job = std::move(from.front());
    from.pop_front();
    ++in_flight_;
    one_is_alone_ = job->alone;
    return job;
  }

  void Send(const JobPtr& job) {
    {
      MutexLock lock(job->mutex);
      job->unanswered = job->messages.size();
    }
    for (const SharedEvent& message : job->messages) {
      transport_.Send(message, [self = shared_from_this(), job](DeliveryResult result) {
        self->OnAnswer(job, std::move(result));
      });
    }
  }

  void OnAnswer(const JobPtr& job, DeliveryResult result) {
    DeliveryResult worst;
    {
      MutexLock lock(job->mutex);
      if (result.delivery > job->worst.delivery) job->worst = std::move(result);
      if (--job->unanswered > 0) return;
      worst = std::move(job->worst);
    }
    absl::Status answer;
    {
      MutexLock lock(mutex_);
      --in_flight_;
      if (job->alone) one_is_alone_ = false;
      answer = Judge(*job, worst);
    }
    job->done(std::move(answer));
    Pump();
  }

  absl::Status Judge(const Job& job, const DeliveryResult& result)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    switch (result.delivery) {
      case Delivery::kDown:
        return Outage(result.why);
      case Delivery::kNotKnown:
        return job.alone ? JudgeLonely(job, result.why) : Suspected(job, result.why);
      case Delivery::kConfirmed:
      case Delivery::kTryAgain:
      case Delivery::kFailed:
        break;
    }
    suspects_.erase(job.position);
    if (result.delivery == Delivery::kTryAgain) return result.why;
    if (result.delivery == Delivery::kFailed) return Permanent(result.why);
    for (auto& [position, suspect] : suspects_) suspect.others_passed = true;
    return absl::OkStatus();
  }

  absl::Status Suspected(const Job& job, const absl::Status& why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    suspects_.try_emplace(job.position);
    return Outage(why);
  }

  absl::Status JudgeLonely(const Job& job, const absl::Status& why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Suspect& suspect = suspects_[job.position];
    if (suspect.breaks == 0 || suspect.others_passed) ++suspect.breaks;
    suspect.others_passed = false;
    if (suspect.breaks < kLonelyBreaks) return NotNow(why);
    suspects_.erase(job.position);
    return Permanent(
        MakeStatus(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("it alone broke the connection ", kLonelyBreaks,
                                " times, while others got through: ", std::string(why.message()))));
  }

  const Translator translator_;
  Transport& transport_;

  Mutex mutex_;
  std::map<Position, Suspect> suspects_ ABSL_GUARDED_BY(mutex_);
  std::deque<JobPtr> alone_ ABSL_GUARDED_BY(mutex_);    // suspects
  std::deque<JobPtr> waiting_ ABSL_GUARDED_BY(mutex_);  // until no suspect is under way
  int64_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  bool one_is_alone_ ABSL_GUARDED_BY(mutex_) = false;
  bool pumping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace
}  // namespace internal

std::string_view Name(Delivery delivery) {
  switch (delivery) {
    case Delivery::kConfirmed:
      return "confirmed";
    case Delivery::kTryAgain:
      return "try again";
    case Delivery::kFailed:
      return "failed";
    case Delivery::kDown:
      return "down";
    case Delivery::kNotKnown:
      break;
  }
  return "not known";
}

Handler PublishTo(Translator translator, Transport& transport) {
  if (absl::Status usable = translator.Check(); !usable.ok()) return Handler::Unusable(usable);
  auto publisher = std::make_shared<internal::Publisher>(std::move(translator), transport);
  return Handler::Later([publisher](const Record& record, Completion done) {
    publisher->Handle(record, std::move(done));
  });
}

}  // namespace daybook
