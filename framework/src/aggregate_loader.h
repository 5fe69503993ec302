#ifndef DAYBOOK_SRC_AGGREGATE_LOADER_H_
#define DAYBOOK_SRC_AGGREGATE_LOADER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "aggregate_cache.h"
#include "daybook/aggregate.h"
#include "daybook/event_store.h"
#include "daybook/repository.h"
#include "mutex.h"
#include "replayer.h"

namespace daybook::internal {

// Brings aggregates of one class to where their streams stand. Thread-safe.
class AggregateLoader {
 public:
  AggregateLoader(EventStore& store, const AggregateType& type)
      : store_(store), category_(type.category), type_(type) {}

  std::string StreamOf(std::string_view id) const;

  // Applies what is new to `instance`; loads it from the start if it is empty, or was deleted
  // meanwhile. After an error it is empty.
  absl::Status Refresh(std::string_view id, Instance& instance);

  // The aggregate as it was at `version`, or kNotFound.
  absl::StatusOr<std::unique_ptr<AggregateBase>> LoadAt(std::string_view id, Version version);

  absl::StatusOr<Instance> Copy(const Instance& instance) const;

 private:
  absl::StatusOr<Instance> Make(std::string_view id) const;
  absl::Status Load(std::string_view id, Instance& instance);

  // Applies the events behind the instance's version, and before `before`.
  absl::StatusOr<StreamState> Replay(std::string_view id, std::optional<Version> before,
                                     Instance& instance);

  std::unique_ptr<Replayer> TakeReplayer();
  void GiveBack(std::unique_ptr<Replayer> replayer);

  EventStore& store_;
  const std::string category_;
  const AggregateType type_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Replayer>> idle_replayers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_AGGREGATE_LOADER_H_
