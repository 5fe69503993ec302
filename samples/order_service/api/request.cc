#include "api/request.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/json.h"
#include "api/problem.h"
#include "daybook/event.h"

namespace shop {
namespace {

constexpr size_t kMaxHeader = 200;
constexpr char kFingerprint[] = "request-fingerprint";

template <typename Int>
std::optional<Int> ParseNumber(std::string_view text) {
  Int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// A header's value; empty: it is not there.
absl::StatusOr<std::string> Header(const httplib::Request& request, const std::string& name) {
  if (!request.has_header(name)) return std::string();
  if (request.get_header_value_count(name) > 1) {
    return Refuse(400, absl::StrCat(name, " is there more than once"));
  }
  std::string value = request.get_header_value(name);
  const bool visible =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  if (value.empty() || value.size() > kMaxHeader || !visible) {
    return Refuse(400, absl::StrCat(name, " is not 1 to ", kMaxHeader, " ASCII characters"));
  }
  return value;
}

absl::StatusOr<std::optional<daybook::Version>> IfMatch(const httplib::Request& request) {
  const absl::StatusOr<std::string> value = Header(request, "If-Match");
  if (!value.ok()) return value.status();
  if (value->empty()) return std::optional<daybook::Version>();
  if (value->size() < 3 || value->front() != '"' || value->back() != '"') {
    return Refuse(400, "If-Match is not one version in quotes, such as \"7\"");
  }
  const auto version = ParseNumber<int64_t>(std::string_view(*value).substr(1, value->size() - 2));
  if (!version.has_value()) return Refuse(412, "If-Match names no version of this");
  return std::optional<daybook::Version>(daybook::Version(*version));
}

std::string Fingerprint(const httplib::Request& request) {
  const std::string text = absl::StrCat(request.method, " ", request.path, "\n", request.body);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), size});
}

absl::Status ReadCause(const httplib::Request& request, daybook::Metadata* cause) {
  const auto correlation_id = Header(request, "X-Correlation-Id");
  if (!correlation_id.ok()) return correlation_id.status();
  cause->set_correlation_id(correlation_id->empty() ? daybook::EventId::Generate().ToString()
                                                    : *correlation_id);
  const auto traceparent = Header(request, "traceparent");
  if (!traceparent.ok()) return traceparent.status();
  cause->set_traceparent(*traceparent);
  const auto tracestate = Header(request, "tracestate");
  if (!tracestate.ok()) return tracestate.status();
  cause->set_tracestate(*tracestate);
  const auto actor = Header(request, "X-Actor");
  if (!actor.ok()) return actor.status();
  cause->set_actor(*actor);
  return absl::OkStatus();
}

// Whatever its parameters.
bool IsJson(const std::string& content_type) {
  const std::string type = content_type.substr(0, content_type.find(';'));
  return absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(type), "application/json");
}

}  // namespace

absl::StatusOr<daybook::ExecuteOptions> OptionsOf(const httplib::Request& request) {
  daybook::ExecuteOptions options;
  const auto expected = IfMatch(request);
  if (!expected.ok()) return expected.status();
  options.expected = *expected;
  if (absl::Status cause = ReadCause(request, &options.cause); !cause.ok()) return cause;
  const auto key = Header(request, "Idempotency-Key");
  if (!key.ok()) return key.status();
  if (!key->empty()) {
    options.once = daybook::OnceKey{.scope = "Idempotency-Key", .key = *key};
    daybook::Metadata::Header* fingerprint = options.cause.add_headers();
    fingerprint->set_name(kFingerprint);
    fingerprint->set_value(Fingerprint(request));
  }
  return options;
}

std::string FingerprintIn(const daybook::Metadata& metadata) {
  for (const daybook::Metadata::Header& header : metadata.headers()) {
    if (header.name() == kFingerprint) return header.value();
  }
  return "";
}

absl::Status ReadBody(const httplib::Request& request, google::protobuf::Message* body) {
  if (!request.body.empty() && !IsJson(request.get_header_value("Content-Type"))) {
    return Refuse(415, "Content-Type is not application/json");
  }
  const absl::Status parsed = FromJson(request.body, body);
  return parsed.ok() ? parsed : Refuse(400, std::string(parsed.message()));
}

absl::StatusOr<std::optional<int64_t>> QueryNumber(const httplib::Request& request,
                                                   const std::string& name) {
  if (!request.has_param(name)) return std::optional<int64_t>();
  const auto value = ParseNumber<int64_t>(request.get_param_value(name));
  if (!value.has_value()) return Refuse(400, absl::StrCat(name, " is not a number from 0 on"));
  return value;
}

bool IsId(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
}

absl::StatusOr<std::string> PathId(const httplib::Request& request, size_t group) {
  std::string id = request.matches[group];
  if (!IsId(id)) return Refuse(404, "nothing has this name");
  return id;
}

absl::StatusOr<int> PathLine(const httplib::Request& request, size_t group) {
  const auto line = ParseNumber<int>(request.matches[group].str());
  if (!line.has_value()) return Refuse(404, "there is no such line");
  return *line;
}

}  // namespace shop
