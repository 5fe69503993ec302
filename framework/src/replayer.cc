#include "replayer.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "aggregate_access.h"
#include "make_status.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

constexpr int kNotMet = -2;
constexpr int kMaxTypeKey = 1 << 16;

std::string Place(const RecordedEvent& event) {
  return absl::StrCat(ToAbsl(event.stream()), ", version ", event.version().value());
}

absl::Status UnknownType(const RecordedEvent& event) {
  return MakeStatus(
      absl::StatusCode::kDataLoss,
      absl::StrCat(Place(event), ": unknown event type ", ToAbsl(event.type()),
                   " (list it in the aggregate's Events<...>, or name it as a former_name of the "
                   "message that took its place)"));
}

}  // namespace

int Replayer::IndexOf(const AggregateBase& aggregate, const RecordedEvent& event) {
  const EventTable& table = AggregateAccess::Table(aggregate);
  const int key = event.type_key();
  if (key < 0 || key > kMaxTypeKey) return table.Find(event.type());
  if (static_cast<size_t>(key) >= index_by_type_key_.size()) {
    index_by_type_key_.resize(static_cast<size_t>(key) + 1, kNotMet);
  }
  int& index = index_by_type_key_[static_cast<size_t>(key)];
  if (index == kNotMet) index = table.Find(event.type());
  return index;
}

absl::Status Replayer::Step(AggregateBase& aggregate, const RecordedEvent& event) {
  const int index = IndexOf(aggregate, event);
  if (index < 0) return UnknownType(event);
  AggregateAccess::SetVersion(aggregate, event.version());
  absl::Status applied;
  try {
    applied = AggregateAccess::Replay(aggregate, index, event.payload(), buffer_);
  } catch (...) {
    return FromCurrentException(absl::StrCat(Place(event), ": Apply(", ToAbsl(event.type()), ")"));
  }
  if (applied.ok()) applied = AggregateAccess::Misuse(aggregate);
  if (applied.ok()) return applied;
  return MakeStatus(applied.code(), absl::StrCat(Place(event), ", ", ToAbsl(event.type()), ": ",
                                                 applied.message()));
}

}  // namespace daybook::internal
