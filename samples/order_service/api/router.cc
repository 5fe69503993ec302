#include "api/router.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "api/json.h"
#include "api/problem.h"

namespace shop {
namespace {

constexpr char kProblemType[] = "application/problem+json";

void Respond(const api::v1::Problem& problem, httplib::Response& response) {
  response.status = problem.status();
  if (problem.status() == 503) response.set_header("Retry-After", "1");
  response.set_content(ToJson(problem).value_or("{}") + "\n", kProblemType);
}

void Respond(absl::StatusOr<Reply> reply, httplib::Response& response) {
  if (!reply.ok()) return Respond(ProblemOf(reply.status()), response);
  response.status = reply->status;
  for (const auto& [name, value] : reply->headers) response.set_header(name, value);
  if (!reply->body.empty()) response.set_content(reply->body, "application/json");
}

bool IsPlaceholder(const std::string& part) { return part.rfind('{', 0) == 0; }

std::string RegexOf(const std::string& pattern) {
  std::vector<std::string> parts = absl::StrSplit(pattern, '/');
  for (std::string& part : parts) {
    if (IsPlaceholder(part)) part = "([^/]+)";
  }
  return absl::StrJoin(parts, "/");
}

bool Matches(const std::string& pattern, const std::string& path) {
  const std::vector<std::string> wanted = absl::StrSplit(pattern, '/');
  const std::vector<std::string> found = absl::StrSplit(path, '/');
  return std::equal(wanted.begin(), wanted.end(), found.begin(), found.end(),
                    [](const std::string& part, const std::string& text) {
                      return IsPlaceholder(part) ? !text.empty() : part == text;
                    });
}

bool TellsLength(const httplib::Request& request) {
  return request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
}

// Reads the body to its end, whatever becomes of it: what stayed unread would be taken for the next
// request. The library bounds only a body whose length is told, and as it is before it is unpacked;
// one whose length is not told it reads until the client has gone, which then seems to be the end.
// Returns the HTTP status of the refusal.
std::optional<int> ReadWhole(const httplib::Request& request, const httplib::ContentReader& reader,
                             const httplib::Response& response, std::string* body) {
  if (!TellsLength(request)) return request.method == "DELETE" ? std::nullopt : std::optional(411);
  bool too_large = false;
  const auto take = [&](const char* data, size_t size) {
    too_large |= body->size() + size > Router::kMaxBody;
    if (!too_large) body->append(data, size);
    return true;
  };
  const bool complete = request.is_multipart_form_data()
                            ? reader([](const httplib::MultipartFormData&) { return true; }, take)
                            : reader(take);
  if (too_large || response.status == 413) return 413;
  return complete ? std::nullopt : std::optional(400);
}

}  // namespace

absl::StatusOr<Reply> JsonReply(int status, const google::protobuf::Message& body,
                                httplib::Headers headers) {
  auto json = ToJson(body);
  if (!json.ok()) return json.status();
  return Reply{.status = status, .body = *std::move(json) + "\n", .headers = std::move(headers)};
}

Router::Router(httplib::Server& server) : server_(server) {
  server.set_exception_handler(
      [](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
        Respond(ProblemOf(500, "something went wrong inside"), response);
      });
  server.set_error_handler(httplib::Server::Handler(
      [this](const httplib::Request& request, httplib::Response& response) {
        if (response.body.empty()) AnswerUnrouted(request, response);
      }));
  // Nobody has to serve a range (RFC 9110, 14.2). The library would cut out of every answer what a
  // request asks for, whatever the status.
  server.set_pre_routing_handler([](const httplib::Request& request, httplib::Response&) {
    const_cast<httplib::Request&>(request).ranges.clear();
    return httplib::Server::HandlerResponse::Unhandled;
  });
}

void Router::Get(const std::string& pattern, Handler handler) {
  routes_.emplace_back("GET", pattern);
  server_.Get(RegexOf(pattern), [handler = std::move(handler)](const httplib::Request& request,
                                                               httplib::Response& response) {
    Respond(handler(request), response);
  });
}

void Router::Post(const std::string& pattern, Handler handler) {
  routes_.emplace_back("POST", pattern);
  server_.Post(RegexOf(pattern), WithBody(std::move(handler)));
}

void Router::Put(const std::string& pattern, Handler handler) {
  routes_.emplace_back("PUT", pattern);
  server_.Put(RegexOf(pattern), WithBody(std::move(handler)));
}

void Router::Delete(const std::string& pattern, Handler handler) {
  routes_.emplace_back("DELETE", pattern);
  server_.Delete(RegexOf(pattern), WithBody(std::move(handler)));
}

void Router::RefuseTheRest() {
  const auto refuse = [this](const httplib::Request& request, httplib::Response& response,
                             const httplib::ContentReader& reader) {
    std::string ignored;
    response.status = ReadWhole(request, reader, response, &ignored).value_or(404);
    AnswerUnrouted(request, response);
  };
  constexpr char kAny[] = "[^]*";
  server_.Post(kAny, refuse);
  server_.Put(kAny, refuse);
  server_.Patch(kAny, refuse);
  server_.Delete(kAny, refuse);
}

httplib::Server::HandlerWithContentReader Router::WithBody(Handler handler) {
  return [this, handler = std::move(handler)](const httplib::Request& request,
                                              httplib::Response& response,
                                              const httplib::ContentReader& reader) {
    httplib::Request whole = request;
    if (const auto failed = ReadWhole(request, reader, response, &whole.body); failed.has_value()) {
      response.status = *failed;
      return AnswerUnrouted(request, response);
    }
    Respond(handler(whole), response);
  };
}

std::string Router::Allowed(const std::string& path) const {
  std::string allowed;
  for (const auto& [method, pattern] : routes_) {
    if (Matches(pattern, path)) allowed += (allowed.empty() ? "" : ", ") + method;
  }
  return allowed;
}

void Router::AnswerUnrouted(const httplib::Request& request, httplib::Response& response) const {
  if (response.status == 413) return Respond(ProblemOf(413, "the body is too large"), response);
  if (response.status == 411) return Respond(ProblemOf(411, "Content-Length is missing"), response);
  const bool unrouted = response.status == 404 || response.status == 400;
  const std::string allowed = unrouted ? Allowed(request.path) : "";
  const bool known_method = allowed.find(request.method) != std::string::npos;
  if (!allowed.empty() && !known_method) {
    response.set_header("Allow", allowed);
    return Respond(ProblemOf(405, "this can only be asked with " + allowed), response);
  }
  if (response.status == 404) return Respond(ProblemOf(404, "nothing is served here"), response);
  Respond(ProblemOf(response.status, "the request cannot be understood"), response);
}

}  // namespace shop
