#include "execution.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "aggregate_access.h"
#include "daybook/status.h"
#include "make_status.h"
#include "serialize.h"
#include "status_macros.h"

namespace daybook::internal {
namespace {

Committed Repeated(const AppendResult& first_answer) {
  Committed committed = {.repeated = true};
  if (!first_answer.streams.empty()) {
    committed.version = first_answer.streams.front().version;
    committed.position = first_answer.streams.front().position;
  }
  return committed;
}

}  // namespace

absl::StatusOr<Committed> Execution::Run(int max_attempts) {
  if (max_attempts < 1) {
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      absl::StrCat("max_attempts is ", max_attempts, "; at least 1"));
  }
  DAYBOOK_ASSIGN_OR_RETURN(metadata_, Serialize(options_.cause, kMaxMetadataBytes));
  const int attempts = options_.expected.has_value() ? 1 : max_attempts;
  for (int i = 0; i < attempts; ++i) {
    if (std::optional<Answer> answer = Attempt()) return *std::move(answer);
  }
  return conflict_;
}

std::optional<Execution::Answer> Execution::Attempt() {
  DAYBOOK_ASSIGN_OR_RETURN(const std::optional<Committed> known, FindOnce());
  if (known.has_value()) return *known;
  DAYBOOK_RETURN_IF_ERROR(Prepare());
  Decision decision = Decide();
  if (decision.status.ok() && !decision.emitted.empty()) return Append(std::move(decision));
  return AnswerWithoutEvents(decision);
}

absl::Status Execution::Prepare() {
  const bool overtaken = !conflict_.ok();
  if (overtaken && undecided_.aggregate != nullptr) instance_ = std::move(undecided_);
  const auto is_expected = [this] {
    return !options_.expected.has_value() || instance_.aggregate->version() == *options_.expected;
  };
  if (instance_.aggregate == nullptr || overtaken || !is_expected()) {
    DAYBOOK_RETURN_IF_ERROR(loader_.Refresh(id_, instance_));
  }
  if (!is_expected()) {
    const Version actual = instance_.aggregate->version();
    return MakeConflict(absl::StrCat(stream_, " is at version ", actual.value(), ", not ",
                                     options_.expected->value()),
                        actual);
  }
  // Replaying all of a long stream after each lost race would lose the next one too.
  undecided_ = {};
  if (overtaken) {
    DAYBOOK_ASSIGN_OR_RETURN(undecided_, loader_.Copy(instance_));
  }
  return absl::OkStatus();
}

Execution::Decision Execution::Decide() {
  AggregateBase& aggregate = *instance_.aggregate;
  Decision decision = {.version = aggregate.version(), .first = instance_.first};
  try {
    const CommandScope scope;
    decision.status = command_(aggregate);
  } catch (...) {
    decision.status = FromCurrentException(absl::StrCat(stream_, ": the command"));
    decision.spoiled = true;
  }
  decision.emitted = AggregateAccess::TakeEmitted(aggregate);
  const absl::Status misuse = Misuse(decision);
  if (!misuse.ok() && !decision.spoiled) {
    decision.status = MakeStatus(misuse.code(), absl::StrCat(stream_, ": ", misuse.message()));
    decision.spoiled = true;
  }
  if (!decision.status.ok() && !decision.emitted.empty()) decision.spoiled = true;
  return decision;
}

// What the command did to the aggregate that no command may.
absl::Status Execution::Misuse(const Decision& decision) const {
  const AggregateBase& aggregate = *instance_.aggregate;
  const auto emitted = static_cast<int64_t>(decision.emitted.size());
  const bool same = aggregate.id() == id_ && aggregate.version() == decision.version + emitted;
  if (same) return AggregateAccess::Misuse(aggregate);
  return MakeStatus(absl::StatusCode::kInternal,
                    "the command moved its aggregate away, or put another in its place");
}

std::optional<Execution::Answer> Execution::Append(Decision decision) {
  for (NewEvent& event : decision.emitted) event.metadata = metadata_;
  AppendRequest request = {.once = options_.once};
  request.streams.push_back({.stream = stream_,
                             .expected = decision.version,
                             .events = std::move(decision.emitted),
                             .first = decision.first});
  const absl::StatusOr<AppendResult> result = store_.Append(request);
  if (result.ok() && !result->repeated) {
    const Appended& last = result->streams.front();
    instance_.position = last.position;
    return Committed{.version = last.version, .position = last.position};
  }
  instance_ = {};
  if (result.ok()) return Repeated(*result);
  if (!IsConflict(result.status())) return result.status();
  conflict_ = result.status();
  return std::nullopt;
}

std::optional<Execution::Answer> Execution::AnswerWithoutEvents(const Decision& decision) {
  const Position position = instance_.position;
  if (decision.spoiled) instance_ = {};
  DAYBOOK_ASSIGN_OR_RETURN(const StreamState state, store_.State(stream_));
  if (state.version != decision.version || state.first != decision.first) {
    conflict_ =
        MakeConflict(absl::StrCat(stream_, " changed while a command was decided on version ",
                                  decision.version.value()),
                     state.version);
    return std::nullopt;
  }
  // The command may have been executed since the first look, and be refused now for that reason.
  DAYBOOK_ASSIGN_OR_RETURN(const std::optional<Committed> known, FindOnce());
  if (known.has_value()) return *known;
  if (!decision.status.ok()) return decision.status;
  return Committed{.version = decision.version, .position = position};
}

absl::StatusOr<std::optional<Committed>> Execution::FindOnce() {
  if (!options_.once.has_value()) return std::nullopt;
  DAYBOOK_ASSIGN_OR_RETURN(const std::optional<AppendResult> found,
                           store_.FindOnce(*options_.once));
  if (!found.has_value()) return std::nullopt;
  return Repeated(*found);
}

}  // namespace daybook::internal
