#include "sqlite/log_queries.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "make_status.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

// No log comes near: beyond it, adding one might overflow.
bool IsCount(int64_t number) { return number >= 0 && number < int64_t{1} << 62; }

absl::StatusOr<AppendResult> DecodeAnswer(std::string_view answer) {
  AppendResult result;
  result.repeated = true;
  for (absl::string_view part : absl::StrSplit(ToAbsl(answer), ',', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> numbers = absl::StrSplit(part, ':');
    int64_t version = 0, position = 0;
    if (!absl::SimpleAtoi(numbers.first, &version) ||
        !absl::SimpleAtoi(numbers.second, &position)) {
      return MakeStatus(absl::StatusCode::kDataLoss, "the answer stored for a once-key is damaged");
    }
    result.streams.push_back({Version(version), Position(position)});
  }
  return result;
}

}  // namespace

absl::StatusOr<KnownStream> ReadStream(Database& database, std::string_view name) {
  static constexpr char kSql[] =
      "SELECT key, first, tombstoned, (SELECT max(version) FROM event WHERE stream = s.key)"
      " FROM stream s WHERE name = ?1";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database.Prepared(kSql));
  const ResetAtExit reset(*select);
  select->Bind(name);
  DAYBOOK_ASSIGN_OR_RETURN(const bool found, select->Step());
  KnownStream stream;
  if (!found) return stream;
  stream.key = select->Int(0);
  stream.state.first = Version(select->Int(1));
  stream.state.tombstoned = select->Int(2) != 0;
  const bool sound_first = select->Int(1) >= 1 && IsCount(select->Int(1));
  stream.state.version =
      select->IsNull(3) && sound_first ? stream.state.first - 1 : Version(select->Int(3));
  if (!sound_first || !IsCount(stream.state.version.value()) ||
      stream.state.version < stream.state.first - 1) {
    return MakeStatus(absl::StatusCode::kDataLoss,
                      absl::StrCat("the versions of ", ToAbsl(name), " are damaged: first ",
                                   stream.state.first.value(), ", last ",
                                   stream.state.version.value(), "; run Verify()"));
  }
  return stream;
}

absl::StatusOr<std::optional<std::string>> ReadRow(Database& database, std::string_view table,
                                                   std::string_view key) {
  static constexpr char kSql[] = "SELECT value FROM side_row WHERE tbl = ?1 AND key = ?2";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database.Prepared(kSql));
  const ResetAtExit reset(*select);
  select->Bind(table, AsBlob(key));
  DAYBOOK_ASSIGN_OR_RETURN(const bool found, select->Step());
  std::optional<std::string> value;
  if (found) value = std::string(select->Bytes(0));
  return value;
}

absl::StatusOr<LogState> ReadLogState(Database& database) {
  static constexpr char kSql[] =
      "SELECT max(l.head, coalesce(e.position, 0)), max(l.time, coalesce(e.time, 0)), l.deletions"
      " FROM log l LEFT JOIN event e ON e.position = (SELECT max(position) FROM event)";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database.Prepared(kSql));
  const ResetAtExit reset(*select);
  DAYBOOK_ASSIGN_OR_RETURN(const bool found, select->Step());
  if (!found) return MakeStatus(absl::StatusCode::kDataLoss, "the log's own row is missing");
  if (!IsCount(select->Int(0)) || !IsCount(select->Int(2))) {
    return MakeStatus(absl::StatusCode::kDataLoss, "the log's head is damaged; run Verify()");
  }
  return LogState{.head = select->Int(0), .time = select->Int(1), .deletions = select->Int(2)};
}

absl::StatusOr<std::optional<AppendResult>> ReadAnswer(Database& database, const OnceKey& once) {
  static constexpr char kSql[] = "SELECT answer FROM once WHERE scope = ?1 AND name = ?2";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database.Prepared(kSql));
  const ResetAtExit reset(*select);
  select->Bind(std::string_view(once.scope), std::string_view(once.key));
  DAYBOOK_ASSIGN_OR_RETURN(const bool found, select->Step());
  if (!found) return std::nullopt;
  return DecodeAnswer(select->Bytes(0));
}

std::string EncodeAnswer(const AppendResult& result) {
  return absl::StrJoin(result.streams, ",", [](std::string* out, const Appended& stream) {
    absl::StrAppend(out, stream.version.value(), ":", stream.position.value());
  });
}

absl::StatusOr<EventId> DecodeId(std::string_view bytes) {
  if (bytes.size() != EventId::kSize) {
    return MakeStatus(absl::StatusCode::kDataLoss,
                      absl::StrCat("a stored id has ", bytes.size(), " bytes instead of 16"));
  }
  std::array<uint8_t, EventId::kSize> id;
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return EventId(id);
}

}  // namespace daybook::internal
