#include "daybook/projection.h"

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "mutex.h"
#include "projection/catalog.h"
#include "projection/model_version.h"
#include "sqlite/paths.h"
#include "status_macros.h"

namespace daybook {

using internal::CatalogEntry;
using internal::MakeStatus;
using internal::ModelVersion;
using internal::Mutex;
using internal::MutexLock;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// How soon a change of the catalog by another process is seen, and how often a rebuild is looked
// at.
constexpr milliseconds kSwitchPoll(250);
constexpr milliseconds kRebuildPoll(20);
// A rebuild that has everything which the log held so long ago has caught up.
constexpr std::chrono::seconds kCaughtUp(1);
// The live version stands still at most so long for a switch.
constexpr milliseconds kSwitchTime(500);
constexpr milliseconds kForeignPoll(20);
constexpr milliseconds kVersionPoll(100);

bool IsFilledHere(SubscriptionState state) {
  return state != SubscriptionState::kNotStarted && state != SubscriptionState::kStandby;
}

}  // namespace

class SqliteProjection::Impl {
 public:
  Impl(EventStore& store, ProjectionOptions options, ProjectionHandlers handlers);
  ~Impl() { Stop(); }

  absl::Status Start();
  void Stop();
  absl::Status CatchUp();
  absl::Status WaitUntil(Position position, steady_clock::time_point deadline) const;
  ProjectionHealth Health() const;
  absl::Status Rebuild();
  ProjectionReader Reader() const { return {store_, options_.name, options_.folder}; }

 private:
  using Version = std::shared_ptr<ModelVersion>;

  absl::Status CheckOptions() const;
  absl::Status Occupy();
  void Vacate();
  absl::StatusOr<CatalogEntry> Enter();
  absl::Status Begin();
  absl::Status CatchUpAll();
  absl::Status CatchUpNext(const CatalogEntry& entry);
  void Run();
  absl::Status Turn();
  absl::Status FollowLive(const CatalogEntry& entry);
  absl::Status FollowNext(const CatalogEntry& entry);
  absl::StatusOr<bool> SwitchIfCaughtUp(const CatalogEntry& entry);
  void Retire(Version version);
  absl::StatusOr<Position> Committed() const;

  Version Live(const CatalogEntry& entry) const {
    return std::make_shared<ModelVersion>(store_, options_, handlers_, entry.row.live(),
                                          entry.row.live_id(), true);
  }
  Version Next(const CatalogEntry& entry) const {
    return std::make_shared<ModelVersion>(store_, options_, handlers_, entry.row.next(),
                                          entry.row.next_id(), false);
  }
  std::string Path(int64_t version) const {
    return internal::ModelPath(options_.folder, options_.name, version);
  }
  Version live() const {
    MutexLock lock(mutex_);
    return live_;
  }
  Version next() const {
    MutexLock lock(mutex_);
    return next_;
  }
  void SetNext(Version next) {
    MutexLock lock(mutex_);
    next_.swap(next);
  }

  EventStore& store_;
  ProjectionOptions options_;
  const ProjectionHandlers handlers_;

  mutable Mutex mutex_;
  mutable internal::CondVar changed_;
  // Changed by one thread alone: that of CatchUp(), or Start() and then thread_.
  Version live_ ABSL_GUARDED_BY(mutex_);
  Version next_ ABSL_GUARDED_BY(mutex_);
  absl::Status trouble_ ABSL_GUARDED_BY(mutex_) = absl::OkStatus();
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool hurried_ ABSL_GUARDED_BY(mutex_) = false;

  // Of the thread that runs: what the head of the log was, and when.
  Position head_;
  steady_clock::time_point head_since_;

  std::thread thread_;
};

SqliteProjection::Impl::Impl(EventStore& store, ProjectionOptions options,
                             ProjectionHandlers handlers)
    : store_(store), options_(std::move(options)), handlers_(std::move(handlers)) {
  std::error_code none;  // what is no path is found when it is checked
  options_.folder = std::filesystem::absolute(options_.folder, none).string();
}

absl::Status SqliteProjection::Impl::CheckOptions() const {
  DAYBOOK_RETURN_IF_ERROR(internal::CheckProjectionName(options_.name));
  if (handlers_.types().empty()) {
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      absl::StrCat("projection '", options_.name, "' has no handlers"));
  }
  if (options_.schema.find('\0') != std::string::npos) {
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      "options.schema holds a NUL: what follows it would be cut off");
  }
  return internal::CheckFolder(options_.folder);
}

absl::Status SqliteProjection::Impl::Occupy() {
  DAYBOOK_RETURN_IF_ERROR(CheckOptions());
  MutexLock lock(mutex_);
  if (started_) {
    return MakeStatus(absl::StatusCode::kFailedPrecondition,
                      absl::StrCat("projection '", options_.name, "' has been started before"));
  }
  started_ = true;
  return absl::OkStatus();
}

void SqliteProjection::Impl::Vacate() {
  MutexLock lock(mutex_);
  started_ = false;
}

absl::StatusOr<CatalogEntry> SqliteProjection::Impl::Enter() {
  DAYBOOK_ASSIGN_OR_RETURN(CatalogEntry entry, internal::EnterCatalog(store_, options_.name));
  internal::RemoveOldVersions(store_, options_, entry.row.live());
  return entry;
}

// ---- On threads of its own ---------------------------------------------------------------------

absl::Status SqliteProjection::Impl::Start() {
  DAYBOOK_RETURN_IF_ERROR(Occupy());
  const absl::Status begun = Begin();
  if (begun.ok()) {
    thread_ = std::thread([this] { Run(); });
  } else {
    Vacate();
  }
  return begun;
}

absl::Status SqliteProjection::Impl::Begin() {
  DAYBOOK_ASSIGN_OR_RETURN(const CatalogEntry entry, Enter());
  Version live = Live(entry);
  DAYBOOK_RETURN_IF_ERROR(live->runner.Start());
  const absl::Status begun = live->writer.begun();
  if (!begun.ok() && entry.row.next() == 0) {
    live->runner.Stop();
    return begun;
  }
  MutexLock lock(mutex_);
  live_ = std::move(live);
  return absl::OkStatus();
}

void SqliteProjection::Impl::Stop() {
  for (const Version& version : {live(), next()}) {
    if (version != nullptr) version->runner.AbortIfCalledByItsHandler();
  }
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (!thread_.joinable()) return;
  thread_.join();
  if (const Version version = next(); version != nullptr) version->runner.Stop();
  if (const Version version = live(); version != nullptr) version->runner.Stop();
}

void SqliteProjection::Impl::Run() {
  while (true) {
    absl::Status turned = Turn();
    MutexLock lock(mutex_);
    trouble_ = std::move(turned);
    const auto until = steady_clock::now() + (next_ == nullptr ? kSwitchPoll : kRebuildPoll);
    while (!stopping_ && !hurried_ && steady_clock::now() < until) {
      changed_.WaitUntil(mutex_, until);
    }
    if (stopping_) return;
    hurried_ = false;
  }
}

absl::Status SqliteProjection::Impl::Turn() {
  bool again = true;
  while (again) {
    DAYBOOK_ASSIGN_OR_RETURN(const CatalogEntry entry,
                             internal::ReadCatalog(store_, options_.name));
    if (!entry.exists()) return absl::OkStatus();
    DAYBOOK_RETURN_IF_ERROR(FollowLive(entry));
    DAYBOOK_RETURN_IF_ERROR(FollowNext(entry));
    DAYBOOK_ASSIGN_OR_RETURN(again, SwitchIfCaughtUp(entry));
  }
  return absl::OkStatus();
}

absl::Status SqliteProjection::Impl::FollowLive(const CatalogEntry& entry) {
  Version old = live();
  if (old->number == entry.row.live()) return absl::OkStatus();
  Version now = next();
  if (now != nullptr && now->number == entry.row.live()) {
    now->writer.SetLive();
    SetNext(nullptr);
  } else {
    now = Live(entry);
    DAYBOOK_RETURN_IF_ERROR(now->runner.Start());
  }
  {
    MutexLock lock(mutex_);
    live_ = std::move(now);
    changed_.NotifyAll();
  }
  Retire(std::move(old));
  if (options_.on_live) options_.on_live(entry.row.live());
  return absl::OkStatus();
}

absl::Status SqliteProjection::Impl::FollowNext(const CatalogEntry& entry) {
  Version now = next();
  if (now != nullptr && now->number != entry.row.next()) {
    SetNext(nullptr);
    Retire(std::exchange(now, nullptr));
  }
  if (now != nullptr || entry.row.next() == 0) return absl::OkStatus();
  now = Next(entry);
  DAYBOOK_RETURN_IF_ERROR(now->runner.Start());
  SetNext(std::move(now));
  head_since_ = {};
  return absl::OkStatus();
}

absl::StatusOr<bool> SqliteProjection::Impl::SwitchIfCaughtUp(const CatalogEntry& entry) {
  const Version version = next();
  if (version == nullptr || version->runner.Health().state != SubscriptionState::kRunning) {
    return false;
  }
  const auto now = steady_clock::now();
  if (now > head_since_ + kCaughtUp) {
    DAYBOOK_ASSIGN_OR_RETURN(head_, store_.Head());
    head_since_ = now;
  }
  if (!version->runner.WaitUntil(head_, now).ok()) return false;
  return internal::Switch(store_, entry, Path(entry.row.live()), *version, now + kSwitchTime);
}

void SqliteProjection::Impl::Retire(Version version) {
  version->runner.Stop();
  version->file->Retire();
  const std::string name = version->runner.options().name;
  version.reset();
  internal::RemoveSubscription(store_, name);
}

// ---- On the caller's thread --------------------------------------------------------------------

absl::Status SqliteProjection::Impl::CatchUp() {
  DAYBOOK_RETURN_IF_ERROR(Occupy());
  absl::Status done = CatchUpAll();
  Vacate();
  return done;
}

absl::Status SqliteProjection::Impl::CatchUpAll() {
  DAYBOOK_ASSIGN_OR_RETURN(CatalogEntry entry, Enter());
  while (entry.row.next() != 0) {
    DAYBOOK_RETURN_IF_ERROR(CatchUpNext(entry));
    DAYBOOK_ASSIGN_OR_RETURN(entry, Enter());
  }
  Version live = Live(entry);
  {
    MutexLock lock(mutex_);
    live_ = live;
  }
  return live->runner.CatchUp();
}

absl::Status SqliteProjection::Impl::CatchUpNext(const CatalogEntry& entry) {
  const Version version = Next(entry);
  SetNext(version);
  absl::Status done = version->runner.CatchUp();
  if (done.ok()) {
    done = internal::Switch(store_, entry, Path(entry.row.live()), *version, steady_clock::now())
               .status();
  }
  SetNext(nullptr);
  return done;
}

// ---- From any thread ---------------------------------------------------------------------------

absl::Status SqliteProjection::Impl::WaitUntil(Position position,
                                               steady_clock::time_point deadline) const {
  while (true) {
    const auto now = steady_clock::now();
    const Version version = live();
    SubscriptionHealth health;
    if (version != nullptr) health = version->runner.Health();
    if (IsFilledHere(health.state) && version->writer.begun().ok()) {
      const absl::Status waited =
          version->runner.WaitUntil(position, std::min(deadline, now + kVersionPoll));
      if (!absl::IsDeadlineExceeded(waited)) return waited;
    }
    const absl::StatusOr<Position> committed = Committed();
    if (!committed.ok() && !absl::IsDataLoss(committed.status())) return committed.status();
    if (committed.ok() && *committed >= position) return absl::OkStatus();
    if (now >= deadline) {
      const absl::Status& held_back = committed.ok() ? health.last_error : committed.status();
      return MakeStatus(
          absl::StatusCode::kDeadlineExceeded,
          absl::StrCat("projection '", options_.name, "' shows all up to ",
                       committed.value_or(Position(0)).value(), ", not ", position.value(),
                       held_back.ok() ? "" : "; it is held back: ", held_back.message()));
    }
    MutexLock lock(mutex_);
    changed_.WaitUntil(mutex_, std::min(deadline, now + kForeignPoll));
  }
}

absl::StatusOr<Position> SqliteProjection::Impl::Committed() const {
  DAYBOOK_ASSIGN_OR_RETURN(const CatalogEntry entry, internal::ReadCatalog(store_, options_.name));
  if (!entry.exists()) return Position(0);
  return internal::CommittedIn(store_, entry, Path(entry.row.live()));
}

ProjectionHealth SqliteProjection::Impl::Health() const {
  ProjectionHealth health;
  const Version live_version = live();
  const Version next_version = next();
  if (live_version != nullptr) {
    health.version = live_version->number;
    health.live = live_version->runner.Health();
  }
  if (next_version != nullptr) {
    health.rebuild = {.version = next_version->number, .health = next_version->runner.Health()};
  }
  MutexLock lock(mutex_);
  health.trouble = trouble_;
  return health;
}

absl::Status SqliteProjection::Impl::Rebuild() {
  DAYBOOK_RETURN_IF_ERROR(CheckOptions());
  DAYBOOK_RETURN_IF_ERROR(internal::EnterCatalog(store_, options_.name).status());
  DAYBOOK_RETURN_IF_ERROR(RequestRebuild(store_, options_.name));
  MutexLock lock(mutex_);
  hurried_ = true;
  changed_.NotifyAll();
  return absl::OkStatus();
}

// ------------------------------------------------------------------------------------------------

SqliteProjection::SqliteProjection(EventStore& store, ProjectionOptions options,
                                   ProjectionHandlers handlers)
    : impl_(std::make_unique<Impl>(store, std::move(options), std::move(handlers))) {}

SqliteProjection::~SqliteProjection() = default;

absl::Status SqliteProjection::Start() { return impl_->Start(); }
void SqliteProjection::Stop() { impl_->Stop(); }
absl::Status SqliteProjection::CatchUp() { return impl_->CatchUp(); }
absl::Status SqliteProjection::WaitUntil(Position position,
                                         steady_clock::time_point deadline) const {
  return impl_->WaitUntil(position, deadline);
}
ProjectionHealth SqliteProjection::Health() const { return impl_->Health(); }
absl::Status SqliteProjection::Rebuild() { return impl_->Rebuild(); }
ProjectionReader SqliteProjection::Reader() const { return impl_->Reader(); }

}  // namespace daybook
