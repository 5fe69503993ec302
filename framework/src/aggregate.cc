#include "daybook/aggregate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "aggregate_access.h"
#include "daybook/event_store.h"
#include "former_names.h"
#include "make_status.h"
#include "serialize.h"
#include "status_macros.h"

namespace daybook {
namespace internal {

EventTable::EventTable(std::vector<const google::protobuf::Descriptor*> types)
    : types_(std::move(types)) {
  for (size_t i = 0; i < types_.size(); ++i) {
    for (std::string& name : StoredNames(*types_[i])) {
      names_.emplace_back(std::move(name), static_cast<int>(i));
    }
  }
  std::sort(names_.begin(), names_.end());
  const auto same_name = [](const auto& a, const auto& b) { return a.first == b.first; };
  const auto twice = std::adjacent_find(names_.begin(), names_.end(), same_name);
  if (twice != names_.end()) {
    status_ = MakeStatus(absl::StatusCode::kInvalidArgument,
                         absl::StrCat("two events of one aggregate are stored as ", twice->first));
  }
}

int EventTable::Find(std::string_view name) const {
  const auto found =
      std::lower_bound(names_.begin(), names_.end(), name,
                       [](const auto& entry, std::string_view key) { return entry.first < key; });
  return found != names_.end() && found->first == name ? found->second : -1;
}

absl::Status AggregateAccess::Misuse(const AggregateBase& aggregate) { return aggregate.misuse_; }

}  // namespace internal

absl::Status AggregateBase::Record(const google::protobuf::Message& event) {
  std::string type(event.GetDescriptor()->full_name());
  if (applying_) {
    misuse_ = internal::MakeStatus(absl::StatusCode::kInternal,
                                   absl::StrCat("Apply must not emit; it emitted ", type));
  }
  if (!misuse_.ok()) return misuse_;
  DAYBOOK_ASSIGN_OR_RETURN(std::string payload, internal::Serialize(event, kMaxPayloadBytes));
  emitted_.push_back({.type = std::move(type), .payload = std::move(payload)});
  version_ = version_ + 1;
  return absl::OkStatus();
}

void AggregateBase::ApplyThrew() {
  applying_ = false;
  if (misuse_.ok()) misuse_ = internal::MakeStatus(absl::StatusCode::kInternal, "Apply threw");
}

}  // namespace daybook
