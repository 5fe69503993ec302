#include "fault/fault_vfs.h"

#include <cerrno>
#include <filesystem>
#include <new>
#include <string_view>
#include <utility>

#include "fault/support.h"

namespace daybook::fault {
namespace {

std::string UniqueName() {
  static std::atomic<int> made = 0;
  return "fault" + std::to_string(++made);
}

bool IsOnDisk(const char* name, int flags) {
  return name != nullptr && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL |
                                      SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)) != 0;
}

}  // namespace

struct FaultVfs::OpenFile {
  sqlite3_file base;  // first: SQLite sees this struct as one
  FaultVfs* vfs;
  CrashDisk::FilePtr on_disk;  // null for temporary files
  bool is_database;
  uint64_t failed_syncs;  // that this handle has been told of
  bool syncs_folder;      // at its next sync, as SQLite's unix VFS does for new journals
  sqlite3_file* real;
};

// SQLite's method tables: each answers for a cut power, or passes on.
struct FaultVfs::Io {
  static OpenFile& Of(sqlite3_file* file) { return *reinterpret_cast<OpenFile*>(file); }
  static FaultVfs& Of(sqlite3_vfs* vfs) { return *static_cast<FaultVfs*>(vfs->pAppData); }
  static const sqlite3_io_methods& Real(OpenFile& file) { return *file.real->pMethods; }

  template <int kOff, auto kMethod, typename... Args>
  static int Pass(sqlite3_file* file, Args... args) {
    OpenFile& open = Of(file);
    if (kOff != SQLITE_OK && open.vfs->power_is_off()) return kOff;
    return (Real(open).*kMethod)(open.real, args...);
  }

  static int Close(sqlite3_file* file) {
    OpenFile& open = Of(file);
    const int result = Real(open).xClose(open.real);
    open.~OpenFile();
    return result;
  }
  static int Write(sqlite3_file* file, const void* data, int amount, sqlite3_int64 offset) {
    return Of(file).vfs->Write(Of(file), data, amount, offset);
  }
  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    return Of(file).vfs->Truncate(Of(file), size);
  }
  static int Sync(sqlite3_file* file, int) { return Of(file).vfs->Sync(Of(file)); }
  static int ShmLock(sqlite3_file* file, int offset, int n, int flags) {
    OpenFile& open = Of(file);
    const bool unlocks = (flags & SQLITE_SHM_UNLOCK) != 0;
    if (!unlocks && open.vfs->power_is_off()) return SQLITE_IOERR_SHMLOCK;
    return Real(open).xShmLock(open.real, offset, n, flags);
  }
  static void ShmBarrier(sqlite3_file* file) { Real(Of(file)).xShmBarrier(Of(file).real); }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                  int* out_flags) {
    return Of(vfs).Open(name, reinterpret_cast<OpenFile*>(file), flags, out_flags);
  }
  static int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    return Of(vfs).Delete(name, sync_folder);
  }
  static int Access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    FaultVfs& self = Of(vfs);
    if (self.power_is_off()) return SQLITE_IOERR_ACCESS;
    return self.base_->xAccess(self.base_, name, flags, out);
  }

  static const sqlite3_io_methods* Methods() {
    using M = sqlite3_io_methods;
    static const sqlite3_io_methods methods = {
        .iVersion = 3,
        .xClose = Close,
        .xRead = Pass<SQLITE_IOERR_READ, &M::xRead, void*, int, sqlite3_int64>,
        .xWrite = Write,
        .xTruncate = Truncate,
        .xSync = Sync,
        .xFileSize = Pass<SQLITE_IOERR_FSTAT, &M::xFileSize, sqlite3_int64*>,
        .xLock = Pass<SQLITE_IOERR_LOCK, &M::xLock, int>,
        .xUnlock = Pass<SQLITE_OK, &M::xUnlock, int>,
        .xCheckReservedLock = Pass<SQLITE_IOERR_CHECKRESERVEDLOCK, &M::xCheckReservedLock, int*>,
        .xFileControl = Pass<SQLITE_OK, &M::xFileControl, int, void*>,
        .xSectorSize = Pass<SQLITE_OK, &M::xSectorSize>,
        .xDeviceCharacteristics = Pass<SQLITE_OK, &M::xDeviceCharacteristics>,
        .xShmMap = Pass<SQLITE_IOERR_SHMMAP, &M::xShmMap, int, int, int, void volatile**>,
        .xShmLock = ShmLock,
        .xShmBarrier = ShmBarrier,
        .xShmUnmap = Pass<SQLITE_OK, &M::xShmUnmap, int>,
        .xFetch = Pass<SQLITE_IOERR_MMAP, &M::xFetch, sqlite3_int64, int, void**>,
        .xUnfetch = Pass<SQLITE_OK, &M::xUnfetch, sqlite3_int64, void*>,
    };
    return &methods;
  }
};

FaultVfs::FaultVfs(uint64_t seed)
    : base_(sqlite3_vfs_find(nullptr)), name_(UniqueName()), random_(seed) {
  // The methods that are not replaced ask the base for nothing but its own fields, or nothing.
  vfs_ = *base_;
  vfs_.szOsFile = static_cast<int>(sizeof(OpenFile)) + base_->szOsFile;
  vfs_.pNext = nullptr;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = Io::Open;
  vfs_.xDelete = Io::Delete;
  vfs_.xAccess = Io::Access;
  sqlite3_vfs_register(&vfs_, 0);
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(&vfs_); }

void FaultVfs::CutPowerAt(int64_t nth) {
  std::lock_guard<std::mutex> lock(mutex_);
  cut_at_ = nth;
}

void FaultVfs::KillAt(int64_t nth) {
  std::lock_guard<std::mutex> lock(mutex_);
  kill_at_ = nth;
}

void FaultVfs::Restart() {
  std::lock_guard<std::mutex> lock(mutex_);
  kill_at_ = std::numeric_limits<int64_t>::max();
  power_is_off_ = false;
}

void FaultVfs::FailOnce(IoCall call, int64_t nth, int error) {
  std::lock_guard<std::mutex> lock(mutex_);
  fail_call_ = call;
  fail_at_ = nth;
  fail_error_ = error;
  has_failed_ = false;
}

void FaultVfs::FailNextSyncOfDatabase(int error) {
  std::lock_guard<std::mutex> lock(mutex_);
  fail_database_sync_ = true;
  fail_error_ = error;
  has_failed_ = false;
}

int64_t FaultVfs::calls() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return count_;
}

int64_t FaultVfs::calls(IoCall call) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return counts_[static_cast<size_t>(call)];
}

void FaultVfs::Materialize(const std::string& folder, uint64_t seed) const {
  std::lock_guard<std::mutex> lock(mutex_);
  disk_.Materialize(folder, seed);
}

void FaultVfs::Adopt(const std::string& folder) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    // By the name SQLite will use.
    const std::string path = std::filesystem::canonical(entry.path());
    disk_.Adopt(path, ReadFile(path));
  }
}

FaultVfs::Verdict FaultVfs::Judge(IoCall call) {
  ++count_;
  const int64_t nth = ++counts_[static_cast<size_t>(call)];
  if (count_ >= kill_at_) {
    power_is_off_ = true;
    return Verdict::kKilled;
  }
  if (count_ >= cut_at_) {
    power_is_off_ = true;
    return Verdict::kPowerCut;
  }
  if (call != fail_call_ || nth != fail_at_) return Verdict::kGo;
  has_failed_ = true;
  errno = fail_error_;
  return Verdict::kFail;
}

CrashDisk::FilePtr FaultVfs::Track(const char* name, OpenFile& file, bool existed) {
  if (CrashDisk::FilePtr known = disk_.Find(name); known != nullptr) return known;
  if (!existed) return disk_.Create(name);
  sqlite3_int64 size = 0;
  file.real->pMethods->xFileSize(file.real, &size);
  std::string content(static_cast<size_t>(size), '\0');
  if (size > 0) {
    file.real->pMethods->xRead(file.real, content.data(), static_cast<int>(size), 0);
  }
  return disk_.Adopt(name, std::move(content));
}

int FaultVfs::Open(const char* name, OpenFile* file, int flags, int* out_flags) {
  file->base.pMethods = nullptr;  // until it is open
  if (power_is_off()) return SQLITE_CANTOPEN;
  std::lock_guard<std::mutex> lock(mutex_);
  const bool on_disk = IsOnDisk(name, flags);
  int existed = 1;
  if (on_disk) base_->xAccess(base_, name, SQLITE_ACCESS_EXISTS, &existed);
  if (existed == 0 && (flags & SQLITE_OPEN_CREATE) != 0 && Judge(IoCall::kCreate) != Verdict::kGo) {
    return SQLITE_CANTOPEN;
  }
  auto* real = reinterpret_cast<sqlite3_file*>(file + 1);
  const int result = base_->xOpen(base_, name, real, flags, out_flags);
  if (result != SQLITE_OK) return result;
  const bool journal = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
  new (file) OpenFile{.base = {Io::Methods()},
                      .vfs = this,
                      .on_disk = nullptr,
                      .is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0,
                      .failed_syncs = 0,
                      .syncs_folder = journal && (flags & SQLITE_OPEN_CREATE) != 0,
                      .real = real};
  if (!on_disk) return SQLITE_OK;
  file->on_disk = Track(name, *file, existed != 0);
  file->failed_syncs = CrashDisk::FailedSyncs(*file->on_disk);
  return SQLITE_OK;
}

int FaultVfs::Delete(const char* name, int sync_folder) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (power_is_off()) return SQLITE_IOERR_DELETE;
  const Verdict verdict = Judge(IoCall::kDelete);
  if (verdict == Verdict::kPowerCut) disk_.Delete(name);
  if (verdict != Verdict::kGo) return SQLITE_IOERR_DELETE;
  const int result = base_->xDelete(base_, name, 0);
  if (result != SQLITE_OK) return result;
  disk_.Delete(name);
  if (sync_folder != 0) disk_.SyncNames();
  return SQLITE_OK;
}

int FaultVfs::FailWrite(OpenFile& file, const void* data, int amount, int64_t offset) {
  const bool full = fail_error_ == ENOSPC;
  const int written =
      static_cast<int>(random_() % static_cast<uint64_t>(full ? amount : amount + 1));
  if (written > 0) {
    if (file.on_disk) {
      disk_.Write(*file.on_disk, offset, {static_cast<const char*>(data), size_t(written)});
    }
    file.real->pMethods->xWrite(file.real, data, written, offset);
  }
  errno = fail_error_;
  return full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

int FaultVfs::Write(OpenFile& file, const void* data, int amount, int64_t offset) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (power_is_off()) return SQLITE_IOERR_WRITE;
  if (disk_is_full_) return SQLITE_FULL;
  const Verdict verdict = Judge(IoCall::kWrite);
  if (verdict == Verdict::kFail) return FailWrite(file, data, amount, offset);
  if (verdict == Verdict::kKilled) return SQLITE_IOERR_WRITE;
  if (file.on_disk) {
    disk_.Write(*file.on_disk, offset, {static_cast<const char*>(data), size_t(amount)});
  }
  if (verdict == Verdict::kPowerCut) return SQLITE_IOERR_WRITE;
  return file.real->pMethods->xWrite(file.real, data, amount, offset);
}

int FaultVfs::Truncate(OpenFile& file, int64_t size) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (power_is_off()) return SQLITE_IOERR_TRUNCATE;
  const Verdict verdict = Judge(IoCall::kTruncate);
  if (verdict == Verdict::kFail || verdict == Verdict::kKilled) return SQLITE_IOERR_TRUNCATE;
  if (file.on_disk) disk_.Truncate(*file.on_disk, size);
  if (verdict == Verdict::kPowerCut) return SQLITE_IOERR_TRUNCATE;
  return file.real->pMethods->xTruncate(file.real, size);
}

int FaultVfs::Sync(OpenFile& file) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (power_is_off()) return SQLITE_IOERR_FSYNC;
  if (!file.on_disk) return SQLITE_OK;
  Verdict verdict = Judge(IoCall::kSync);
  if (verdict == Verdict::kGo && file.is_database && std::exchange(fail_database_sync_, false)) {
    verdict = Verdict::kFail;
    has_failed_ = true;
  }
  if (verdict == Verdict::kPowerCut || verdict == Verdict::kKilled) return SQLITE_IOERR_FSYNC;
  if (verdict == Verdict::kFail) {
    disk_.FailSync(*file.on_disk, random_);
  } else {
    disk_.Sync(*file.on_disk);
    if (file.syncs_folder) disk_.SyncNames();
    file.syncs_folder = false;
  }
  const uint64_t failed_syncs = CrashDisk::FailedSyncs(*file.on_disk);
  if (std::exchange(file.failed_syncs, failed_syncs) == failed_syncs) return SQLITE_OK;
  errno = fail_error_;
  return SQLITE_IOERR_FSYNC;
}

}  // namespace daybook::fault
