#include "demo/client.h"

#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "api/json.h"

namespace shop {
namespace {
constexpr std::chrono::milliseconds kPause(50);
}  // namespace

Client::Client(const std::string& url, std::chrono::milliseconds patience)
    : http_(url), patience_(patience) {
  http_.set_keep_alive(true);
  http_.set_tcp_nodelay(true);
  http_.set_read_timeout(30);
}

template <typename Send>
absl::StatusOr<Answer> Client::Ask(Send send) {
  const auto begun = std::chrono::steady_clock::now();
  const httplib::Result result = send();
  latencies_.push_back(
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count());
  if (!result) {
    return absl::UnavailableError(absl::StrCat("no answer: ", httplib::to_string(result.error())));
  }
  return Answer{.status = result->status,
                .body = result->body,
                .etag = result->get_header_value("ETag"),
                .position = result->get_header_value("Daybook-Position")};
}

absl::StatusOr<Answer> Client::Get(const std::string& path) {
  return Ask([&] { return http_.Get(path); });
}

absl::StatusOr<Answer> Client::Post(const std::string& path, const google::protobuf::Message& body,
                                    const httplib::Headers& headers) {
  const auto json = ToJson(body);
  if (!json.ok()) return json.status();
  const auto give_up = std::chrono::steady_clock::now() + patience_;
  for (;;) {
    auto answer = Ask([&] { return http_.Post(path, headers, *json, "application/json"); });
    if (!absl::IsUnavailable(answer.status())) return answer;
    if (std::chrono::steady_clock::now() >= give_up) return answer;
    std::this_thread::sleep_for(kPause);
  }
}

absl::StatusOr<Answer> Client::Put(const std::string& path, const google::protobuf::Message& body,
                                   const httplib::Headers& headers) {
  const auto json = ToJson(body);
  if (!json.ok()) return json.status();
  return Ask([&] { return http_.Put(path, headers, *json, "application/json"); });
}

absl::StatusOr<Answer> Client::Delete(const std::string& path, const httplib::Headers& headers) {
  return Ask([&] { return http_.Delete(path, headers); });
}

}  // namespace shop
