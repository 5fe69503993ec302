#include "api/problem.h"

#include <cstdlib>

#include "absl/strings/cord.h"
#include "daybook/status.h"

namespace shop {
namespace {

constexpr char kHttpStatus[] = "shop/http-status";

int FromDomain(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kOutOfRange:
      return 422;
    default:
      return 500;
  }
}

int FromDaybook(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kFailedPrecondition:
      return 503;
    case absl::StatusCode::kResourceExhausted:
      return 507;
    default:
      return 500;
  }
}

const char* Title(int http_status) {
  switch (http_status) {
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Payload Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 503:
      return "Service Unavailable";
    case 507:
      return "Insufficient Storage";
    default:
      return http_status < 500 ? "Refused" : "Internal Server Error";
  }
}

std::string Detail(int http_status, const absl::Status& status) {
  if (http_status < 500) return std::string(status.message());
  if (http_status == 507) return "the disk is full; nothing was written";
  if (http_status != 503) return "something went wrong inside";
  return status.code() == absl::StatusCode::kUnknown
             ? "it may or may not have happened; repeat it with the same Idempotency-Key"
             : "busy; try again";
}

}  // namespace

absl::Status Refuse(int http_status, const std::string& detail) {
  absl::Status status = absl::InvalidArgumentError(detail);
  status.SetPayload(kHttpStatus, absl::Cord(std::to_string(http_status)));
  return status;
}

int HttpStatusOf(const absl::Status& status) {
  if (const auto http_status = status.GetPayload(kHttpStatus); http_status.has_value()) {
    return std::atoi(std::string(*http_status).c_str());
  }
  if (daybook::IsConflict(status)) return 409;
  return daybook::IsFromDaybook(status) ? FromDaybook(status.code()) : FromDomain(status.code());
}

api::v1::Problem ProblemOf(const absl::Status& status) {
  const int http_status = HttpStatusOf(status);
  return ProblemOf(http_status, Detail(http_status, status));
}

api::v1::Problem ProblemOf(int http_status, const std::string& detail) {
  api::v1::Problem problem;
  problem.set_title(Title(http_status));
  problem.set_status(http_status);
  problem.set_detail(detail);
  return problem;
}

}  // namespace shop
