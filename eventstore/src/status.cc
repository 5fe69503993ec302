#include "daybook/status.h"

#include <exception>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "to_absl.h"

namespace daybook {
namespace {

constexpr char kPayloadUrl[] = "daybook.status";
constexpr char kPlain[] = "plain";
constexpr char kConflict[] = "conflict";
constexpr char kTombstoned[] = "tombstoned";

std::optional<std::string> Payload(const absl::Status& status) {
  absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return std::nullopt;
  return std::string(*payload);
}

absl::Status Mark(absl::Status status, const std::string& payload) {
  status.SetPayload(kPayloadUrl, absl::Cord(payload));
  return status;
}

}  // namespace

bool IsFromDaybook(const absl::Status& status) { return Payload(status).has_value(); }

bool IsConflict(const absl::Status& status) {
  return status.code() == absl::StatusCode::kAborted &&
         Payload(status).value_or("").starts_with(kConflict);
}

bool IsTombstoned(const absl::Status& status) { return Payload(status) == kTombstoned; }

std::optional<Version> ActualVersion(const absl::Status& status) {
  if (!IsConflict(status)) return std::nullopt;
  const std::string version = Payload(status)->substr(sizeof(kConflict) - 1);
  int64_t actual = 0;
  if (!absl::SimpleAtoi(version, &actual)) return std::nullopt;
  return Version(actual);
}

namespace internal {

absl::Status MakeStatus(absl::StatusCode code, std::string_view message) {
  return Mark(absl::Status(code, ToAbsl(message)), kPlain);
}

absl::Status MakeConflict(std::string_view message) {
  return Mark(absl::AbortedError(ToAbsl(message)), kConflict);
}

absl::Status MakeConflict(std::string_view message, Version actual) {
  return Mark(absl::AbortedError(ToAbsl(message)), absl::StrCat(kConflict, actual.value()));
}

absl::Status MakeTombstoned(std::string_view message) {
  return Mark(absl::FailedPreconditionError(ToAbsl(message)), kTombstoned);
}

absl::Status FromCurrentException(std::string_view where) {
  std::string what = "an exception that is not a std::exception";
  try {
    throw;
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
  }
  return MakeStatus(absl::StatusCode::kInternal, absl::StrCat(ToAbsl(where), " threw: ", what));
}

}  // namespace internal
}  // namespace daybook
