// Asking the service, and reading what it says.

#ifndef DAYBOOK_TESTS_SAMPLES_HTTP_TESTING_H_
#define DAYBOOK_TESTS_SAMPLES_HTTP_TESTING_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "api/api.pb.h"
#include "api/json.h"

namespace shop::test {

inline constexpr char kTwoCups[] =
    R"({"customerId":"ann","currency":"GBP","lines":[{"sku":"CUP-6","quantity":2,"unitPriceMinor":250}]})";

inline httplib::Response Taken(const httplib::Result& result) {
  if (!result) throw std::runtime_error("no answer: " + httplib::to_string(result.error()));
  return *result;
}

inline httplib::Response Post(httplib::Client& client, const std::string& path,
                              const std::string& body, const httplib::Headers& headers = {}) {
  return Taken(client.Post(path, headers, body, "application/json"));
}

inline httplib::Response Put(httplib::Client& client, const std::string& path,
                             const std::string& body, const httplib::Headers& headers = {}) {
  return Taken(client.Put(path, headers, body, "application/json"));
}

inline httplib::Response Get(httplib::Client& client, const std::string& path,
                             const httplib::Headers& headers = {}) {
  return Taken(client.Get(path, headers));
}

template <typename Message>
Message Parsed(const httplib::Response& response) {
  Message message;
  if (!FromJson(response.body, &message).ok()) {
    throw std::runtime_error("unexpected body: " + response.body);
  }
  return message;
}

// The path of a new order for two cups at 2.50.
inline std::string PlaceTwoCups(httplib::Client& client) {
  const httplib::Response placed = Post(client, "/orders", kTwoCups);
  if (placed.status != 201) throw std::runtime_error("not placed: " + placed.body);
  return placed.get_header_value("Location");
}

// The beginning of what is answered to these bytes; empty once the connection has ended without an
// answer, as it does where whoever sent them hangs up at once.
inline std::string Answered(int port, const std::string& bytes, bool hangs_up = false) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size())) {
    if (hangs_up) shutdown(connection, SHUT_WR);
    char piece[4096];
    const ssize_t got = recv(connection, piece, sizeof(piece), 0);
    if (got > 0) answer.assign(piece, static_cast<size_t>(got));
  }
  close(connection);
  return answer;
}

// An answer with this HTTP status, a problem in JSON whose detail contains this.
MATCHER_P2(IsProblem, status, detail_part,
           "is a problem with status " + testing::PrintToString(status)) {
  *result_listener << arg.status << ' ' << arg.get_header_value("Content-Type") << ' ' << arg.body;
  api::v1::Problem problem;
  return arg.status == status &&
         arg.get_header_value("Content-Type") == "application/problem+json" &&
         FromJson(arg.body, &problem).ok() && problem.status() == status &&
         problem.detail().find(detail_part) != std::string::npos;
}

}  // namespace shop::test

// How gtest shows an answer.
namespace httplib {
inline void PrintTo(const Response& response, std::ostream* out) {
  *out << response.status << ' ' << response.body;
}
}  // namespace httplib

#endif  // DAYBOOK_TESTS_SAMPLES_HTTP_TESTING_H_
