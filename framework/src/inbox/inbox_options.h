#ifndef DAYBOOK_SRC_INBOX_INBOX_OPTIONS_H_
#define DAYBOOK_SRC_INBOX_INBOX_OPTIONS_H_

#include "absl/status/statusor.h"
#include "daybook/inbox.h"

namespace daybook::internal {

// With what is as good as for ever cut to what the clocks count with. kInvalidArgument names the
// first option out of bounds.
absl::StatusOr<InboxOptions> CheckOptions(InboxOptions options);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_INBOX_INBOX_OPTIONS_H_
