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

absl::Status CheckLimit(int64_t limit) {
  if (limit >= 0) return absl::OkStatus();
  return MakeInvalid(absl::StrCat("the limit of a query is ", limit, "; at least 0"));
}

absl::Status CheckPart(std::string_view what, std::string_view text, size_t most) {
  const bool fits = text.size() <= most && std::none_of(text.begin(), text.end(),
                                                        [](unsigned char c) { return c < 0x20; });
  if (fits) return absl::OkStatus();
  return MakeInvalid(absl::StrCat("no event has the ", ToAbsl(what), " \"",
                                  absl::CHexEscape(ToAbsl(text.substr(0, 80))), "\": at most ",
                                  most, " bytes, none below 0x20"));
}

// Empty: all of them.
absl::Status CheckCategory(std::string_view category) {
  DAYBOOK_RETURN_IF_ERROR(CheckPart("category", category, kMaxStreamNameBytes));
  if (category.find('-') == std::string_view::npos) return absl::OkStatus();
  return MakeInvalid(absl::StrCat("no stream can be of the category \"",
                                  absl::CHexEscape(ToAbsl(category.substr(0, 80))),
                                  "\": it ends before the first '-' of a name"));
}

}  // namespace

absl::Status CheckQuery(const StreamQuery& query) {
  DAYBOOK_RETURN_IF_ERROR(CheckStreamName(query.stream));
  return CheckLimit(query.limit);
}

absl::Status CheckFilter(const Filter& filter) {
  DAYBOOK_RETURN_IF_ERROR(CheckCategory(filter.category));
  DAYBOOK_RETURN_IF_ERROR(CheckPart("stream prefix", filter.stream_prefix, kMaxStreamNameBytes));
  for (const std::string& type : filter.types) {
    DAYBOOK_RETURN_IF_ERROR(CheckPart("type", type, kMaxTypeNameBytes));
    if (type.empty()) return MakeInvalid("no event has an empty type");
  }
  return absl::OkStatus();
}

absl::Status CheckQuery(const LogQuery& query) {
  DAYBOOK_RETURN_IF_ERROR(CheckFilter(query.filter));
  return CheckLimit(query.limit);
}

absl::Status CheckQuery(const StreamListQuery& query) {
  DAYBOOK_RETURN_IF_ERROR(CheckCategory(query.category));
  return CheckLimit(query.limit);
}

absl::Status CheckQuery(const RowQuery& query) {
  if (query.table.empty()) return MakeInvalid("a query of rows names no table");
  return CheckLimit(query.limit);
}

}  // namespace daybook::internal
