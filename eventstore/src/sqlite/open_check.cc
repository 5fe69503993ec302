#include "sqlite/open_check.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "sqlite/database.h"
#include "sqlite/paths.h"
#include "sqlite/schema.h"
#include "status_macros.h"

namespace daybook::internal {
namespace {

constexpr int64_t kMinWalLimit = 1 << 20;
constexpr int64_t kMaxWalLimit = 1 << 30;

// As good as for ever, and what SQLite and the clocks count with still fits.
constexpr std::chrono::milliseconds kMaxBusyTimeout = std::chrono::hours(24 * 365);
constexpr std::chrono::seconds kMaxOnceRetention = std::chrono::hours(24 * 365 * 100);

std::optional<int64_t> SizeOf(const std::string& path) {
  struct stat entry = {};
  if (stat(path.c_str(), &entry) != 0) return std::nullopt;
  return entry.st_size;
}

std::string UriOf(const std::string& path, const std::string& query) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const unsigned char c : path) {
    if (absl::ascii_isalnum(c) || c == '/') {
      uri += static_cast<char>(c);
    } else {
      uri += {'%', kHex[c >> 4], kHex[c & 15]};
    }
  }
  return uri + query;
}

}  // namespace

absl::StatusOr<SqliteEventStoreOptions> CheckOptions(const SqliteEventStoreOptions& given) {
  SqliteEventStoreOptions options = given;
  DAYBOOK_ASSIGN_OR_RETURN(const std::filesystem::path path,
                           AbsolutePath("options.path", given.path));
  options.path = path.string();
  if (options.wal_limit < kMinWalLimit || options.wal_limit > kMaxWalLimit) {
    return MakeInvalid(absl::StrCat("options.wal_limit is ", options.wal_limit, "; from ",
                                    kMinWalLimit, " to ", kMaxWalLimit));
  }
  if (options.busy_timeout.count() < 0) return MakeInvalid("options.busy_timeout is negative");
  options.busy_timeout = std::min(options.busy_timeout, kMaxBusyTimeout);
  if (options.once_retention < std::chrono::seconds(1)) {
    return MakeInvalid("options.once_retention is less than a second");
  }
  options.once_retention = std::min(options.once_retention, kMaxOnceRetention);
  if (!options.vfs.empty() && sqlite3_vfs_find(options.vfs.c_str()) == nullptr) {
    return MakeInvalid(
        absl::StrCat("options.vfs is \"", options.vfs, "\", which is not registered with SQLite"));
  }
  DAYBOOK_RETURN_IF_ERROR(CheckFolder(path.parent_path()));
  DAYBOOK_RETURN_IF_ERROR(CheckRegularFile(options.path));
  return options;
}

absl::Status RefuseForeignFile(const std::string& path, const std::string& vfs) {
  // In this order: who makes a file a log makes the -turn first.
  if (SizeOf(path).value_or(0) == 0) return absl::OkStatus();
  if (SizeOf(path + "-turn").has_value()) return absl::OkStatus();
  const bool has_wal = SizeOf(path + "-wal").value_or(0) > 0;
  const bool would_make_index = has_wal && !SizeOf(path + "-shm").has_value();
  if (SizeOf(path + "-journal").has_value() || would_make_index) return absl::OkStatus();
  // Without a write-ahead log, "immutable" keeps SQLite from making one in order to read.
  const absl::StatusOr<std::unique_ptr<Database>> database =
      Database::Open(UriOf(path, has_wal ? "" : "?immutable=1"),
                     SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, vfs, std::chrono::seconds(0));
  if (!database.ok()) return absl::OkStatus();
  const absl::Status found = IsEmpty(**database).status();
  const bool certain = absl::IsInvalidArgument(found) || absl::IsFailedPrecondition(found) ||
                       absl::IsDataLoss(found);
  return certain ? found : absl::OkStatus();
}

}  // namespace daybook::internal
