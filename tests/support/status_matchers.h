#ifndef DAYBOOK_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define DAYBOOK_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/status.h"

namespace daybook::test {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}
MATCHER_P(HasCode, code, "has the code " + std::string(absl::StatusCodeToString(code))) {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code;
}
MATCHER_P2(Fails, code, message_part,
           std::string(absl::StatusCodeToString(code)) + " with \"" + message_part + "\"") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code &&
         std::string(StatusOf(arg).message()).find(message_part) != std::string::npos;
}
MATCHER_P(IsConflictAt, version, "is a conflict with the actual version") {
  *result_listener << StatusOf(arg).ToString();
  return IsConflict(StatusOf(arg)) && ActualVersion(StatusOf(arg)) == Version(version);
}

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_SUPPORT_STATUS_MATCHERS_H_
