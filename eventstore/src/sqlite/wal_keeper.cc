#include "sqlite/wal_keeper.h"

#include <algorithm>
#include <utility>

#include "make_status.h"

namespace daybook::internal {
namespace {

constexpr int64_t kWalBytesPerPage = 4096 + 24;

// As SQLite's own checkpoint: small enough to stay in the cache, large enough to spread its syncs.
constexpr int kBulkPages = 1000;

// What the writer may copy itself without anybody noticing.
constexpr int kSmallRest = 64;

// After a try that left the log as it was; of a small log, a share of it.
constexpr int kRetryPages = 256;
constexpr int kRetryPagesNearLimit = 64;
constexpr int kRetryShare = 16;
constexpr int kRetryShareNearLimit = 32;

constexpr std::chrono::nanoseconds kNoPatience(0);
constexpr std::chrono::milliseconds kPatienceNearLimit(50);
// Once, before the commit that would take the log beyond its limit.
constexpr std::chrono::milliseconds kPatienceAtLimit(500);

}  // namespace

WalKeeper::WalKeeper(std::unique_ptr<Database> database, SharedPage& page, int64_t wal_limit,
                     std::function<void(const absl::Status&)> report)
    : limit_pages_(static_cast<int>(wal_limit / kWalBytesPerPage)),
      bulk_pages_(std::min(kBulkPages, limit_pages_ / 4)),
      database_(std::move(database)),
      page_(page),
      report_(std::move(report)),
      thread_([this] { Run(); }) {}

WalKeeper::~WalKeeper() {
  {
    MutexLock lock(mutex_);
    state_ = kStopped;
  }
  changed_.NotifyAll();
  thread_.join();
}

void WalKeeper::AfterCommit(Database& writer) {
  if (page_.sync_failed()) return;
  const int pages = writer.wal_pages();
  NoteGroup(pages);
  if (pages < std::max(bulk_pages_, next_try_pages_)) return;
  const bool near_limit = pages >= NearLimit();
  if (near_limit) {
    MutexLock lock(mutex_);
    while (state_ == kCopying) changed_.Wait(mutex_);
    if (page_.sync_failed()) return;
  }
  const bool small_rest =
      state_ == kCopied && pages - copied_pages_ <= std::max(kSmallRest, copied_pages_ / 4);
  if (near_limit || small_rest) {
    Finish(writer, near_limit);
  } else if (state_ != kCopying) {
    MutexLock lock(mutex_);
    state_ = kCopying;
    changed_.NotifyAll();
  }
}

void WalKeeper::NoteGroup(int pages) {
  const bool started_over = pages < pages_;
  if (started_over) next_try_pages_ = 0;
  if (started_over) waited_at_limit_ = false;
  const int group = started_over ? pages : pages - pages_;
  largest_group_ = std::max(group, largest_group_ - largest_group_ / 64);
  pages_ = pages;
}

int WalKeeper::NearLimit() const {
  return std::max(limit_pages_ / 2,
                  std::min(limit_pages_ * 3 / 4, limit_pages_ - largest_group_ * 3 / 2));
}

std::chrono::nanoseconds WalKeeper::Patience() {
  const bool at_limit = pages_ <= limit_pages_ && pages_ + largest_group_ > limit_pages_;
  if (!at_limit || waited_at_limit_) return kPatienceNearLimit;
  waited_at_limit_ = true;
  return kPatienceAtLimit;
}

void WalKeeper::Finish(Database& writer, bool near_limit) {
  next_try_pages_ =
      pages_ + (near_limit ? std::min(kRetryPagesNearLimit, limit_pages_ / kRetryShareNearLimit)
                           : std::min(kRetryPages, limit_pages_ / kRetryShare));
  const absl::StatusOr<WalPages> copied =
      near_limit ? writer.Checkpoint(SQLITE_CHECKPOINT_RESTART, Patience())
                 : writer.Checkpoint(SQLITE_CHECKPOINT_PASSIVE, kNoPatience);
  if (writer.sync_failed()) page_.set_sync_failed(true);
  const bool blocked = near_limit && copied.ok() && copied->blocked;
  if (!blocked) {
    report_(copied.status());
  } else if (pages_ > limit_pages_) {
    report_(MakeStatus(absl::StatusCode::kUnavailable,
                       "the write-ahead log has grown beyond its limit, for a read has been "
                       "standing open; let visitors be quick"));
  }
  MutexLock lock(mutex_);
  state_ = kIdle;
}

void WalKeeper::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (state_ == kIdle || state_ == kCopied) changed_.Wait(mutex_);
      if (state_ == kStopped) return;
    }
    Copy();
    MutexLock lock(mutex_);
    if (state_ == kStopped) return;
    state_ = kCopied;
    changed_.NotifyAll();
  }
}

void WalKeeper::Copy() {
  const absl::StatusOr<WalPages> copied =
      database_->Checkpoint(SQLITE_CHECKPOINT_PASSIVE, kNoPatience);
  copied_pages_ = copied.ok() ? copied->copied : 0;
  // SQLite itself syncs the file only when it has reached the end of the log, which would leave all
  // the syncing to the writer.
  const absl::Status synced = copied.ok() ? database_->SyncFile() : copied.status();
  if (database_->sync_failed()) page_.set_sync_failed(true);
  report_(synced);
}

}  // namespace daybook::internal
