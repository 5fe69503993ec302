#include "aggregate_loader.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "aggregate_access.h"
#include "make_status.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

absl::Status Incomplete(std::string_view stream, Version missing) {
  return MakeStatus(absl::StatusCode::kDataLoss,
                    absl::StrCat(ToAbsl(stream), ", version ", missing.value(), " is missing"));
}

}  // namespace

std::string AggregateLoader::StreamOf(std::string_view id) const {
  return absl::StrCat(category_, "-", ToAbsl(id));
}

absl::StatusOr<Instance> AggregateLoader::Make(std::string_view id) const {
  Instance instance;
  try {
    instance.aggregate = type_.make();
  } catch (...) {
    return FromCurrentException(absl::StrCat(StreamOf(id), ": making an aggregate"));
  }
  DAYBOOK_RETURN_IF_ERROR(AggregateAccess::Table(*instance.aggregate).status());
  AggregateAccess::SetId(*instance.aggregate, id);
  return instance;
}

absl::StatusOr<Instance> AggregateLoader::Copy(const Instance& instance) const {
  Instance copy = {.first = instance.first, .position = instance.position};
  try {
    copy.aggregate = type_.copy(*instance.aggregate);
  } catch (...) {
    return FromCurrentException(
        absl::StrCat(StreamOf(instance.aggregate->id()), ": copying the aggregate"));
  }
  return copy;
}

absl::Status AggregateLoader::Refresh(std::string_view id, Instance& instance) {
  if (instance.aggregate != nullptr) {
    const absl::StatusOr<StreamState> state = Replay(id, std::nullopt, instance);
    if (state.ok() && state->first == instance.first &&
        state->version == instance.aggregate->version()) {
      return absl::OkStatus();
    }
    // Deleted meanwhile: then what is new need not even fit the state it met.
    instance = {};
  }
  absl::Status loaded = Load(id, instance);
  if (!loaded.ok()) instance = {};
  return loaded;
}

absl::Status AggregateLoader::Load(std::string_view id, Instance& instance) {
  DAYBOOK_ASSIGN_OR_RETURN(instance, Make(id));
  DAYBOOK_ASSIGN_OR_RETURN(const StreamState state, Replay(id, std::nullopt, instance));
  AggregateBase& aggregate = *instance.aggregate;
  if (!state.exists()) AggregateAccess::SetVersion(aggregate, state.version);
  if (aggregate.version() != state.version) {
    return Incomplete(StreamOf(id), aggregate.version() + 1);
  }
  instance.first = state.first;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<AggregateBase>> AggregateLoader::LoadAt(std::string_view id,
                                                                       Version version) {
  const std::string stream = StreamOf(id);
  if (version < Version(1)) {
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      absl::StrCat(stream, ": the first version is 1, not ", version.value()));
  }
  std::optional<Version> before;
  if (version.value() < std::numeric_limits<int64_t>::max()) before = version + 1;
  DAYBOOK_ASSIGN_OR_RETURN(Instance instance, Make(id));
  DAYBOOK_ASSIGN_OR_RETURN(const StreamState state, Replay(id, before, instance));
  if (instance.aggregate->version() == version) return std::move(instance.aggregate);
  if (state.first > version || state.version < version) {
    return MakeStatus(absl::StatusCode::kNotFound,
                      absl::StrCat(stream, " has no version ", version.value(), "; it holds ",
                                   state.exists() ? absl::StrCat(state.first.value(), " to ",
                                                                 state.version.value())
                                                  : "none"));
  }
  return Incomplete(stream, instance.aggregate->version() + 1);
}

absl::StatusOr<StreamState> AggregateLoader::Replay(std::string_view id,
                                                    std::optional<Version> before,
                                                    Instance& instance) {
  AggregateBase& aggregate = *instance.aggregate;
  std::unique_ptr<Replayer> replayer = TakeReplayer();
  Version first_seen;
  absl::StatusOr<StreamState> state = store_.Visit(
      StreamQuery{.stream = StreamOf(id), .after = aggregate.version(), .before = before},
      [&](const RecordedEvent& event) -> absl::Status {
        // A stream that was deleted once begins behind what was deleted.
        const bool begins = aggregate.version() == Version(0);
        if (begins) first_seen = event.version();
        if (!begins && event.version() != aggregate.version() + 1) {
          return Incomplete(event.stream(), aggregate.version() + 1);
        }
        instance.position = event.position();
        return replayer->Step(aggregate, event);
      });
  GiveBack(std::move(replayer));
  if (state.ok() && first_seen > state->first) return Incomplete(StreamOf(id), state->first);
  return state;
}

std::unique_ptr<Replayer> AggregateLoader::TakeReplayer() {
  MutexLock lock(mutex_);
  if (idle_replayers_.empty()) return std::make_unique<Replayer>();
  std::unique_ptr<Replayer> replayer = std::move(idle_replayers_.back());
  idle_replayers_.pop_back();
  return replayer;
}

void AggregateLoader::GiveBack(std::unique_ptr<Replayer> replayer) {
  MutexLock lock(mutex_);
  idle_replayers_.push_back(std::move(replayer));
}

}  // namespace daybook::internal
