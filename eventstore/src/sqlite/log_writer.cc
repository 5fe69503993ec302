#include "sqlite/log_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "event_ids.h"
#include "make_status.h"
#include "status_macros.h"

namespace daybook::internal {
namespace {

// Beyond this many events of other processes, it is cheaper to forget the streams.
constexpr int64_t kMaxForeignEvents = 4096;

// Of once-keys beyond their retention, how many go with each one that comes.
constexpr int64_t kOnceCleanUpStep = 2;

// Type names are interned; a log with more of them is misused.
constexpr int64_t kMaxTypes = 65'535;

bool Holds(ExpectedVersion expected, const StreamState& state) {
  if (expected == ExpectedVersion::Any()) return true;
  if (expected == ExpectedVersion::NoStream()) return !state.exists();
  if (expected == ExpectedVersion::Exists()) return state.exists();
  return *expected.exact() == state.version;
}

absl::Status Conflict(const std::string& stream, ExpectedVersion expected,
                      const StreamState& state) {
  const std::string is =
      state.exists()
          ? absl::StrCat(stream, " is at version ", state.version.value())
          : absl::StrCat(stream, " holds no events (version ", state.version.value(), ")");
  const std::string wanted =
      expected == ExpectedVersion::NoStream() ? "no stream was expected"
      : expected == ExpectedVersion::Exists()
          ? "an existing stream was expected"
          : absl::StrCat("version ", expected.exact()->value(), " was expected");
  return MakeConflict(absl::StrCat(is, "; ", wanted), state.version);
}

absl::Status Tombstoned(const std::string& stream) {
  return MakeTombstoned(absl::StrCat(stream, " is tombstoned: it takes no events any more"));
}

bool HasSafeOverwrite(Database& database) {
  int safe = -1;
  sqlite3_file_control(database.handle(), "main", SQLITE_FCNTL_POWERSAFE_OVERWRITE, &safe);
  return safe == 1;
}

}  // namespace

size_t WriteItem::Bytes() const {
  size_t bytes = 0;
  if (append == nullptr) return bytes;
  for (const StreamAppend& stream : append->streams) {
    for (const NewEvent& event : stream.events) bytes += event.payload.size();
  }
  return bytes;
}

LogWriter::LogWriter(std::unique_ptr<Database> database, Clock clock,
                     std::chrono::seconds once_retention)
    : database_(std::move(database)),
      clock_(std::move(clock)),
      once_retention_(once_retention),
      // Without it SQLite writes copies of the commit frame behind it, up to the end of the sector.
      full_is_absent_(HasSafeOverwrite(*database_)) {}

bool LogWriter::Commit(std::span<WriteItem* const> group) {
  const auto answer_all = [group](const absl::Status& status) {
    for (WriteItem* item : group) item->status = status;
    return false;
  };
  if (!writable_.ok()) return answer_all(writable_);
  absl::Status failed = Begin();
  const bool begun = failed.ok();
  if (begun) failed = WriteAndFinish(group);
  if (failed.ok()) return log_.head != committed_.head;
  RollBack();
  if (!begun || !writable_.ok() || group.size() == 1) return answer_all(failed);
  // One request may be the cause: the others shall not suffer for it.
  bool moved = false;
  for (WriteItem* item : group) moved |= Commit(std::span(&item, 1));
  return moved;
}

absl::Status LogWriter::Begin() {
  static constexpr char kBegin[] = "BEGIN IMMEDIATE";
  static constexpr char kDataVersion[] = "PRAGMA data_version";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * begin, database_->Prepared(kBegin));
  DAYBOOK_RETURN_IF_ERROR(begin->Run());
  DAYBOOK_ASSIGN_OR_RETURN(Statement * ask, database_->Prepared(kDataVersion));
  DAYBOOK_RETURN_IF_ERROR(ask->Step().status());
  const int64_t data_version = ask->Int(0);
  ask->Reset();
  if (data_version != data_version_) DAYBOOK_RETURN_IF_ERROR(CatchUp());
  data_version_ = data_version;
  committed_ = log_;
  changed_ = false;
  return absl::OkStatus();
}

// Another connection has committed: learns what is new, and keeps what still holds.
absl::Status LogWriter::CatchUp() {
  DAYBOOK_ASSIGN_OR_RETURN(const LogState now, ReadLogState(*database_));
  if (now.deletions != log_.deletions || now.head < log_.head ||
      now.head - log_.head > kMaxForeignEvents) {
    streams_.Clear();
  } else if (now.head != log_.head) {
    DAYBOOK_RETURN_IF_ERROR(ReadForeignVersions());
  }
  log_ = now;
  return absl::OkStatus();
}

absl::Status LogWriter::ReadForeignVersions() {
  static constexpr char kSql[] =
      "SELECT s.name, s.key, max(e.version) FROM event e JOIN stream s ON s.key = e.stream"
      " WHERE e.position > ?1 GROUP BY e.stream";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database_->Prepared(kSql));
  const ResetAtExit reset(*select);
  select->Bind(log_.head);
  while (true) {
    DAYBOOK_ASSIGN_OR_RETURN(const bool row, select->Step());
    if (!row) return absl::OkStatus();
    KnownStream* const stream = streams_.Find(select->Bytes(0));
    if (stream == nullptr) continue;
    stream->key = select->Int(1);
    stream->state.version = Version(select->Int(2));
  }
}

absl::Status LogWriter::WriteAndFinish(std::span<WriteItem* const> group) {
  for (WriteItem* item : group) {
    item->status = absl::OkStatus();
    DAYBOOK_RETURN_IF_ERROR(item->append != nullptr ? Append(*item->append, *item)
                                                    : Remove(*item->remove, *item));
  }
  return Finish();
}

absl::Status LogWriter::Append(const AppendRequest& request, WriteItem& item) {
  if (request.once.has_value()) {
    DAYBOOK_ASSIGN_OR_RETURN(auto answer, ReadAnswer(*database_, *request.once));
    if (answer.has_value()) {
      item.appended = *std::move(answer);
      return absl::OkStatus();
    }
  }
  std::vector<KnownStream*> streams;
  for (const StreamAppend& append : request.streams) {
    DAYBOOK_ASSIGN_OR_RETURN(KnownStream * stream, Find(append.stream));
    streams.push_back(stream);
  }
  item.appended = {};
  DAYBOOK_RETURN_IF_ERROR(CheckStreams(request, streams, item));
  if (!item.status.ok() || item.appended.repeated) return absl::OkStatus();
  DAYBOOK_RETURN_IF_ERROR(CheckRows(request, item));
  if (!item.status.ok()) return absl::OkStatus();

  changed_ = true;
  for (size_t i = 0; i < streams.size(); ++i) {
    DAYBOOK_ASSIGN_OR_RETURN(const Appended appended,
                             AppendStream(request.streams[i], *streams[i]));
    item.appended.streams.push_back(appended);
  }
  DAYBOOK_RETURN_IF_ERROR(ChangeRows(request));
  if (!request.once.has_value()) return absl::OkStatus();
  return RememberOnce(*request.once, item.appended);
}

absl::Status LogWriter::CheckStreams(const AppendRequest& request,
                                     std::span<KnownStream* const> streams, WriteItem& item) {
  for (size_t i = 0; i < streams.size(); ++i) {
    const StreamAppend& append = request.streams[i];
    const StreamState& state = streams[i]->state;
    if (state.tombstoned) {
      item.status = Tombstoned(append.stream);
      return absl::OkStatus();
    }
    if (item.status.ok() && !Holds(append.expected, state)) {
      item.status = Conflict(append.stream, append.expected, state);
    }
    if (item.status.ok() && append.first.value_or(state.first) != state.first) {
      item.status = MakeConflict(absl::StrCat(append.stream, " has been deleted"), state.version);
    }
  }
  if (item.status.ok()) return absl::OkStatus();
  DAYBOOK_ASSIGN_OR_RETURN(item.appended.repeated, WasAppended(request, streams, item.appended));
  if (item.appended.repeated) item.status = absl::OkStatus();
  return absl::OkStatus();
}

// Whether the events behind the expected versions are these very ones; then `result` is what was
// answered when they were appended.
absl::StatusOr<bool> LogWriter::WasAppended(const AppendRequest& request,
                                            std::span<KnownStream* const> streams,
                                            AppendResult& result) {
  static constexpr char kSql[] =
      "SELECT version, position, id FROM event WHERE stream = ?1 AND version > ?2"
      " ORDER BY version";
  std::vector<Appended> found;
  for (size_t i = 0; i < streams.size(); ++i) {
    const ExpectedVersion expected = request.streams[i].expected;
    const bool no_stream = expected == ExpectedVersion::NoStream();
    if (!no_stream && !expected.exact().has_value()) return false;
    const Version after = no_stream ? streams[i]->state.first - 1 : *expected.exact();
    DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database_->Prepared(kSql));
    const ResetAtExit reset(*select);
    select->Bind(streams[i]->key, after.value());
    Appended last;
    for (const NewEvent& event : request.streams[i].events) {
      DAYBOOK_ASSIGN_OR_RETURN(const bool row, select->Step());
      if (!row || event.id.is_nil() || select->Bytes(2) != EncodeId(event.id)) return false;
      last = {Version(select->Int(0)), Position(select->Int(1))};
    }
    found.push_back(last);
  }
  result.streams = std::move(found);
  return true;
}

absl::Status LogWriter::CheckRows(const AppendRequest& request, WriteItem& item) {
  for (const Row& check : request.row_checks) {
    DAYBOOK_ASSIGN_OR_RETURN(const auto value, ReadRow(*database_, check.table, check.key));
    if (value != check.value) {
      item.status =
          MakeConflict(absl::StrCat("a row of table ", check.table, " is not what was expected"));
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Appended> LogWriter::AppendStream(const StreamAppend& append, KnownStream& stream) {
  static constexpr char kSql[] =
      "INSERT INTO event (position, stream, version, type, time, id, metadata, payload)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
  DAYBOOK_RETURN_IF_ERROR(EnsureRow(append.stream, stream));
  DAYBOOK_ASSIGN_OR_RETURN(Statement * insert, database_->Prepared(kSql));
  std::vector<EventId> new_ids(
      static_cast<size_t>(std::count_if(append.events.begin(), append.events.end(),
                                        [](const NewEvent& event) { return event.id.is_nil(); })));
  GenerateIds(new_ids);
  auto next_new_id = new_ids.begin();
  const int64_t now = Now();
  for (const NewEvent& event : append.events) {
    DAYBOOK_ASSIGN_OR_RETURN(const int64_t type, TypeKey(event.type));
    const EventId& id = event.id.is_nil() ? *next_new_id++ : event.id;
    ++log_.head;
    stream.state.version = stream.state.version + 1;
    insert->Bind(log_.head, stream.key, stream.state.version.value(), type, now,
                 AsBlob(EncodeId(id)), AsBlob(event.metadata), AsBlob(event.payload));
    DAYBOOK_RETURN_IF_ERROR(insert->Run());
  }
  return Appended{stream.state.version, Position(log_.head)};
}

absl::Status LogWriter::ChangeRows(const AppendRequest& request) {
  static constexpr char kPut[] =
      "INSERT OR REPLACE INTO side_row (tbl, key, value)"
      " VALUES (?1, ?2, ?3)";
  static constexpr char kRemove[] = "DELETE FROM side_row WHERE tbl = ?1 AND key = ?2";
  for (const Row& row : request.row_changes) {
    const std::string_view table = row.table;
    if (row.value.has_value()) {
      DAYBOOK_ASSIGN_OR_RETURN(Statement * put, database_->Prepared(kPut));
      put->Bind(table, AsBlob(row.key), AsBlob(*row.value));
      DAYBOOK_RETURN_IF_ERROR(put->Run());
    } else {
      DAYBOOK_ASSIGN_OR_RETURN(Statement * remove, database_->Prepared(kRemove));
      remove->Bind(table, AsBlob(row.key));
      DAYBOOK_RETURN_IF_ERROR(remove->Run());
    }
  }
  return absl::OkStatus();
}

absl::Status LogWriter::RememberOnce(const OnceKey& once, const AppendResult& result) {
  static constexpr char kInsert[] =
      "INSERT INTO once (scope, name, time, answer) VALUES (?1, ?2, ?3, ?4)";
  static constexpr char kCleanUp[] =
      "DELETE FROM once WHERE key IN (SELECT key FROM (SELECT key, time FROM once ORDER BY key"
      " LIMIT ?1) WHERE time < ?2)";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * insert, database_->Prepared(kInsert));
  const std::string answer = EncodeAnswer(result);
  const int64_t now = Now();
  insert->Bind(std::string_view(once.scope), std::string_view(once.key), now,
               std::string_view(answer));
  DAYBOOK_RETURN_IF_ERROR(insert->Run());
  DAYBOOK_ASSIGN_OR_RETURN(Statement * clean_up, database_->Prepared(kCleanUp));
  clean_up->Bind(kOnceCleanUpStep, now - once_retention_.count());
  return clean_up->Run();
}

absl::Status LogWriter::Remove(const RemoveRequest& request, WriteItem& item) {
  static constexpr char kEvents[] = "DELETE FROM event WHERE stream = ?1";
  static constexpr char kStream[] = "UPDATE stream SET first = ?2, tombstoned = ?3 WHERE key = ?1";
  const std::string name(request.stream);
  DAYBOOK_ASSIGN_OR_RETURN(KnownStream * stream, Find(name));
  StreamState& state = stream->state;
  if (!Holds(request.expected, state)) {
    item.status = Conflict(name, request.expected, state);
    return absl::OkStatus();
  }
  if (state.exists() || (request.tombstone && !state.tombstoned)) {
    changed_ = true;
    ++log_.deletions;
    DAYBOOK_RETURN_IF_ERROR(EnsureRow(name, *stream));
    DAYBOOK_ASSIGN_OR_RETURN(Statement * remove, database_->Prepared(kEvents));
    remove->Bind(stream->key);
    DAYBOOK_RETURN_IF_ERROR(remove->Run());
    state.first = state.version + 1;
    state.tombstoned = state.tombstoned || request.tombstone;
    DAYBOOK_ASSIGN_OR_RETURN(Statement * update, database_->Prepared(kStream));
    update->Bind(stream->key, state.first.value(), static_cast<int64_t>(state.tombstoned));
    DAYBOOK_RETURN_IF_ERROR(update->Run());
  }
  item.state = state;
  return absl::OkStatus();
}

absl::Status LogWriter::Finish() {
  static constexpr char kUpdate[] = "UPDATE log SET head = ?1, time = ?2, deletions = ?3";
  static constexpr char kRollBack[] = "ROLLBACK";
  if (!changed_) {
    DAYBOOK_ASSIGN_OR_RETURN(Statement * roll_back, database_->Prepared(kRollBack));
    return roll_back->Run();
  }
  if (log_.deletions != committed_.deletions) {
    DAYBOOK_ASSIGN_OR_RETURN(Statement * update, database_->Prepared(kUpdate));
    update->Bind(log_.head, log_.time, log_.deletions);
    DAYBOOK_RETURN_IF_ERROR(update->Run());
  }
  return CommitTransaction();
}

absl::Status LogWriter::CommitTransaction() {
  static constexpr char kCommit[] = "COMMIT";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * commit, database_->Prepared(kCommit));
  absl::Status committed = commit->Run();
  if (committed.ok()) return committed;
  const int code = sqlite3_errcode(database_->handle()) & 0xff;
  if (code == SQLITE_BUSY || (code == SQLITE_FULL && full_is_absent_)) return committed;
  // The frames may be in the write-ahead log, and a recovery may bring them back.
  writable_ =
      MakeStatus(absl::StatusCode::kFailedPrecondition,
                 absl::StrCat("a commit has failed in I/O, and the store writes no more until "
                              "it is opened anew: ",
                              committed.message()));
  return MakeStatus(absl::StatusCode::kUnknown,
                    absl::StrCat("the commit may or may not have happened; open the store anew and "
                                 "repeat with the same ids: ",
                                 committed.message()));
}

void LogWriter::RollBack() {
  if (database_->in_transaction()) database_->Execute("ROLLBACK").IgnoreError();
  streams_.Clear();
  types_.clear();
  data_version_ = -1;
  log_ = {};
}

absl::StatusOr<KnownStream*> LogWriter::Find(std::string_view name) {
  if (KnownStream* known = streams_.Find(name); known != nullptr) return known;
  DAYBOOK_ASSIGN_OR_RETURN(const KnownStream stream, ReadStream(*database_, name));
  return streams_.Put(name, stream);
}

absl::Status LogWriter::EnsureRow(std::string_view name, KnownStream& stream) {
  static constexpr char kSql[] = "INSERT INTO stream (name, first, tombstoned) VALUES (?1, 1, 0)";
  if (stream.key != 0) return absl::OkStatus();
  DAYBOOK_ASSIGN_OR_RETURN(Statement * insert, database_->Prepared(kSql));
  insert->Bind(name);
  DAYBOOK_RETURN_IF_ERROR(insert->Run());
  stream.key = sqlite3_last_insert_rowid(database_->handle());
  return absl::OkStatus();
}

absl::StatusOr<int64_t> LogWriter::TypeKey(const std::string& name) {
  static constexpr char kSelect[] = "SELECT key FROM type WHERE name = ?1";
  static constexpr char kInsert[] = "INSERT INTO type (name) VALUES (?1)";
  if (auto known = types_.find(name); known != types_.end()) return known->second;
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database_->Prepared(kSelect));
  const ResetAtExit reset(*select);
  select->Bind(std::string_view(name));
  DAYBOOK_ASSIGN_OR_RETURN(const bool found, select->Step());
  int64_t key = found ? select->Int(0) : 0;
  if (!found) {
    DAYBOOK_ASSIGN_OR_RETURN(Statement * insert, database_->Prepared(kInsert));
    insert->Bind(std::string_view(name));
    DAYBOOK_RETURN_IF_ERROR(insert->Run());
    key = sqlite3_last_insert_rowid(database_->handle());
    if (key > kMaxTypes) {
      return MakeStatus(absl::StatusCode::kResourceExhausted,
                        absl::StrCat("a log holds at most ", kMaxTypes, " event types"));
    }
  }
  types_.emplace(name, key);
  return key;
}

int64_t LogWriter::Now() {
  const int64_t now =
      std::chrono::duration_cast<std::chrono::microseconds>(clock_().time_since_epoch()).count();
  log_.time = std::max(log_.time, now);
  return log_.time;
}

}  // namespace daybook::internal
