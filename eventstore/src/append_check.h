#ifndef DAYBOOK_SRC_APPEND_CHECK_H_
#define DAYBOOK_SRC_APPEND_CHECK_H_

#include <string_view>

#include "absl/status/status.h"
#include "daybook/event_store.h"

namespace daybook::internal {

// kInvalidArgument unless the request keeps the bounds of daybook/event_store.h.
absl::Status CheckRequest(const AppendRequest& request);
absl::Status CheckStreamName(std::string_view name);
absl::Status CheckOnceKey(const OnceKey& once);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_APPEND_CHECK_H_
