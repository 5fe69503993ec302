#include "append_check.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

// A name as it may stand in a message.
std::string Shown(std::string_view name) {
  constexpr size_t kShownBytes = 80;
  return absl::StrCat("\"", absl::CHexEscape(ToAbsl(name.substr(0, kShownBytes))),
                      name.size() > kShownBytes ? "…\"" : "\"");
}

absl::Status CheckSize(std::string_view what, size_t size, size_t max) {
  if (size <= max) return absl::OkStatus();
  return MakeInvalid(absl::StrCat(ToAbsl(what), " of ", size, " bytes; at most ", max));
}

absl::Status CheckName(std::string_view what, std::string_view name, size_t max) {
  DAYBOOK_RETURN_IF_ERROR(CheckSize(what, name.size(), max));
  if (name.empty()) return MakeInvalid(absl::StrCat("an empty ", ToAbsl(what)));
  if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20; })) {
    return MakeInvalid(absl::StrCat(ToAbsl(what), " ", Shown(name), " holds a control character"));
  }
  return absl::OkStatus();
}

absl::Status CheckEvent(const NewEvent& event, size_t& bytes) {
  DAYBOOK_RETURN_IF_ERROR(CheckName("event type", event.type, kMaxTypeNameBytes));
  DAYBOOK_RETURN_IF_ERROR(CheckSize("a payload", event.payload.size(), kMaxPayloadBytes));
  DAYBOOK_RETURN_IF_ERROR(CheckSize("metadata", event.metadata.size(), kMaxMetadataBytes));
  bytes += event.payload.size() + event.metadata.size();
  return absl::OkStatus();
}

absl::Status CheckStreams(const std::vector<StreamAppend>& streams, size_t& bytes) {
  size_t count = 0;
  std::vector<std::string_view> names;
  std::vector<EventId> ids;
  for (const StreamAppend& stream : streams) {
    DAYBOOK_RETURN_IF_ERROR(CheckStreamName(stream.stream));
    if (stream.expected.exact().value_or(Version(0)) < Version(0)) {
      return MakeInvalid(absl::StrCat(Shown(stream.stream), " is expected at the negative version ",
                                      stream.expected.exact()->value()));
    }
    if (stream.events.empty()) {
      return MakeInvalid(absl::StrCat("no events for ", Shown(stream.stream)));
    }
    names.push_back(stream.stream);
    count += stream.events.size();
    for (const NewEvent& event : stream.events) {
      DAYBOOK_RETURN_IF_ERROR(CheckEvent(event, bytes));
      if (!event.id.is_nil()) ids.push_back(event.id);
    }
  }
  if (count > kMaxAppendEvents) {
    return MakeInvalid(absl::StrCat(count, " events in one request; at most ", kMaxAppendEvents));
  }
  std::sort(names.begin(), names.end());
  if (auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
    return MakeInvalid(absl::StrCat(Shown(*twice), " stands twice in one request"));
  }
  std::sort(ids.begin(), ids.end());
  if (auto twice = std::adjacent_find(ids.begin(), ids.end()); twice != ids.end()) {
    return MakeInvalid(
        absl::StrCat("event id ", twice->ToString(), " stands twice in one request"));
  }
  return absl::OkStatus();
}

absl::Status CheckRows(const std::vector<Row>& rows, size_t& bytes) {
  for (const Row& row : rows) {
    DAYBOOK_RETURN_IF_ERROR(CheckName("table", row.table, kMaxRowKeyBytes));
    DAYBOOK_RETURN_IF_ERROR(CheckSize("a row's key", row.key.size(), kMaxRowKeyBytes));
    if (!row.value.has_value()) continue;
    DAYBOOK_RETURN_IF_ERROR(CheckSize("a row's value", row.value->size(), kMaxRowValueBytes));
    bytes += row.value->size();
  }
  return absl::OkStatus();
}

absl::Status CheckNoneTwice(const std::vector<Row>& rows) {
  if (rows.size() < 2) return absl::OkStatus();
  std::vector<std::pair<std::string_view, std::string_view>> names;
  for (const Row& row : rows) names.emplace_back(row.table, row.key);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return absl::OkStatus();
  return MakeInvalid(absl::StrCat("row ", Shown(twice->second), " of table ", Shown(twice->first),
                                  " is changed twice in one request"));
}

}  // namespace

absl::Status CheckStreamName(std::string_view name) {
  DAYBOOK_RETURN_IF_ERROR(CheckName("stream name", name, kMaxStreamNameBytes));
  if (CategoryOf(name).empty() || IdOf(name).empty()) {
    return MakeInvalid(
        absl::StrCat("stream name ", Shown(name), " is not of the form category-id"));
  }
  return absl::OkStatus();
}

absl::Status CheckOnceKey(const OnceKey& once) {
  DAYBOOK_RETURN_IF_ERROR(CheckName("once-key scope", once.scope, kMaxOnceKeyBytes));
  return CheckName("once-key", once.key, kMaxOnceKeyBytes);
}

absl::Status CheckRequest(const AppendRequest& request) {
  if (request.streams.empty() && request.row_changes.empty()) {
    return MakeInvalid("a request that changes nothing: it has neither events nor rows");
  }
  if (request.once.has_value()) DAYBOOK_RETURN_IF_ERROR(CheckOnceKey(*request.once));
  const size_t rows = request.row_checks.size() + request.row_changes.size();
  if (rows > kMaxAppendRows) {
    return MakeInvalid(absl::StrCat(rows, " rows in one request; at most ", kMaxAppendRows));
  }
  size_t bytes = 0;
  DAYBOOK_RETURN_IF_ERROR(CheckStreams(request.streams, bytes));
  DAYBOOK_RETURN_IF_ERROR(CheckRows(request.row_checks, bytes));
  DAYBOOK_RETURN_IF_ERROR(CheckRows(request.row_changes, bytes));
  DAYBOOK_RETURN_IF_ERROR(CheckNoneTwice(request.row_changes));
  return CheckSize("a request", bytes, kMaxAppendBytes);
}

}  // namespace daybook::internal
