// Telling Daybook's own refusals from those of your domain.
//
// Every fallible call returns absl::Status or absl::StatusOr, and a code means the same everywhere:
//
//   kAborted             the expected version did not hold. Reload and decide again
//   kInvalidArgument     the caller broke a documented bound
//   kNotFound            only where existence was asked for
//   kDataLoss            bytes that cannot be understood. Never skipped silently
//   kUnavailable         busy past the timeout, or an I/O error before anything was committed;
//                        trying again may help
//   kResourceExhausted   disk full, or a limit reached; nothing was committed
//   kPermissionDenied    a read-only file or folder
//   kUnknown             the commit may or may not have happened: open the store anew and repeat
//                        with the same ids (or the same once-key) to learn which
//   kFailedPrecondition  tombstoned stream; store in need of reopening; a file of a newer format
//   kDeadlineExceeded    a wait ended
//   kInternal            a user callback threw
//
// A command's own status passes through untouched, whatever its code. IsConflict() tells a lost
// race from an aggregate that chose to answer kAborted.

#ifndef DAYBOOK_STATUS_H_
#define DAYBOOK_STATUS_H_

#include <optional>

#include "absl/status/status.h"
#include "daybook/event.h"

namespace daybook {

// True if `status` was made by Daybook because an expected version (or a checked row) did not hold.
[[nodiscard]] bool IsConflict(const absl::Status& status);

// The version the stream really had when IsConflict(status) and the conflict was about a stream.
[[nodiscard]] std::optional<Version> ActualVersion(const absl::Status& status);

// True if `status` was made by Daybook because the stream takes no events ever again; any other
// kFailedPrecondition of its own ends when the store is opened anew.
[[nodiscard]] bool IsTombstoned(const absl::Status& status);

// True if `status` was made by Daybook itself, whatever its code, and not by user code.
[[nodiscard]] bool IsFromDaybook(const absl::Status& status);

}  // namespace daybook

#endif  // DAYBOOK_STATUS_H_
