#ifndef DAYBOOK_TESTS_FRAMEWORK_STATUS_TESTING_H_
#define DAYBOOK_TESTS_FRAMEWORK_STATUS_TESTING_H_

#include <gmock/gmock.h>

#include "support/status_matchers.h"

namespace daybook::test {

inline constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
inline constexpr auto kFailedPrecondition = absl::StatusCode::kFailedPrecondition;
inline constexpr auto kInternal = absl::StatusCode::kInternal;
inline constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;
inline constexpr auto kNotFound = absl::StatusCode::kNotFound;

// A Committed.
MATCHER_P2(IsCommitted, version, position, "is committed at that version and position") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  *result_listener << "version " << arg->version << ", position " << arg->position
                   << (arg->repeated ? ", repeated" : "");
  return arg->version == Version(version) && arg->position == Position(position) && !arg->repeated;
}
MATCHER_P2(IsRepeated, version, position, "is the answer to an earlier command") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  *result_listener << "version " << arg->version << ", position " << arg->position
                   << (arg->repeated ? ", repeated" : "");
  return arg->version == Version(version) && arg->position == Position(position) && arg->repeated;
}

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_FRAMEWORK_STATUS_TESTING_H_
