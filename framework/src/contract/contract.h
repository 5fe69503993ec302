#ifndef DAYBOOK_SRC_CONTRACT_CONTRACT_H_
#define DAYBOOK_SRC_CONTRACT_CONTRACT_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event_store.h"
#include "daybook/status.h"

// For functions that return nothing.
#define ASSERT_OK(expression)                                                        \
  do {                                                                               \
    const absl::Status status_ = ::daybook::testing::contract::StatusOf(expression); \
    ASSERT_TRUE(status_.ok()) << status_.ToString();                                 \
  } while (false)
#define ASSERT_OK_AND_ASSIGN(declaration, expression) \
  ASSERT_OK_AND_ASSIGN_IMPL_(CONTRACT_CONCAT_(status_or_, __LINE__), declaration, expression)
#define ASSERT_OK_AND_ASSIGN_IMPL_(result, declaration, expression) \
  auto result = (expression);                                       \
  ASSERT_TRUE(result.ok()) << result.status().ToString();           \
  declaration = *std::move(result)
#define CONTRACT_CONCAT_(a, b) CONTRACT_CONCAT_IMPL_(a, b)
#define CONTRACT_CONCAT_IMPL_(a, b) a##b

namespace daybook::testing::contract {

// One behaviour that every store must show. Each runs on a store of its own, empty at first.
struct Case {
  const char* name;
  int line;
  void (*run)(EventStore& store);
};
#define CONTRACT_CASE(name) \
  ::daybook::testing::contract::Case { #name, __LINE__, &name }

std::span<const Case> AppendCases();
std::span<const Case> OnceAndRowCases();
std::span<const Case> StreamCases();
std::span<const Case> ReadStreamCases();
std::span<const Case> ReadLogCases();
std::span<const Case> FollowCases();

inline absl::Status StatusOf(const absl::Status& status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// An event with an id of its own.
NewEvent Event(std::string type = "test.Happened", std::string payload = "payload");
std::vector<NewEvent> Events(int count);

// `count` events appended to `stream`, whatever its version.
absl::StatusOr<Appended> Append(EventStore& store, std::string_view stream, int count);

// What a read shows.
std::vector<int64_t> Versions(const StreamPage& page);
std::vector<int64_t> Positions(const LogPage& page);

MATCHER_P(HasCode, code, std::string("has code ") + absl::StatusCodeToString(code)) {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code;
}
MATCHER(IsRefusedAsInvalid, "is kInvalidArgument of Daybook's own") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == absl::StatusCode::kInvalidArgument && IsFromDaybook(StatusOf(arg));
}
MATCHER_P(IsConflictAt, version, "is a conflict with the actual version") {
  *result_listener << StatusOf(arg).ToString();
  return IsConflict(StatusOf(arg)) && ActualVersion(StatusOf(arg)) == Version(version);
}

}  // namespace daybook::testing::contract

#endif  // DAYBOOK_SRC_CONTRACT_CONTRACT_H_
