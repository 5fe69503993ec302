// Reading what a request says: its headers, its query, its body.
//
// Whatever is malformed is refused with 400 (see Refuse() in problem.h).

#ifndef SHOP_API_REQUEST_H_
#define SHOP_API_REQUEST_H_

#include <httplib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/repository.h"
#include "google/protobuf/message.h"

namespace shop {

// Headers of a write, as options for Repository::Execute:
//
//   If-Match            the version that must hold: "7" (in quotes), as in the ETag of an answer
//   Idempotency-Key     the command's id; with it, what the request asked for is remembered, too
//   X-Correlation-Id    the conversation this belongs to; a new one if absent
//   traceparent, tracestate, X-Actor   stored beside the events
//
// REQUIRES of the deployment: X-Actor is set by what authenticates, in front of this service.
absl::StatusOr<daybook::ExecuteOptions> OptionsOf(const httplib::Request& request);

// The fingerprint OptionsOf() put beside the events of a request with an Idempotency-Key: equal for
// equal method, path and body. Empty: there is none.
std::string FingerprintIn(const daybook::Metadata& metadata);

// 415 unless the body is absent or says that it is JSON.
absl::Status ReadBody(const httplib::Request& request, google::protobuf::Message* body);

// A non-negative number from the query; nullopt: it is not there.
absl::StatusOr<std::optional<int64_t>> QueryNumber(const httplib::Request& request,
                                                   const std::string& name);

// 1 to 64 letters, digits, '-', '_' or '.'.
bool IsId(std::string_view text);

// A name in the path. What is no id names nothing: 404.
absl::StatusOr<std::string> PathId(const httplib::Request& request, size_t group = 1);

// A line's number in the path. What is no number names nothing: 404.
absl::StatusOr<int> PathLine(const httplib::Request& request, size_t group);

}  // namespace shop

#endif  // SHOP_API_REQUEST_H_
