#ifndef DAYBOOK_SRC_SQLITE_PATHS_H_
#define DAYBOOK_SRC_SQLITE_PATHS_H_

#include <filesystem>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace daybook::internal {

// What `errno` says about a call on a file, in the words of daybook/status.h.
absl::Status SystemError(std::string_view doing, const std::string& path);

// The path from the root on, which SQLite takes for nothing but the name of a file, unlike
// ":memory:". `what` is what the caller calls it. kInvalidArgument: empty, or it holds a NUL.
// kNotFound: it is relative, and the working directory is gone.
absl::StatusOr<std::filesystem::path> AbsolutePath(std::string_view what, const std::string& path);

// kInvalidArgument: there is something that is no regular file. OK where there is nothing.
absl::Status CheckRegularFile(const std::string& path);

// kNotFound unless it is a folder.
absl::Status CheckFolder(const std::filesystem::path& folder);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_PATHS_H_
