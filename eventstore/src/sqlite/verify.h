#ifndef DAYBOOK_SRC_SQLITE_VERIFY_H_
#define DAYBOOK_SRC_SQLITE_VERIFY_H_

#include "absl/status/status.h"
#include "sqlite/database.h"

namespace daybook::internal {

// See SqliteEventStore::Verify.
absl::Status VerifyFile(Database& database);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_VERIFY_H_
