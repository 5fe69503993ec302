#include "query_check.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "append_check.h"
#include "make_status.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

absl::Status Invalid(const std::string& message) {
  return MakeStatus(absl::StatusCode::kInvalidArgument, message);
}

absl::Status CheckLimit(int64_t limit) {
  if (limit >= 0) return absl::OkStatus();
  return Invalid(absl::StrCat("the limit of a query is ", limit, "; at least 0"));
}

// Empty: all of them.
absl::Status CheckCategory(std::string_view category) {
  const bool is_one = std::none_of(category.begin(), category.end(),
                                   [](unsigned char c) { return c == '-' || c < 0x20; });
  if (is_one) return absl::OkStatus();
  return Invalid(absl::StrCat("no stream can be of the category \"",
                              absl::CHexEscape(ToAbsl(category.substr(0, 80))),
                              "\": it ends before the first '-' of a name"));
}

}  // namespace

absl::Status CheckQuery(const StreamQuery& query) {
  DAYBOOK_RETURN_IF_ERROR(CheckStreamName(query.stream));
  return CheckLimit(query.limit);
}

absl::Status CheckQuery(const LogQuery& query) {
  DAYBOOK_RETURN_IF_ERROR(CheckCategory(query.filter.category));
  return CheckLimit(query.limit);
}

absl::Status CheckQuery(const StreamListQuery& query) {
  DAYBOOK_RETURN_IF_ERROR(CheckCategory(query.category));
  return CheckLimit(query.limit);
}

absl::Status CheckQuery(const RowQuery& query) {
  if (query.table.empty()) return Invalid("a query of rows names no table");
  return CheckLimit(query.limit);
}

}  // namespace daybook::internal
