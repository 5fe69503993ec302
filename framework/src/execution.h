#ifndef DAYBOOK_SRC_EXECUTION_H_
#define DAYBOOK_SRC_EXECUTION_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "aggregate_cache.h"
#include "aggregate_loader.h"
#include "daybook/aggregate.h"
#include "daybook/event_store.h"
#include "daybook/repository.h"

namespace daybook::internal {

// One Execute: decide, append, and again while others come first.
class Execution {
 public:
  using Command = std::function<absl::Status(AggregateBase&)>;

  // Refers to all of its arguments.
  Execution(EventStore& store, AggregateLoader& loader, std::string_view id, const Command& command,
            const ExecuteOptions& options, Instance& instance)
      : store_(store),
        loader_(loader),
        id_(id),
        stream_(loader.StreamOf(id)),
        command_(command),
        options_(options),
        instance_(instance) {}

  absl::StatusOr<Committed> Run(int max_attempts);

 private:
  using Answer = absl::StatusOr<Committed>;

  struct Decision {
    Version version = {};  // what it was decided on
    Version first = {};
    absl::Status status = {};
    std::vector<NewEvent> emitted = {};
    bool spoiled = false;  // the instance's state is not that of any version
  };

  // nullopt: another writer came first, as conflict_ says.
  std::optional<Answer> Attempt();
  absl::Status Prepare();
  Decision Decide();
  absl::Status Misuse(const Decision& decision) const;
  std::optional<Answer> Append(Decision decision);
  std::optional<Answer> AnswerWithoutEvents(const Decision& decision);
  absl::StatusOr<std::optional<Committed>> FindOnce();

  EventStore& store_;
  AggregateLoader& loader_;
  const std::string_view id_;
  const std::string stream_;
  const Command& command_;
  const ExecuteOptions& options_;
  Instance& instance_;

  std::string metadata_;
  absl::Status conflict_;
  Instance undecided_;  // what instance_ was before the command; kept from the second attempt on
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_EXECUTION_H_
