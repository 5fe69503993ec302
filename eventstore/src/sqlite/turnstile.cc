#include "sqlite/turnstile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "sqlite/database.h"
#include "status_macros.h"

namespace daybook::internal {
namespace {

using std::chrono::steady_clock;

enum Part : off_t { kDoor = 0, kRoom = 1, kHouse = 2 };

// Open file description locks: a thread's, not a process's, so that two stores of one process
// exclude each other as well.
bool TrySet(int file, Part part, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = part;
  lock.l_len = 1;
  return fcntl(file, F_OFD_SETLK, &lock) == 0;
}

absl::Status LockFailed() {
  return MakeStatus(absl::StatusCode::kUnavailable,
                    absl::StrCat("locking the -turn file: ", std::strerror(errno)));
}

absl::Status Take(int file, Part part, steady_clock::time_point since,
                  std::chrono::nanoseconds patience) {
  while (!TrySet(file, part, F_WRLCK)) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) return LockFailed();
    if (steady_clock::now() - since >= patience) {
      return MakeStatus(absl::StatusCode::kUnavailable,
                        "another process has been writing for longer than the busy timeout; try "
                        "again");
    }
    std::this_thread::sleep_for(NextPause(since));
  }
  return absl::OkStatus();
}

// Who may use the database may use what stands beside it, whoever made that, and whatever the umask
// was: as SQLite does for its own. Where a file system knows no owners and modes, it stays as it
// is.
void MakeLike(const struct stat& database, int file) {
  if (geteuid() == 0 && fchown(file, database.st_uid, database.st_gid) != 0) return;
  if (fchmod(file, database.st_mode & 0666) != 0) return;
}

}  // namespace

absl::StatusOr<int> OpenSidecar(const std::string& database) {
  const std::string path = database + "-turn";
  struct stat like = {};
  const bool known = stat(database.c_str(), &like) == 0;
  const mode_t mode = known ? like.st_mode & 0666 : 0666;
  int file = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file >= 0 && known) MakeLike(like, file);
  if (file < 0 && errno == EEXIST) file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, mode);
  if (file >= 0) return file;
  const bool refused = errno == EACCES || errno == EPERM || errno == EROFS;
  return MakeStatus(
      refused ? absl::StatusCode::kPermissionDenied : absl::StatusCode::kUnavailable,
      absl::StrCat("opening ", path, ": ", std::strerror(errno),
                   refused ? "; the store needs to write to its file and folder" : ""));
}

absl::StatusOr<std::unique_ptr<Turnstile>> Turnstile::Open(const std::string& database) {
  DAYBOOK_ASSIGN_OR_RETURN(const int file, OpenSidecar(database));
  return std::unique_ptr<Turnstile>(new Turnstile(file));
}

Turnstile::~Turnstile() { close(file_); }

absl::Status Turnstile::Enter(std::chrono::nanoseconds patience) {
  const steady_clock::time_point since = steady_clock::now();
  DAYBOOK_RETURN_IF_ERROR(Take(file_, kDoor, since, patience));
  absl::Status entered = Take(file_, kRoom, since, patience);
  TrySet(file_, kDoor, F_UNLCK);
  return entered;
}

void Turnstile::Leave() { TrySet(file_, kRoom, F_UNLCK); }

absl::StatusOr<bool> Turnstile::Join() {
  const bool alone = TrySet(file_, kHouse, F_WRLCK);
  if (!TrySet(file_, kHouse, F_RDLCK)) return LockFailed();
  return alone;
}

}  // namespace daybook::internal
