#ifndef DAYBOOK_SRC_QUERY_CHECK_H_
#define DAYBOOK_SRC_QUERY_CHECK_H_

#include "absl/status/status.h"
#include "daybook/event_store.h"

namespace daybook::internal {

// kInvalidArgument if a query breaks a bound that event_store.h documents.
absl::Status CheckQuery(const StreamQuery& query);
absl::Status CheckQuery(const LogQuery& query);
absl::Status CheckFilter(const Filter& filter);
absl::Status CheckQuery(const StreamListQuery& query);
absl::Status CheckQuery(const RowQuery& query);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_QUERY_CHECK_H_
