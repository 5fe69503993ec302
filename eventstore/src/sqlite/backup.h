#ifndef DAYBOOK_SRC_SQLITE_BACKUP_H_
#define DAYBOOK_SRC_SQLITE_BACKUP_H_

#include <string>

#include "absl/status/status.h"
#include "sqlite/database.h"

namespace daybook::internal {

// See SqliteEventStore::Backup.
absl::Status BackupTo(Database& database, const std::string& path, const std::string& vfs);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_BACKUP_H_
