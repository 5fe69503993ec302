#ifndef DAYBOOK_SRC_SQLITE_RECOVERY_H_
#define DAYBOOK_SRC_SQLITE_RECOVERY_H_

#include <chrono>

#include "absl/status/status.h"
#include "sqlite/database.h"
#include "sqlite/shared_page.h"
#include "sqlite/turnstile.h"

namespace daybook::internal {

// Makes a new file a log, and what a crash left of an old one durable, before anybody is told of
// it: a recovered commit may never have been synced. Joins the turnstile.
//
// kFailedPrecondition while the page says that a sync has failed, and another connection is open:
// SQLite finds out anew what has been copied only when the first one opens the file.
//
// REQUIRES: in the turnstile's room; `writer` has read nothing.
absl::Status Recover(Database& writer, Turnstile& turnstile, SharedPage& page,
                     std::chrono::nanoseconds busy_timeout);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_RECOVERY_H_
