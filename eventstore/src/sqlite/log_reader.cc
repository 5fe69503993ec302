#include "sqlite/log_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "sqlite/log_queries.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

// One moment of the log, from Begin to the end of the scope.
class Snapshot {
 public:
  explicit Snapshot(Database& database) : database_(database) {}
  ~Snapshot() {
    if (end_ != nullptr) end_->Run().IgnoreError();
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  absl::Status Begin() {
    static constexpr char kBegin[] = "BEGIN";
    static constexpr char kEnd[] = "COMMIT";
    DAYBOOK_ASSIGN_OR_RETURN(Statement * begin, database_.Prepared(kBegin));
    DAYBOOK_ASSIGN_OR_RETURN(Statement * end, database_.Prepared(kEnd));
    DAYBOOK_RETURN_IF_ERROR(begin->Run());
    end_ = end;
    return absl::OkStatus();
  }

 private:
  Database& database_;
  Statement* end_ = nullptr;
};

absl::Status Show(const RecordedEvent& event, const Visitor& visitor) {
  try {
    return visitor(event);
  } catch (...) {
    return FromCurrentException("a visitor");
  }
}

// The first string in byte order behind all that start with `prefix`; nullopt: there is none.
std::optional<std::string> EndOfPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  ++prefix.back();
  return prefix;
}

// Filter, with what is known of each type key remembered.
class Sieve {
 public:
  explicit Sieve(const Filter& filter) : filter_(filter) {}

  bool Passes(int64_t type_key, std::string_view type, std::string_view stream) {
    return TypePasses(type_key, type) && stream.starts_with(filter_.stream_prefix) &&
           (filter_.category.empty() || CategoryOf(stream) == filter_.category);
  }

 private:
  bool TypePasses(int64_t key, std::string_view type) {
    if (filter_.types.empty()) return true;
    const auto index = static_cast<size_t>(key);
    if (index >= verdicts_.size()) verdicts_.resize(index + 1, kUnknown);
    if (verdicts_[index] == kUnknown) {
      const auto& types = filter_.types;
      verdicts_[index] = std::find(types.begin(), types.end(), type) != types.end() ? kIn : kOut;
    }
    return verdicts_[index] == kIn;
  }

  enum Verdict : char { kUnknown, kIn, kOut };
  const Filter& filter_;
  std::vector<Verdict> verdicts_;
};

// The columns that Decode reads; the large ones last, for SQLite walks a row from its front.
enum Column { kPosition, kVersion, kType, kTime, kId, kMetadata, kPayload, kStream };

}  // namespace

absl::StatusOr<StreamState> LogReader::State(std::string_view stream) {
  DAYBOOK_ASSIGN_OR_RETURN(const KnownStream known, ReadStream(*database_, stream));
  return known.state;
}

absl::StatusOr<StreamState> LogReader::Visit(const StreamQuery& query, const Visitor& visitor) {
  Snapshot snapshot(*database_);
  DAYBOOK_RETURN_IF_ERROR(snapshot.Begin());
  DAYBOOK_ASSIGN_OR_RETURN(const KnownStream stream, ReadStream(*database_, query.stream));
  if (stream.state.exists() && query.after < stream.state.version && query.limit > 0) {
    DAYBOOK_RETURN_IF_ERROR(VisitRows(query, stream.key, visitor));
  }
  return stream.state;
}

absl::Status LogReader::VisitRows(const StreamQuery& query, int64_t stream_key,
                                  const Visitor& visitor) {
  static constexpr char kForwards[] =
      "SELECT position, version, type, time, id, metadata, payload FROM event"
      " WHERE stream = ?1 AND version > ?2 AND version < ?3 ORDER BY version LIMIT ?4";
  static constexpr char kBackwards[] =
      "SELECT position, version, type, time, id, metadata, payload FROM event"
      " WHERE stream = ?1 AND version > ?2 AND version < ?3 ORDER BY version DESC LIMIT ?4";
  DAYBOOK_ASSIGN_OR_RETURN(
      Statement * select,
      database_->Prepared(query.direction == Direction::kForwards ? kForwards : kBackwards));
  const ResetAtExit reset(*select);
  const int64_t before = query.before.has_value() ? query.before->value() : kEnd;
  select->Bind(stream_key, query.after.value(), before, query.limit);
  while (true) {
    DAYBOOK_ASSIGN_OR_RETURN(const bool row, select->Step());
    if (!row) return absl::OkStatus();
    DAYBOOK_ASSIGN_OR_RETURN(const RecordedEvent event, Decode(*select, query.stream));
    DAYBOOK_RETURN_IF_ERROR(Show(event, visitor));
  }
}

absl::StatusOr<LogScan> LogReader::Visit(const LogQuery& query, const Visitor& visitor) {
  Snapshot snapshot(*database_);
  DAYBOOK_RETURN_IF_ERROR(snapshot.Begin());
  DAYBOOK_ASSIGN_OR_RETURN(const Position head, Head());
  return Scan(query, head, visitor);
}

absl::StatusOr<LogScan> LogReader::Scan(const LogQuery& query, Position head,
                                        const Visitor& visitor) {
  static constexpr char kForwards[] =
      "SELECT position, version, type, time, id, metadata, payload, stream FROM event"
      " WHERE position > ?1 AND position < ?2 ORDER BY position";
  static constexpr char kBackwards[] =
      "SELECT position, version, type, time, id, metadata, payload, stream FROM event"
      " WHERE position > ?1 AND position < ?2 ORDER BY position DESC";
  const bool forwards = query.direction == Direction::kForwards;
  // The range as it is now: what lies beyond the head is not there to be looked at.
  const Position after = std::max(query.after, Position(0));
  const Position before = std::clamp(query.before.value_or(head + 1), Position(0), head + 1);
  LogScan scan{.looked = forwards ? after : before};
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select,
                           database_->Prepared(forwards ? kForwards : kBackwards));
  const ResetAtExit reset(*select);
  select->Bind(after.value(), before.value());
  Sieve sieve(query.filter);
  int64_t looked = 0, passed = 0;
  while (passed < query.limit && looked < kMaxScan) {
    DAYBOOK_ASSIGN_OR_RETURN(const bool row, select->Step());
    if (!row) {
      scan.end = true;
      scan.looked = forwards ? std::max(after, before - 1) : after < before ? after + 1 : before;
      return scan;
    }
    ++looked;
    DAYBOOK_ASSIGN_OR_RETURN(const std::string_view stream, StreamName(select->Int(kStream)));
    DAYBOOK_ASSIGN_OR_RETURN(const std::string_view type, TypeName(select->Int(kType)));
    if (sieve.Passes(select->Int(kType), type, stream)) {
      ++passed;
      DAYBOOK_ASSIGN_OR_RETURN(const RecordedEvent event, Decode(*select, stream));
      DAYBOOK_RETURN_IF_ERROR(Show(event, visitor));
    }
    scan.looked = Position(select->Int(kPosition));
  }
  scan.end = forwards ? scan.looked + 1 >= before : scan.looked - 1 <= after;
  return scan;
}

absl::StatusOr<RecordedEvent> LogReader::Decode(const Statement& row, std::string_view stream) {
  DAYBOOK_ASSIGN_OR_RETURN(const std::string_view type, TypeName(row.Int(kType)));
  DAYBOOK_ASSIGN_OR_RETURN(const EventId id, DecodeId(row.Bytes(kId)));
  return RecordedEvent({.position = Position(row.Int(kPosition)),
                        .version = Version(row.Int(kVersion)),
                        .id = id,
                        .time = RecordedTime(std::chrono::microseconds(row.Int(kTime))),
                        .type_key = static_cast<int>(row.Int(kType)),
                        .stream = stream,
                        .type = type,
                        .metadata = row.Bytes(kMetadata),
                        .payload = row.Bytes(kPayload)});
}

absl::StatusOr<std::string_view> LogReader::TypeName(int64_t key) {
  static constexpr char kSql[] = "SELECT key, name FROM type WHERE key > ?1 ORDER BY key";
  if (key > static_cast<int64_t>(types_.size())) {
    DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database_->Prepared(kSql));
    const ResetAtExit reset(*select);
    select->Bind(static_cast<int64_t>(types_.size()));
    while (true) {
      DAYBOOK_ASSIGN_OR_RETURN(const bool row, select->Step());
      if (!row || select->Int(0) != static_cast<int64_t>(types_.size()) + 1) break;
      types_.emplace_back(select->Bytes(1));
    }
  }
  if (key < 1 || key > static_cast<int64_t>(types_.size())) {
    return MakeStatus(
        absl::StatusCode::kDataLoss,
        absl::StrCat("an event has type number ", key, ", which stands for nothing; run Verify()"));
  }
  return std::string_view(types_[static_cast<size_t>(key) - 1]);
}

absl::StatusOr<std::string_view> LogReader::StreamName(int64_t key) {
  static constexpr char kSql[] = "SELECT name FROM stream WHERE key = ?1";
  KnownName& slot = stream_names_[static_cast<uint64_t>(key) % stream_names_.size()];
  if (slot.key == key) return std::string_view(slot.name);
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database_->Prepared(kSql));
  const ResetAtExit reset(*select);
  select->Bind(key);
  DAYBOOK_ASSIGN_OR_RETURN(const bool found, select->Step());
  if (!found) {
    return MakeStatus(
        absl::StatusCode::kDataLoss,
        absl::StrCat("an event has stream number ", key, ", which is no stream; run Verify()"));
  }
  slot.name = select->Bytes(0);
  slot.key = key;
  return std::string_view(slot.name);
}

absl::StatusOr<std::vector<std::string>> LogReader::ListStreams(const StreamListQuery& query) {
  static constexpr char kSql[] =
      "SELECT name FROM stream s WHERE name > ?1 AND (?2 = '' OR name < ?2)"
      " AND EXISTS (SELECT 1 FROM event WHERE stream = s.key) ORDER BY name LIMIT ?3";
  // '.' is the character behind '-'.
  const bool all = query.category.empty();
  const std::string begin = all ? "" : absl::StrCat(query.category, "-");
  const std::string end = all ? "" : absl::StrCat(query.category, ".");
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database_->Prepared(kSql));
  const ResetAtExit reset(*select);
  const std::string_view after = std::max(begin, query.after);
  select->Bind(after, std::string_view(end), std::max<int64_t>(query.limit, 0));
  std::vector<std::string> names;
  while (true) {
    DAYBOOK_ASSIGN_OR_RETURN(const bool row, select->Step());
    if (!row) return names;
    names.emplace_back(select->Bytes(0));
  }
}

absl::StatusOr<std::vector<Row>> LogReader::ReadRows(const RowQuery& query) {
  static constexpr char kSql[] =
      "SELECT key, value FROM side_row WHERE tbl = ?1 AND key >= ?2 AND key > ?3"
      " AND (?5 OR key < ?4) ORDER BY key LIMIT ?6";
  static constexpr char kFirst[] =
      "SELECT key, value FROM side_row WHERE tbl = ?1 AND key >= ?2 AND (?5 OR key < ?4)"
      " AND ?3 = x'' ORDER BY key LIMIT ?6";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select,
                           database_->Prepared(query.after.empty() ? kFirst : kSql));
  const ResetAtExit reset(*select);
  const std::optional<std::string> end = EndOfPrefix(query.key_prefix);
  const std::string before = end.value_or("");
  select->Bind(std::string_view(query.table), AsBlob(query.key_prefix), AsBlob(query.after),
               AsBlob(before), static_cast<int64_t>(!end.has_value()),
               std::max<int64_t>(query.limit, 0));
  std::vector<Row> rows;
  while (true) {
    DAYBOOK_ASSIGN_OR_RETURN(const bool row, select->Step());
    if (!row) return rows;
    rows.push_back({.table = query.table,
                    .key = std::string(select->Bytes(0)),
                    .value = std::string(select->Bytes(1))});
  }
}

absl::StatusOr<Position> LogReader::Head() {
  DAYBOOK_ASSIGN_OR_RETURN(const LogState state, ReadLogState(*database_));
  return Position(state.head);
}

}  // namespace daybook::internal
