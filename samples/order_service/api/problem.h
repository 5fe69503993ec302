// Which HTTP status a refusal becomes.

#ifndef SHOP_API_PROBLEM_H_
#define SHOP_API_PROBLEM_H_

#include <string>

#include "absl/status/status.h"
#include "api/api.pb.h"

namespace shop {

// A refusal of the request itself, before any rule of the shop was asked.
absl::Status Refuse(int http_status, const std::string& detail);

// 404     there is no such order, credit note, line or version
// 409     other writers came first, again and again
// 422     a rule of the shop says no
// 503     the file is busy, or its outcome unknown; the same request, repeated with the same
//         Idempotency-Key, is safe
// 507     the disk is full; nothing was written
// 500     everything else. What went wrong inside stays inside
// And what Refuse() says.
int HttpStatusOf(const absl::Status& status);

api::v1::Problem ProblemOf(const absl::Status& status);
api::v1::Problem ProblemOf(int http_status, const std::string& detail);

}  // namespace shop

#endif  // SHOP_API_PROBLEM_H_
