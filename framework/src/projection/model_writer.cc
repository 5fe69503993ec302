#include "projection/model_writer.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "sqlite/paths.h"
#include "status_macros.h"
#include "subscription/outcome.h"

namespace daybook::internal {
namespace {

using std::chrono::steady_clock;

absl::Status Restored(const std::string& path, const std::string& what) {
  return MakeStatus(absl::StatusCode::kDataLoss,
                    absl::StrCat(path, " ", what, ": the log was restored; rebuild"));
}

}  // namespace

absl::Status CheckAgainstLog(EventStore& store, const std::string& path,
                             const ModelStanding& standing) {
  DAYBOOK_ASSIGN_OR_RETURN(const Position head, store.Head());
  if (standing.position > head) {
    return Restored(path, absl::StrCat("stands at position ", standing.position.value(),
                                       ", beyond the head of the log, ", head.value()));
  }
  if (standing.event_position == Position(0)) return absl::OkStatus();
  EventId id = standing.event_id;  // it may have been deleted since
  DAYBOOK_RETURN_IF_ERROR(store
                              .Visit(LogQuery{.after = standing.event_position - 1,
                                              .before = standing.event_position + 1},
                                     [&](const RecordedEvent& event) {
                                       id = event.id();
                                       return absl::OkStatus();
                                     })
                              .status());
  if (id == standing.event_id) return absl::OkStatus();
  return Restored(
      path, absl::StrCat("has handled the event ", standing.event_id.ToString(), " at position ",
                         standing.event_position.value(), ", where the log has ", id.ToString()));
}

absl::Status AnotherThanTheLogs(const std::string& path) {
  return Restored(path, "is not the one that this log knows");
}

ModelWriter::ModelWriter(EventStore& store, std::shared_ptr<ModelFile> file, ModelIdentity identity,
                         bool is_live)
    : store_(store), file_(std::move(file)), identity_(std::move(identity)), is_live_(is_live) {}

// ---- Beginning ---------------------------------------------------------------------------------

absl::StatusOr<Position> ModelWriter::Begin(int64_t epoch) {
  RollBack();
  session_.reset();
  const absl::Status undone = std::exchange(undone_, absl::OkStatus());
  if (absl::IsFailedPrecondition(undone)) return in_the_way_ = undone;
  absl::StatusOr<ModelStanding> standing = Open(epoch);
  in_the_way_ = standing.status();
  {
    MutexLock lock(mutex_);
    begun_ = standing.status();
  }
  if (!standing.ok()) {
    session_.reset();
    return standing.status();
  }
  standing_ = *standing;
  return standing_.position;
}

absl::Status ModelWriter::begun() const {
  MutexLock lock(mutex_);
  return begun_;
}

absl::StatusOr<ModelStanding> ModelWriter::Open(int64_t epoch) {
  DAYBOOK_RETURN_IF_ERROR(CheckFolder(std::filesystem::path(file_->path()).parent_path()));
  DAYBOOK_RETURN_IF_ERROR(OpenFile());
  DAYBOOK_ASSIGN_OR_RETURN(const bool anew, IsToBeMadeAnew());
  if (anew) {
    session_.reset();
    RemoveModel(file_->path());
    DAYBOOK_RETURN_IF_ERROR(OpenFile());
  }
  DAYBOOK_ASSIGN_OR_RETURN(const ModelStanding standing, TakeOver(epoch));
  DAYBOOK_RETURN_IF_ERROR(CheckAgainstLog(store_, file_->path(), standing));
  return standing;
}

absl::Status ModelWriter::OpenFile() {
  DAYBOOK_ASSIGN_OR_RETURN(auto connection, ConnectModel(file_->path(), Access::kMake));
  session_ = std::make_unique<SqlSession>(std::move(connection));
  // What follows a ROLLBACK of the handler's SQL must not commit by itself.
  session_->OnlyInTransactions();
  DAYBOOK_ASSIGN_OR_RETURN(const bool made, IsMade(database()));
  return made ? absl::OkStatus() : Make();
}

absl::Status ModelWriter::Make() {
  DAYBOOK_RETURN_IF_ERROR(database().Execute("BEGIN IMMEDIATE"));
  absl::Status made = MakeOwnTables(database(), identity_);
  if (made.ok()) {
    made = session_->RunScript(identity_.schema);
    if (!made.ok()) {
      const bool refused = absl::IsPermissionDenied(made);
      made = MakeStatus(refused ? absl::StatusCode::kInvalidArgument : made.code(),
                        absl::StrCat("options.schema: ", made.message()));
    }
  }
  if (made.ok()) made = database().Execute("COMMIT");
  if (!made.ok()) RollBack();
  return made;
}

// A version that nobody has seen yet, and that is not what it should be.
absl::StatusOr<bool> ModelWriter::IsToBeMadeAnew() {
  DAYBOOK_ASSIGN_OR_RETURN(const ModelIdentity found, ReadIdentity(database()));
  if (found.id == identity_.id && found.schema == identity_.schema) return false;
  if (!is_live_) return true;
  if (found.id != identity_.id) {
    return AnotherThanTheLogs(file_->path());
  }
  return MakeStatus(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat(file_->path(), " was made with another schema than the program's; rebuild"));
}

absl::StatusOr<ModelStanding> ModelWriter::TakeOver(int64_t epoch) {
  DAYBOOK_RETURN_IF_ERROR(database().Execute("BEGIN IMMEDIATE"));
  absl::StatusOr<ModelStanding> standing = ReadStanding(database());
  absl::Status taken = standing.status();
  if (taken.ok()) last_epoch_ = standing->epoch;
  if (taken.ok() && standing->epoch >= epoch) taken = MakeConflict("a newer owner has begun");
  if (taken.ok()) {
    standing->epoch = epoch;
    taken = WriteStanding(database(), *standing);
  }
  if (taken.ok()) taken = database().Execute("COMMIT");
  if (taken.ok()) return standing;
  RollBack();
  return taken;
}

// ---- Batches -----------------------------------------------------------------------------------

absl::Status ModelWriter::BeginBatch() {
  if (!undone_.ok()) return undone_;
  if (in_batch_) return absl::OkStatus();
  if (session_ == nullptr) return in_the_way_;
  DAYBOOK_RETURN_IF_ERROR(database().Execute("BEGIN IMMEDIATE"));
  const absl::StatusOr<ModelStanding> found = ReadStanding(database());
  absl::Status begun = found.status();
  if (begun.ok() && found->epoch != standing_.epoch) {
    begun = MakeConflict("another process has taken the projection over");
  }
  in_batch_ = true;
  records_ = 0;
  next_ = standing_;
  batch_since_ = steady_clock::now();
  if (!begun.ok()) RollBack();
  return begun;
}

bool ModelWriter::IsFull() const {
  return in_batch_ &&
         (records_ >= kMaxBatchRecords || steady_clock::now() >= batch_since_ + kMaxBatchTime);
}

absl::Status ModelWriter::Handle(const ProjectionHandlers& handlers, const RecordedEvent& record) {
  static constexpr char kSavepoint[] = "SAVEPOINT record";
  const bool careful = records_ > 0 && record.position() <= careful_until_;
  if (careful) DAYBOOK_RETURN_IF_ERROR(RunOwn(kSavepoint));
  const int64_t writes = session_->writes();
  absl::Status handled = EndRecord(CallHandlers(handlers, record), record, careful);
  if (handled.ok() || !undone_.ok()) return handled;
  if (!in_batch_ || careful || session_->writes() == writes) return handled;
  careful_until_ = record.position() + kMaxBatchRecords;
  RollBack();
  return NotNow(MakeStatus(absl::StatusCode::kAborted,
                           absl::StrCat("its batch is handled again: ", handled.message())));
}

absl::Status ModelWriter::RunOwn(const char* sql) {
  DAYBOOK_ASSIGN_OR_RETURN(Statement * statement, database().Prepared(sql));
  return statement->Run();
}

absl::Status ModelWriter::CallHandlers(const ProjectionHandlers& handlers,
                                       const RecordedEvent& record) {
  try {
    ReadModel model(*session_);
    return handlers.Handle(model, record);
  } catch (...) {
    return FromCurrentException("the handler");
  }
}

absl::Status ModelWriter::EndRecord(absl::Status handled, const RecordedEvent& record,
                                    bool in_savepoint) {
  static constexpr char kUndo[] = "ROLLBACK TO record";
  static constexpr char kRelease[] = "RELEASE record";
  if (!database().in_transaction()) {
    // A full disk does that too: then the batch comes again.
    undone_ =
        absl::IsResourceExhausted(handled)
            ? handled
            : Halt(MakeStatus(absl::StatusCode::kFailedPrecondition,
                              absl::StrCat("the handler's SQL has rolled back the whole batch (OR "
                                           "ROLLBACK, RAISE(ROLLBACK)): ",
                                           handled.message())));
    return undone_;
  }
  if (in_savepoint) {
    absl::Status ended = handled.ok() ? absl::OkStatus() : RunOwn(kUndo);
    if (ended.ok()) ended = RunOwn(kRelease);
    if (!ended.ok()) return undone_ = ended;
  }
  if (handled.ok()) {
    ++records_;
    next_.event_position = record.position();
    next_.event_id = record.id();
  } else if (records_ == 0) {
    RollBack();  // there is nothing to commit, and nobody should wait for the file meanwhile
  }
  return handled;
}

absl::Status ModelWriter::Commit(Position checkpoint) {
  if (!in_batch_ && (session_ == nullptr || checkpoint == standing_.position)) {
    return absl::OkStatus();
  }
  DAYBOOK_RETURN_IF_ERROR(BeginBatch());
  const absl::Status committed = Finish(checkpoint);
  if (!committed.ok()) RollBack();
  return committed;
}

absl::Status ModelWriter::Finish(Position checkpoint) {
  if (checkpoint < standing_.position || checkpoint < next_.event_position) {
    return MakeStatus(absl::StatusCode::kInternal,
                      absl::StrCat("a checkpoint at ", checkpoint.value(),
                                   " behind the tables, at ", next_.event_position.value()));
  }
  next_.position = checkpoint;
  DAYBOOK_RETURN_IF_ERROR(WriteStanding(database(), next_));
  DAYBOOK_RETURN_IF_ERROR(database().Execute("COMMIT"));
  in_batch_ = false;
  standing_ = next_;
  session_->KeepLogSmall();
  return absl::OkStatus();
}

void ModelWriter::RollBack() {
  in_batch_ = false;
  if (session_ == nullptr || !database().in_transaction()) return;
  database().Execute("ROLLBACK").IgnoreError();
}

}  // namespace daybook::internal
