#ifndef DAYBOOK_SRC_SUBSCRIPTION_LEASES_H_
#define DAYBOOK_SRC_SUBSCRIPTION_LEASES_H_

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event_store.h"
#include "daybook/subscription.h"
#include "daybook/subscription.pb.h"
#include "mutex.h"
#include "subscription/engine.h"

namespace daybook::internal {

// What this process holds of a store's subscriptions: one row, renewed for all of them together,
// says until when. Thread-safe.
class Leases {
 public:
  explicit Leases(EventStore& store);

  // Removes the row, so that others need not wait.
  ~Leases();
  Leases(const Leases&) = delete;
  Leases& operator=(const Leases&) = delete;

  // Extends the lease of everything this process holds.
  absl::Status Renew(std::chrono::milliseconds lease);

  // Until when nobody may take over what this process holds.
  EngineTime valid_until() const { return EngineTime(EngineTime::duration(valid_until_.load())); }
  EngineTime renewed_at() const { return EngineTime(EngineTime::duration(renewed_at_.load())); }

  const std::string& id() const { return id_; }

  // This process, for people: "host, process 4711".
  static std::string Description();

  // One who holds something.
  class Holder {
   public:
    virtual ~Holder() = default;
    // What others must be told, if its loop does not turn. From any thread, between Occupy() and
    // Vacate().
    virtual std::optional<StuckRow> Stuck() const = 0;
  };

  // Keeps objects of one process apart that go by the same name. Without `holder` nothing is told.
  bool Occupy(const std::string& name, const Holder* holder);
  void Vacate(const std::string& name);

 private:
  ProcessRow RowUntil(std::chrono::milliseconds lease);

  EventStore& store_;
  const std::string id_;
  ProcessRow self_;
  std::atomic<EngineTime::rep> valid_until_{};
  std::atomic<EngineTime::rep> renewed_at_{};
  Mutex mutex_;
  std::map<std::string, const Holder*> occupied_ ABSL_GUARDED_BY(mutex_);
};

// The rows of one subscription, read and written by who holds it. Used by one thread at a time.
class SubscriptionRows {
 public:
  SubscriptionRows(EventStore& store, Leases& leases, std::string name,
                   const Leases::Holder* holder = nullptr);
  ~SubscriptionRows();

  // The subscription, if nobody else has it; makes it if it is new. Its new epoch is beyond
  // `above`.
  absl::StatusOr<std::optional<EngineState>> Take(StartAt start, std::chrono::milliseconds lease,
                                                  int64_t above = 0);

  // Writes in one transaction. The checkpoint, the parked records and the answers come from
  // `write`; how it stands, from `standing`. kAborted, IsConflict(): it is not ours any more.
  absl::Status Write(const EngineWrite& write, SubscriptionRow standing);

  // The same, and lets go of it. Of the caller's `standing` the rest is kept.
  absl::Status Release(const EngineWrite& write, SubscriptionRow standing);

  // Removes everything that is kept under the name.
  absl::Status Remove(const std::vector<Answer>& answers);

  // Looks whether the row is as it was written last. kAborted if not.
  absl::Status Confirm();

  // Forgets that it was ours.
  void Forget();

  int64_t epoch() const { return row_.epoch(); }
  // Who has it, and when that lease was renewed; empty for nobody.
  const ProcessRow& owner() const { return owner_; }
  const SubscriptionRow& row() const { return row_; }

 private:
  absl::StatusOr<bool> IsFree(const Row& owner);
  absl::Status Store(AppendRequest request, SubscriptionRow row);
  AppendRequest RequestFor(const EngineWrite& write) const;

  EventStore& store_;
  Leases& leases_;
  const std::string name_;
  const Leases::Holder* const holder_;
  Row stored_;  // as it stands in the file, to our knowledge
  SubscriptionRow row_;
  ProcessRow owner_;
  bool held_ = false;

  // An expiry further away than a lease lasts was written by a clock that has been set back since.
  std::optional<std::string> watched_owner_;
  EngineTime watched_since_ = {};
};

// Adds the answer to a request, and removes the request.
void AddAnswer(const Answer& answer, AppendRequest& request);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_LEASES_H_
