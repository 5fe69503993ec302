#include "sqlite/recovery.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "sqlite/schema.h"
#include "status_macros.h"

namespace daybook::internal {
namespace {

// Whether a connection of any program has the database's shared index open: it holds a lock on it.
// REQUIRES: none of this process has. The close would drop its locks.
absl::StatusOr<bool> IsIndexOpen(const std::string& path) {
  const int file = open((path + "-shm").c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return false;
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool known = file >= 0 && fcntl(file, F_OFD_GETLK, &lock) == 0;
  const int error = errno;
  if (file >= 0) close(file);
  if (known) return lock.l_type != F_UNLCK;
  return MakeStatus(absl::StatusCode::kUnavailable,
                    absl::StrCat("looking for locks on ", path, "-shm: ", std::strerror(error)));
}

}  // namespace

absl::Status Recover(Database& writer, Turnstile& turnstile, SharedPage& page,
                     std::chrono::nanoseconds busy_timeout) {
  DAYBOOK_ASSIGN_OR_RETURN(const bool alone, turnstile.Join());
  if (page.sync_failed()) {
    bool in_use = !alone;
    if (alone) {
      DAYBOOK_ASSIGN_OR_RETURN(in_use, IsIndexOpen(writer.path()));
    }
    if (in_use) {
      return MakeStatus(absl::StatusCode::kFailedPrecondition,
                        "a sync of the file has failed, and it is still open elsewhere; close it "
                        "in every process, then open it. Nothing acknowledged is lost");
    }
  }
  page.CountDeletion();
  DAYBOOK_RETURN_IF_ERROR(PrepareFile(writer));
  DAYBOOK_RETURN_IF_ERROR(writer.Execute("PRAGMA synchronous = FULL"));
  absl::Status copied =
      writer
          .Checkpoint(SQLITE_CHECKPOINT_TRUNCATE, std::min<std::chrono::nanoseconds>(
                                                      busy_timeout, std::chrono::milliseconds(100)))
          .status();
  // After a sync that failed, the disk may hold less of the log than the kernel showed: found again
  // after a power cut, that would take back what has just been copied.
  if (copied.ok()) copied = writer.SyncLog();
  if (writer.sync_failed()) {
    page.set_sync_failed(true);
    writer.KeepLogAtClose();
  } else if (copied.ok()) {
    page.set_sync_failed(false);
  }
  return copied;
}

}  // namespace daybook::internal
