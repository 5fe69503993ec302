#include "daybook/sqlite_event_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "append_check.h"
#include "make_status.h"
#include "mutex.h"
#include "query_check.h"
#include "sqlite/backup.h"
#include "sqlite/commit_queue.h"
#include "sqlite/database.h"
#include "sqlite/log_queries.h"
#include "sqlite/log_reader.h"
#include "sqlite/log_writer.h"
#include "sqlite/open_check.h"
#include "sqlite/recovery.h"
#include "sqlite/schema.h"
#include "sqlite/shared_page.h"
#include "sqlite/turnstile.h"
#include "sqlite/verify.h"
#include "sqlite/wal_keeper.h"
#include "status_macros.h"

namespace daybook {
namespace {

using internal::Database;
using internal::LogReader;
using internal::LogWriter;
using internal::MakeStatus;
using internal::Mutex;
using internal::MutexLock;
using internal::WriteItem;
using std::chrono::steady_clock;

constexpr size_t kIdleReaders = 16;

// A writer that dies between its commit and the bell leaves the bell unrung.
constexpr std::chrono::milliseconds kSafetyPoll(500);

absl::StatusOr<std::unique_ptr<Database>> Connect(const SqliteEventStoreOptions& options,
                                                  int more_flags, const std::string& pragmas) {
  DAYBOOK_ASSIGN_OR_RETURN(
      auto database, Database::Open(options.path, SQLITE_OPEN_READWRITE | more_flags, options.vfs,
                                    options.busy_timeout));
  // The writer closes last, and decides.
  if ((more_flags & SQLITE_OPEN_CREATE) == 0) database->KeepLogAtClose();
  DAYBOOK_RETURN_IF_ERROR(database->Execute(pragmas));
  return database;
}

absl::Status SyncHasFailed() {
  return MakeStatus(
      absl::StatusCode::kFailedPrecondition,
      "a sync of the file has failed, and nobody writes to it until it has been closed in every "
      "process and is opened anew; nothing acknowledged is lost");
}

// Each commit is synced, or each checkpoint only.
std::string WriterPragmas(const SqliteEventStoreOptions& options) {
  return absl::StrCat(
      "PRAGMA synchronous = ", options.durability == Durability::kPowerLoss ? "FULL" : "NORMAL",
      "; PRAGMA journal_size_limit = ", options.wal_limit, "; PRAGMA cache_size = -1000",
      "; PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY");
}

absl::Status RefuseReadOnly(Database& writer) {
  if (sqlite3_db_readonly(writer.handle(), "main") == 0) return absl::OkStatus();
  return MakeStatus(absl::StatusCode::kPermissionDenied,
                    absl::StrCat(writer.path(),
                                 " is read-only; the store needs to write to its file "
                                 "and folder"));
}

}  // namespace

class SqliteEventStore::Impl {
 public:
  static absl::StatusOr<std::unique_ptr<Impl>> Open(const SqliteEventStoreOptions& options);
  ~Impl();

  absl::Status Write(WriteItem& item);

  // A reader for one read, given back when it ends.
  class Reader;
  absl::StatusOr<std::unique_ptr<LogReader>> TakeReader();
  void GiveBack(std::unique_ptr<LogReader> reader);

  absl::StatusOr<std::unique_ptr<Database>> ConnectReader() {
    return Connect(options_, 0, "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY");
  }

  internal::SharedPage& page() { return *page_; }
  const SqliteEventStoreOptions& options() const { return options_; }
  uint32_t deletions() const { return page_->deletions(); }
  const EventId& incarnation() const { return incarnation_; }
  StoreHealth Health() const;

 private:
  Impl(SqliteEventStoreOptions options, std::unique_ptr<Database> writer,
       std::unique_ptr<Database> checkpointer, std::unique_ptr<internal::Turnstile> turnstile,
       std::unique_ptr<internal::SharedPage> page, EventId incarnation);

  void CommitGroup(std::span<WriteItem* const> group);
  void Report(const absl::Status& background);

  const SqliteEventStoreOptions options_;
  const EventId incarnation_;
  const std::unique_ptr<internal::Turnstile> turnstile_;
  const std::unique_ptr<internal::SharedPage> page_;
  LogWriter writer_;

  mutable Mutex health_mutex_;
  StoreHealth health_ ABSL_GUARDED_BY(health_mutex_);
  Mutex report_mutex_ ABSL_ACQUIRED_BEFORE(health_mutex_);

  Mutex readers_mutex_;
  std::vector<std::unique_ptr<LogReader>> idle_readers_ ABSL_GUARDED_BY(readers_mutex_);

  internal::WalKeeper wal_keeper_;
  internal::CommitQueue queue_;
};

class SqliteEventStore::Impl::Reader {
 public:
  static absl::StatusOr<Reader> Of(Impl& impl) {
    DAYBOOK_ASSIGN_OR_RETURN(auto reader, impl.TakeReader());
    return Reader(impl, std::move(reader));
  }
  ~Reader() {
    if (reader_ != nullptr) impl_->GiveBack(std::move(reader_));
  }
  Reader(Reader&&) = default;
  Reader& operator=(Reader&&) = delete;

  LogReader* operator->() { return reader_.get(); }

 private:
  Reader(Impl& impl, std::unique_ptr<LogReader> reader)
      : impl_(&impl), reader_(std::move(reader)) {}

  Impl* impl_;
  std::unique_ptr<LogReader> reader_;
};

absl::StatusOr<std::unique_ptr<SqliteEventStore::Impl>> SqliteEventStore::Impl::Open(
    const SqliteEventStoreOptions& given) {
  DAYBOOK_ASSIGN_OR_RETURN(SqliteEventStoreOptions options, internal::CheckOptions(given));
  DAYBOOK_ASSIGN_OR_RETURN(auto opened, Connect(options, SQLITE_OPEN_CREATE, ""));
  options.path = opened->path();
  DAYBOOK_RETURN_IF_ERROR(RefuseReadOnly(*opened));
  DAYBOOK_RETURN_IF_ERROR(internal::RefuseForeignFile(options.path, options.vfs));
  DAYBOOK_ASSIGN_OR_RETURN(auto turnstile, internal::Turnstile::Open(options.path));
  DAYBOOK_ASSIGN_OR_RETURN(auto page, internal::SharedPage::Open(options.path));
  std::unique_ptr<Database> writer = std::move(opened);  // closed before the turnstile is left
  EventId incarnation;
  {
    internal::InTurn turn(*turnstile);
    DAYBOOK_RETURN_IF_ERROR(turn.Enter(options.busy_timeout));
    DAYBOOK_RETURN_IF_ERROR(internal::Recover(*writer, *turnstile, *page, options.busy_timeout));
    DAYBOOK_ASSIGN_OR_RETURN(incarnation, internal::ReadIncarnation(*writer));
  }
  DAYBOOK_RETURN_IF_ERROR(writer->Execute(WriterPragmas(options)));
  DAYBOOK_ASSIGN_OR_RETURN(auto checkpointer,
                           Connect(options, 0, WriterPragmas(options) + "; SELECT 1 FROM log"));
  return std::unique_ptr<Impl>(new Impl(std::move(options), std::move(writer),
                                        std::move(checkpointer), std::move(turnstile),
                                        std::move(page), incarnation));
}

SqliteEventStore::Impl::Impl(SqliteEventStoreOptions options, std::unique_ptr<Database> writer,
                             std::unique_ptr<Database> checkpointer,
                             std::unique_ptr<internal::Turnstile> turnstile,
                             std::unique_ptr<internal::SharedPage> page, EventId incarnation)
    : options_(std::move(options)),
      incarnation_(incarnation),
      turnstile_(std::move(turnstile)),
      page_(std::move(page)),
      writer_(
          std::move(writer),
          options_.clock ? options_.clock : [] { return std::chrono::system_clock::now(); },
          options_.once_retention),
      wal_keeper_(std::move(checkpointer), *page_, options_.wal_limit,
                  [this](const absl::Status& status) { Report(status); }),
      queue_([this](std::span<WriteItem* const> group) { CommitGroup(group); }) {}

absl::Status SqliteEventStore::Impl::Write(WriteItem& item) {
  queue_.Run(item);
  return item.status;
}

void SqliteEventStore::Impl::CommitGroup(std::span<WriteItem* const> group) {
  internal::InTurn turn(*turnstile_);
  if (absl::Status entered = turn.Enter(options_.busy_timeout); !entered.ok()) {
    for (WriteItem* item : group) item->status = entered;
    return;
  }
  if (page_->sync_failed() && writer_.writable().ok()) writer_.Refuse(SyncHasFailed());
  const bool moved = writer_.Commit(group);
  const bool deleted = std::any_of(group.begin(), group.end(),
                                   [](const WriteItem* item) { return item->remove != nullptr; });
  if (deleted) page_->CountDeletion();
  if (moved) page_->Ring();
  wal_keeper_.AfterCommit(writer_.database());
  MutexLock lock(health_mutex_);
  health_.wal_bytes = int64_t{writer_.database().wal_pages()} * 4096;
  if (!writer_.writable().ok()) health_.writable = writer_.writable();
}

void SqliteEventStore::Impl::Report(const absl::Status& background) {
  MutexLock one_at_a_time(report_mutex_);
  {
    MutexLock lock(health_mutex_);
    if (background == health_.background) return;
    health_.background = background;
  }
  if (!background.ok() && options_.on_problem) options_.on_problem(background);
}

StoreHealth SqliteEventStore::Impl::Health() const {
  MutexLock lock(health_mutex_);
  StoreHealth health = health_;
  if (page_->sync_failed() && health.writable.ok()) health.writable = SyncHasFailed();
  return health;
}

SqliteEventStore::Impl::~Impl() {
  if (page_->sync_failed()) writer_.database().KeepLogAtClose();
}

absl::StatusOr<std::unique_ptr<LogReader>> SqliteEventStore::Impl::TakeReader() {
  {
    MutexLock lock(readers_mutex_);
    if (!idle_readers_.empty()) {
      auto reader = std::move(idle_readers_.back());
      idle_readers_.pop_back();
      return reader;
    }
  }
  DAYBOOK_ASSIGN_OR_RETURN(auto database, ConnectReader());
  return std::make_unique<LogReader>(std::move(database));
}

void SqliteEventStore::Impl::GiveBack(std::unique_ptr<LogReader> reader) {
  MutexLock lock(readers_mutex_);
  if (idle_readers_.size() < kIdleReaders) idle_readers_.push_back(std::move(reader));
}

SqliteEventStore::SqliteEventStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqliteEventStore::~SqliteEventStore() = default;

absl::StatusOr<std::unique_ptr<SqliteEventStore>> SqliteEventStore::Open(
    const SqliteEventStoreOptions& options) {
  DAYBOOK_ASSIGN_OR_RETURN(auto impl, Impl::Open(options));
  return std::unique_ptr<SqliteEventStore>(new SqliteEventStore(std::move(impl)));
}

absl::StatusOr<AppendResult> SqliteEventStore::Append(const AppendRequest& request) {
  DAYBOOK_RETURN_IF_ERROR(internal::CheckRequest(request));
  WriteItem item{.append = &request};
  DAYBOOK_RETURN_IF_ERROR(impl_->Write(item));
  return std::move(item.appended);
}

absl::StatusOr<StreamState> SqliteEventStore::Delete(std::string_view stream,
                                                     ExpectedVersion expected) {
  DAYBOOK_RETURN_IF_ERROR(internal::CheckStreamName(stream));
  const internal::RemoveRequest request{.stream = stream, .expected = expected};
  WriteItem item{.remove = &request};
  DAYBOOK_RETURN_IF_ERROR(impl_->Write(item));
  return item.state;
}

absl::StatusOr<StreamState> SqliteEventStore::Tombstone(std::string_view stream,
                                                        ExpectedVersion expected) {
  DAYBOOK_RETURN_IF_ERROR(internal::CheckStreamName(stream));
  const internal::RemoveRequest request{.stream = stream, .expected = expected, .tombstone = true};
  WriteItem item{.remove = &request};
  DAYBOOK_RETURN_IF_ERROR(impl_->Write(item));
  return item.state;
}

absl::StatusOr<StreamState> SqliteEventStore::Visit(const StreamQuery& query,
                                                    const Visitor& visitor) {
  DAYBOOK_RETURN_IF_ERROR(internal::CheckQuery(query));
  DAYBOOK_ASSIGN_OR_RETURN(auto reader, Impl::Reader::Of(*impl_));
  return reader->Visit(query, visitor);
}

absl::StatusOr<LogScan> SqliteEventStore::Visit(const LogQuery& query, const Visitor& visitor) {
  DAYBOOK_RETURN_IF_ERROR(internal::CheckQuery(query));
  DAYBOOK_ASSIGN_OR_RETURN(auto reader, Impl::Reader::Of(*impl_));
  return reader->Visit(query, visitor);
}

absl::StatusOr<StreamState> SqliteEventStore::State(std::string_view stream) {
  DAYBOOK_RETURN_IF_ERROR(internal::CheckStreamName(stream));
  DAYBOOK_ASSIGN_OR_RETURN(auto reader, Impl::Reader::Of(*impl_));
  return reader->State(stream);
}

absl::StatusOr<std::vector<std::string>> SqliteEventStore::ListStreams(
    const StreamListQuery& query) {
  DAYBOOK_RETURN_IF_ERROR(internal::CheckQuery(query));
  DAYBOOK_ASSIGN_OR_RETURN(auto reader, Impl::Reader::Of(*impl_));
  return reader->ListStreams(query);
}

absl::StatusOr<std::optional<AppendResult>> SqliteEventStore::FindOnce(const OnceKey& once) {
  DAYBOOK_RETURN_IF_ERROR(internal::CheckOnceKey(once));
  DAYBOOK_ASSIGN_OR_RETURN(auto reader, Impl::Reader::Of(*impl_));
  return internal::ReadAnswer(reader->database(), once);
}

absl::StatusOr<std::vector<Row>> SqliteEventStore::ReadRows(const RowQuery& query) {
  DAYBOOK_RETURN_IF_ERROR(internal::CheckQuery(query));
  DAYBOOK_ASSIGN_OR_RETURN(auto reader, Impl::Reader::Of(*impl_));
  return reader->ReadRows(query);
}

absl::StatusOr<Position> SqliteEventStore::Head() {
  DAYBOOK_ASSIGN_OR_RETURN(auto reader, Impl::Reader::Of(*impl_));
  return reader->Head();
}

absl::StatusOr<Position> SqliteEventStore::WaitBeyond(Position position,
                                                      steady_clock::time_point deadline,
                                                      std::stop_token stop) {
  internal::SharedPage& page = impl_->page();
  const std::stop_callback ring_on_stop(stop, [&page] { page.Ring(); });
  while (true) {
    const uint32_t heard = page.Rings();
    DAYBOOK_ASSIGN_OR_RETURN(const Position head, Head());
    if (head > position) return head;
    const steady_clock::time_point now = steady_clock::now();
    if (stop.stop_requested() || now >= deadline) {
      return MakeStatus(absl::StatusCode::kDeadlineExceeded,
                        absl::StrCat("nothing beyond position ", position.value(), " came"));
    }
    page.Wait(heard, std::min(deadline, now + kSafetyPoll));
  }
}

absl::Status SqliteEventStore::Backup(const std::string& path) {
  DAYBOOK_ASSIGN_OR_RETURN(auto database, Connect(impl_->options(), 0, ""));
  return internal::BackupTo(*database, path, impl_->options().vfs);
}

absl::Status SqliteEventStore::Verify() {
  DAYBOOK_ASSIGN_OR_RETURN(auto database, impl_->ConnectReader());
  return internal::VerifyFile(*database);
}

StoreHealth SqliteEventStore::Health() const { return impl_->Health(); }
uint32_t SqliteEventStore::Deletions() const { return impl_->deletions(); }
const EventId& SqliteEventStore::incarnation() const { return impl_->incarnation(); }
const std::string& SqliteEventStore::path() const { return impl_->options().path; }

}  // namespace daybook
