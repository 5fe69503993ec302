#ifndef DAYBOOK_TESTS_FRAMEWORK_STORE_FILE_H_
#define DAYBOOK_TESTS_FRAMEWORK_STORE_FILE_H_

#include <memory>
#include <string>

#include "daybook/sqlite_event_store.h"
#include "google/protobuf/message.h"
#include "support/temp_dir.h"

namespace daybook::test {

// A log in a folder of its own, which goes with this object.
class StoreFile {
 public:
  StoreFile() {}  // not `= default`: clang 14 then has no const StoreFile

  // Throws if it cannot be opened.
  std::unique_ptr<SqliteEventStore> Open() const;

 private:
  TempDir folder_;
};

// An event as a writer other than a repository would append it.
NewEvent Stored(const google::protobuf::Message& event);

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_FRAMEWORK_STORE_FILE_H_
