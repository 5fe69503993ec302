// A log with something of everything in it, for tests that damage it.

#ifndef DAYBOOK_TESTS_FAULT_SOUND_LOG_H_
#define DAYBOOK_TESTS_FAULT_SOUND_LOG_H_

#include <string>

#include "daybook/sqlite_event_store.h"
#include "fault/support.h"

namespace daybook::fault {

struct Files {
  std::string db;
  std::string wal;

  // As log.db.
  void WriteTo(const TempDir& dir) const;
};

// A sound log as its last process leaves it: closed, or cut off with all in the write-ahead log.
// Eight streams order-0 … order-7 of 25 events each, three types, once-keys, rows.
const Files& ClosedFiles();
const Files& CutOffFiles();

// Every way of reading. Each is OK or says that the file is damaged; tells whether all were OK.
bool ReadEverything(SqliteEventStore& store);

// Every way of writing. What fails says that the file is damaged, or that the commit may be lost.
void WriteEverything(SqliteEventStore& store);

}  // namespace daybook::fault

#endif  // DAYBOOK_TESTS_FAULT_SOUND_LOG_H_
