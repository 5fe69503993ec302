#ifndef DAYBOOK_SRC_MAKE_STATUS_H_
#define DAYBOOK_SRC_MAKE_STATUS_H_

#include <string_view>

#include "absl/status/status.h"
#include "daybook/event.h"

namespace daybook::internal {

// A status that IsFromDaybook() knows as the library's own.
absl::Status MakeStatus(absl::StatusCode code, std::string_view message);

// A kInvalidArgument.
inline absl::Status MakeInvalid(std::string_view message) {
  return MakeStatus(absl::StatusCode::kInvalidArgument, message);
}

// A kAborted that IsConflict() knows; the second also tells the version the stream really has.
absl::Status MakeConflict(std::string_view message);
absl::Status MakeConflict(std::string_view message, Version actual);

// A kFailedPrecondition that IsTombstoned() knows.
absl::Status MakeTombstoned(std::string_view message);

// What has just been thrown, as kInternal. REQUIRES: called in a catch block.
absl::Status FromCurrentException(std::string_view where);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_MAKE_STATUS_H_
