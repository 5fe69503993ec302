#ifndef DAYBOOK_SRC_SQLITE_SCHEMA_H_
#define DAYBOOK_SRC_SQLITE_SCHEMA_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event.h"
#include "sqlite/database.h"

namespace daybook::internal {

inline constexpr int32_t kApplicationId = 0x44617962;  // "Dayb"
inline constexpr int32_t kFormatVersion = 1;

// Whether the file holds nothing yet. kInvalidArgument: it is another program's. kDataLoss: no
// database. kFailedPrecondition: written by a newer Daybook.
absl::StatusOr<bool> IsEmpty(Database& database);

// Makes the tables in a file that has none; otherwise checks that they are a log this code reads.
// REQUIRES: no other process does the same at once.
absl::Status PrepareFile(Database& database);

// Draws a new incarnation.
absl::Status RenewIncarnation(Database& database);

absl::StatusOr<EventId> ReadIncarnation(Database& database);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_SCHEMA_H_
