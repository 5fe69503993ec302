#include "sqlite/paths.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
      return absl::StatusCode::kResourceExhausted;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ENOENT:
    case ENOTDIR:
      return absl::StatusCode::kNotFound;
    case ENAMETOOLONG:
    case ELOOP:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

}  // namespace

absl::Status SystemError(std::string_view doing, const std::string& path) {
  const int error = errno;
  return MakeStatus(CodeOf(error),
                    absl::StrCat(ToAbsl(doing), " ", path, ": ", std::strerror(error)));
}

absl::StatusOr<std::filesystem::path> AbsolutePath(std::string_view what, const std::string& path) {
  const auto invalid = [what](std::string_view why) {
    return MakeInvalid(absl::StrCat(ToAbsl(what), ToAbsl(why)));
  };
  if (path.empty()) return invalid(" is empty; name a file");
  if (path.find('\0') != std::string::npos) return invalid(" holds a NUL");
  std::error_code failed;
  std::filesystem::path absolute = std::filesystem::absolute(path, failed);
  if (!failed) return absolute;
  return MakeStatus(absl::StatusCode::kNotFound,
                    absl::StrCat(path, ": there is no working directory it could be in (",
                                 failed.message(), "); name it from the root on"));
}

absl::Status CheckRegularFile(const std::string& path) {
  struct stat entry = {};
  if (stat(path.c_str(), &entry) != 0) {
    return errno == ENOENT ? absl::OkStatus() : SystemError("looking at", path);
  }
  if (S_ISREG(entry.st_mode)) return absl::OkStatus();
  return MakeStatus(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat(path, S_ISDIR(entry.st_mode) ? " is a folder; name a file in it"
                                                : " is no regular file; name another"));
}

absl::Status CheckFolder(const std::filesystem::path& folder) {
  std::error_code failed;
  if (std::filesystem::is_directory(folder, failed)) return absl::OkStatus();
  if (failed == std::errc::permission_denied) {
    return MakeStatus(absl::StatusCode::kPermissionDenied,
                      absl::StrCat("the folder ", folder.string(), " cannot be looked into"));
  }
  return MakeStatus(absl::StatusCode::kNotFound,
                    absl::StrCat("there is no folder ", folder.string(), "; create it first"));
}

}  // namespace daybook::internal
