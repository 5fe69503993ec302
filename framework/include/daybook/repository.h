// Running commands on aggregates: load by replay, decide, append what was emitted, try again on
// conflict.
//
//   daybook::Repository<Order> orders(store);
//   absl::StatusOr<daybook::Committed> shipped =
//       orders.Execute("42", [](Order& order) { return order.Ship("DHL"); });
//   absl::StatusOr<Order> order = orders.Load("42");

#ifndef DAYBOOK_REPOSITORY_H_
#define DAYBOOK_REPOSITORY_H_

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/aggregate.h"
#include "daybook/event_store.h"
#include "daybook/metadata.h"

namespace daybook {

struct RepositoryOptions {
  // How many aggregates are kept in memory, the recently used ones. 0: none.
  size_t cached_aggregates = 1024;

  // How often a command is decided, at most, before its conflict is returned. At least 1; with
  // less, Execute answers kInvalidArgument.
  int max_attempts = 16;
};

struct ExecuteOptions {
  // Run only on exactly this version, and do not try again: kAborted (IsConflict) unless it holds,
  // also for a command that refuses or emits nothing.
  std::optional<Version> expected = {};

  // A command id. Executed again with the same id, also after a restart, the command is not run:
  // the first answer comes back, `repeated` set. Only what was appended is remembered: a command
  // that refused or emitted nothing is decided anew. A key is looked up for itself, whatever the
  // aggregate: where equal keys may come for several, let the scope name the aggregate.
  std::optional<OnceKey> once = {};

  // Stored beside each event the command emits.
  Metadata cause = {};
};

struct Committed {
  Version version = {};    // of the aggregate after the command
  Position position = {};  // of its last event; 0 if it has none
  bool repeated = false;   // this is what a command with the same once-key was answered
};

namespace internal {
// What a repository knows of its aggregates' class. `make` and `copy` may throw.
struct AggregateType {
  std::string_view category;
  std::unique_ptr<AggregateBase> (*make)();
  std::unique_ptr<AggregateBase> (*copy)(const AggregateBase&);
};

// Repository without the type: see there.
class RepositoryCore {
 public:
  RepositoryCore(EventStore& store, const AggregateType& type, const RepositoryOptions& options);
  ~RepositoryCore();

  absl::Status Load(std::string_view id, const std::function<void(const AggregateBase&)>& copy);
  absl::StatusOr<std::unique_ptr<AggregateBase>> LoadAt(std::string_view id, Version version);
  absl::StatusOr<Committed> Execute(std::string_view id,
                                    const std::function<absl::Status(AggregateBase&)>& command,
                                    const ExecuteOptions& options);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

constexpr bool IsCategory(std::string_view name) {
  for (char c : name) {
    if (c == '-' || static_cast<unsigned char>(c) < 0x20) return false;
  }
  return !name.empty();
}
}  // namespace internal

// The aggregates of one class in a store. Thread-safe; one command at a time runs on one aggregate,
// commands on different aggregates run side by side and share commits. The store must outlive it.
// Any number of repositories, in any number of processes, may work on the same streams.
template <typename A>
class Repository {
  static_assert(std::derived_from<A, AggregateBase>);
  static_assert(internal::IsCategory(A::kCategory),
                "kCategory is not empty and holds no '-' (it ends where the id begins)");

 public:
  explicit Repository(EventStore& store, const RepositoryOptions& options = {})
      : core_(store, {.category = A::kCategory, .make = &Make, .copy = &Copy}, options) {}

  // A copy of the aggregate as it stands in the store now. kNotFound: it has no events.
  // kDataLoss: an event is of an unknown type or cannot be decoded. kInternal: Apply threw.
  // Cost: for a cached aggregate, two index look-ups, what is new, and the copy.
  [[nodiscard]] absl::StatusOr<A> Load(std::string_view id) {
    std::optional<A> copy;
    absl::Status loaded = core_.Load(
        id, [&copy](const AggregateBase& found) { copy = static_cast<const A&>(found); });
    if (!loaded.ok()) return loaded;
    return *std::move(copy);
  }

  // The aggregate as it was at `version`: a replay of that many events, not cached. kNotFound: it
  // has not got that far, or those events were deleted. kInvalidArgument: less than 1.
  [[nodiscard]] absl::StatusOr<A> LoadAt(std::string_view id, Version version) {
    auto found = core_.LoadAt(id, version);
    if (!found.ok()) return found.status();
    return static_cast<A&&>(**found);
  }

  // Runs `command` on the aggregate, a fresh one if it has no events, and appends what it emitted,
  // at the version it was decided on. If another writer came first, loads what is new and runs it
  // again: it must have no effect but on the aggregate. It may load others; to load or execute on
  // its own aggregate is answered with kFailedPrecondition.
  //
  // A status from the command that is not OK is returned untouched, and nothing is stored; an
  // exception becomes kInternal. A refusal is an answer too: before it goes out, the version it was
  // decided on is checked. kAborted with IsConflict(): lost the race max_attempts times, or
  // `expected` did not hold. Otherwise the statuses of EventStore::Append and of Load, without
  // kNotFound. After kUnknown, open the store anew and repeat with the same once-key.
  [[nodiscard]] absl::StatusOr<Committed> Execute(std::string_view id,
                                                  const std::function<absl::Status(A&)>& command,
                                                  const ExecuteOptions& options = {}) {
    return core_.Execute(
        id, [&command](AggregateBase& found) { return command(static_cast<A&>(found)); }, options);
  }

 private:
  static std::unique_ptr<AggregateBase> Make() { return std::make_unique<A>(); }
  static std::unique_ptr<AggregateBase> Copy(const AggregateBase& original) {
    return std::make_unique<A>(static_cast<const A&>(original));
  }

  internal::RepositoryCore core_;
};

}  // namespace daybook

#endif  // DAYBOOK_REPOSITORY_H_
