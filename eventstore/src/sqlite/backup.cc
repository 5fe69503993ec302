#include "sqlite/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "sqlite/schema.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

absl::Status SystemError(std::string_view doing, const std::string& path) {
  const int error = errno;
  const absl::StatusCode code =
      error == ENOSPC                                       ? absl::StatusCode::kResourceExhausted
      : error == EEXIST                                     ? absl::StatusCode::kAlreadyExists
      : error == EACCES || error == EPERM || error == EROFS ? absl::StatusCode::kPermissionDenied
      : error == ENOENT || error == ENOTDIR                 ? absl::StatusCode::kNotFound
                                                            : absl::StatusCode::kUnavailable;
  return MakeStatus(code, absl::StrCat(ToAbsl(doing), " ", path, ": ", std::strerror(error)));
}

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

}  // namespace

absl::Status CheckFolder(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (std::filesystem::is_directory(folder, ignored)) return absl::OkStatus();
  return MakeStatus(absl::StatusCode::kNotFound,
                    absl::StrCat("there is no folder ", folder.string(), "; create it first"));
}

absl::Status BackupTo(Database& database, const std::string& path, const std::string& vfs) {
  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  DAYBOOK_RETURN_IF_ERROR(CheckFolder(folder));
  const std::string part = path + ".part";
  std::error_code ignored;
  std::filesystem::remove(part, ignored);  // of a backup that was interrupted
  absl::Status done = Copy(database, part, vfs);
  if (done.ok()) done = Sync(part);
  // link() refuses to replace what is there, where rename() would.
  if (done.ok() && link(part.c_str(), path.c_str()) != 0) done = SystemError("creating", path);
  std::filesystem::remove(part, ignored);
  DAYBOOK_RETURN_IF_ERROR(done);
  return Sync(folder.string());
}

}  // namespace daybook::internal
