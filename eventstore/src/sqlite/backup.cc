#include "sqlite/backup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "sqlite/paths.h"
#include "sqlite/schema.h"
#include "status_macros.h"

namespace daybook::internal {
namespace {

// The copy under a name that nobody else has, until it is whole. Removed at the end of the scope.
class PartFile {
 public:
  // Beside `path`, for the same eyes as `log`.
  static absl::StatusOr<PartFile> Make(const std::string& path, const std::string& log) {
    std::string name = path + ".part-XXXXXX";
    const int file = mkostemp(name.data(), O_CLOEXEC);
    if (file < 0) return SystemError("creating", name);
    PartFile part(std::move(name));
    const absl::Status done = MakeLike(log, file, part.path_);
    close(file);
    if (!done.ok()) return done;
    return part;
  }

  ~PartFile() {
    if (path_.empty()) return;
    unlink(path_.c_str());
    unlink((path_ + "-journal").c_str());
  }
  PartFile(PartFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PartFile& operator=(PartFile&&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit PartFile(std::string path) : path_(std::move(path)) {}

  static absl::Status MakeLike(const std::string& log, int file, const std::string& name) {
    struct stat like = {};
    if (stat(log.c_str(), &like) != 0) return SystemError("looking at", log);
    const uid_t owner = geteuid() == 0 ? like.st_uid : static_cast<uid_t>(-1);
    const bool same_group = fchown(file, owner, like.st_gid) == 0;
    // Another group is not to see what the log's own sees.
    const mode_t mode = like.st_mode & (same_group ? 0666 : 0606);
    return fchmod(file, mode) == 0 ? absl::OkStatus() : SystemError("setting the mode of", name);
  }

  std::string path_;
};

absl::Status Sync(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return SystemError("opening", path);
  const absl::Status synced = fsync(file) == 0 ? absl::OkStatus() : SystemError("syncing", path);
  close(file);
  return synced;
}

absl::Status Copy(Database& database, const std::string& part, const std::string& vfs) {
  static constexpr char kSql[] = "VACUUM INTO ?1";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * vacuum, database.Prepared(kSql));
  vacuum->Bind(std::string_view(part));
  DAYBOOK_RETURN_IF_ERROR(vacuum->Run());
  // The copy has no other connection, and is in rollback mode until a store opens it.
  DAYBOOK_ASSIGN_OR_RETURN(
      auto copy, Database::Open(part, SQLITE_OPEN_READWRITE, vfs, std::chrono::seconds(0)));
  return RenewIncarnation(*copy);
}

absl::Status IsThere(const std::string& path) {
  return MakeStatus(absl::StatusCode::kAlreadyExists,
                    absl::StrCat(path, " is there already, and a backup replaces nothing"));
}

}  // namespace

absl::Status BackupTo(Database& database, const std::string& path, const std::string& vfs) {
  DAYBOOK_ASSIGN_OR_RETURN(const std::filesystem::path absolute,
                           AbsolutePath("the path of the backup", path));
  const std::string folder = absolute.parent_path().string(), name = absolute.string();
  DAYBOOK_RETURN_IF_ERROR(CheckFolder(folder));
  struct stat ignored;
  if (lstat(name.c_str(), &ignored) == 0) return IsThere(name);
  DAYBOOK_ASSIGN_OR_RETURN(const PartFile part, PartFile::Make(name, database.path()));
  DAYBOOK_RETURN_IF_ERROR(Copy(database, part.path(), vfs));
  DAYBOOK_RETURN_IF_ERROR(Sync(part.path()));
  // link() refuses to replace what is there, where rename() would.
  if (link(part.path().c_str(), name.c_str()) != 0) {
    return errno == EEXIST ? IsThere(name) : SystemError("creating", name);
  }
  return Sync(folder);
}

}  // namespace daybook::internal
