#ifndef DAYBOOK_SRC_SUBSCRIPTION_RUNNER_H_
#define DAYBOOK_SRC_SUBSCRIPTION_RUNNER_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "daybook/event_store.h"
#include "daybook/subscription.h"
#include "mutex.h"
#include "subscription/engine.h"
#include "subscription/hub.h"
#include "subscription/inbox.h"
#include "subscription/leases.h"
#include "subscription/log_feed.h"
#include "subscription/peephole.h"
#include "subscription/workers.h"

namespace daybook::internal {

// Where a checkpoint commits together with what the handler wrote, instead of in the store. For a
// handler that runs on the subscription's own thread. If it answers NotNow(), all that it wrote
// since the last commit has been rolled back, and the subscription begins anew.
class Effects {
 public:
  virtual ~Effects() = default;
  // A new owner begins: where the effects stand. IsConflict(): a later one has begun, in
  // LastEpoch().
  virtual absl::StatusOr<Position> Begin(int64_t epoch) = 0;
  virtual int64_t LastEpoch() const = 0;
  // Before each record. On failure the subscription begins anew. IsConflict(): somebody else has.
  virtual absl::Status BeginBatch() = 0;
  // The batch is to be committed before it grows.
  virtual bool IsFull() const = 0;
  // Commits what the handler has written since, and the checkpoint. On failure it is rolled back,
  // and the subscription begins anew.
  virtual absl::Status Commit(Position checkpoint) = 0;
  virtual void RollBack() = 0;
};

inline constexpr std::chrono::seconds kPauseAfterTrouble(1);

// Drives an engine: the clock, the threads, the feed, the rows and the handler.
class Runner : public Hub::Member, public Leases::Holder {
 public:
  Runner(EventStore& store, SubscriptionOptions options, Handler handler,
         Effects* effects = nullptr);
  ~Runner() override;

  absl::Status Start();
  void Stop();
  absl::Status CatchUp();
  absl::Status WaitUntil(Position position, EngineTime deadline) const;
  SubscriptionHealth Health() const;
  const SubscriptionOptions& options() const { return options_; }
  // Whoever stops it waits for its handlers, so they must not.
  void AbortIfCalledByItsHandler() const;

 private:
  // Others are told at most so often how it stands, unless they asked something.
  static constexpr std::chrono::seconds kRowInterval{1};

  const std::string& name() const override { return options_.name; }
  std::chrono::milliseconds lease() const override { return options_.lease; }
  void OnHead() override { inbox_->Wake(); }
  void OnRequest(const RequestRow& request, const Row& stored) override;
  std::optional<StuckRow> Stuck() const override;

  absl::Status Prepare();
  void EndDriving();
  void Run();
  absl::Status TakeLease();
  absl::StatusOr<std::optional<EngineState>> TakeRows();
  void DropLease(const absl::Status& why);
  // After the lease was dropped: at once. False: it could not.
  bool BeginAnew();
  bool LeaseHolds(EngineTime now);
  bool Turn();
  void TakeInput();
  bool Accept(const Inbox::Request& request);
  void Act(const RequestRow& request, const std::string& id);
  bool DispatchSome();
  void Handle(Dispatch dispatch);
  bool ReadSome();
  bool WriteIfDue(bool busy);
  bool TellHowItStands();
  absl::Status Write(const EngineWrite& write, bool release);
  absl::Status FinishWork();
  void Remove();
  void WaitForInput();
  absl::Status HeldBackBy() const;
  SubscriptionState State() const;
  absl::Status LastError(const std::optional<Unfinished>& lowest) const;
  SubscriptionRow Standing() const;
  Position Done() const;
  SubscriptionHealth Look() const;
  void LookAtEngine(SubscriptionHealth& health) const;
  void LookAtRows(SubscriptionHealth& health) const;
  void Publish();
  absl::StatusOr<Position> DoneSomewhere() const;
  void Beat(EngineTime now) {
    last_turn_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }

  EventStore& store_;
  const SubscriptionOptions options_;
  const Handler handler_;
  Effects* const effects_;
  const std::shared_ptr<Hub> hub_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  LogFeed feed_;
  SubscriptionRows rows_;
  // Of the thread that drives it; also seen through the peephole.
  bool is_driven_ = false;
  std::optional<Engine> engine_;
  uint64_t generation_ = 0;  // of engines: a completion of an older one is dropped
  std::set<std::string> seen_requests_;
  std::string remove_request_;
  std::vector<Answer> refusals_;  // to requests that do not concern the engine
  bool removed_or_dead_ = false;
  int64_t outstanding_ = 0;                  // completions that will come, also for older engines
  absl::Status trouble_ = absl::OkStatus();  // of the store, outside of the engine
  absl::Status begun_ = absl::OkStatus();  // not OK: the effects cannot begin until something else
                                           // is done; then there is an engine, and it is stopped
  EngineTime try_again_ = {};
  EngineTime next_row_ = {};  // when others may be told again how it stands
  std::atomic<bool> stopping_ = false;
  std::atomic<std::thread::id> driver_ = {};
  std::atomic<EngineTime::rep> last_turn_{};

  mutable Peephole peephole_;  // open while the handler has the thread
  mutable Mutex mutex_;
  mutable CondVar progressed_;
  SubscriptionHealth health_ ABSL_GUARDED_BY(mutex_);
  Position done_ ABSL_GUARDED_BY(mutex_);
  bool started_ ABSL_GUARDED_BY(mutex_) = false;

  std::optional<Workers> workers_;  // ends before what its tasks use
  std::thread thread_;
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_RUNNER_H_
