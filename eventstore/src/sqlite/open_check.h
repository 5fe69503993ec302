#ifndef DAYBOOK_SRC_SQLITE_OPEN_CHECK_H_
#define DAYBOOK_SRC_SQLITE_OPEN_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/sqlite_event_store.h"

namespace daybook::internal {

// The options as they hold: the path absolute, times within what can be counted with. The statuses
// of SqliteEventStore::Open for what is out of bounds.
absl::StatusOr<SqliteEventStoreOptions> CheckOptions(const SqliteEventStoreOptions& given);

// Refuses a file that is certainly no log, before anything is made beside it. What it lets pass is
// looked at again in turn.
absl::Status RefuseForeignFile(const std::string& path, const std::string& vfs);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_OPEN_CHECK_H_
