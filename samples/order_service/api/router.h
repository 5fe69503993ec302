// Routes of the HTTP server: handlers that answer with a Reply or with a status.

#ifndef SHOP_API_ROUTER_H_
#define SHOP_API_ROUTER_H_

#include <httplib.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace shop {

struct Reply {
  int status = 200;
  std::string body = {};  // JSON
  httplib::Headers headers = {};
};

absl::StatusOr<Reply> JsonReply(int status, const google::protobuf::Message& body,
                                httplib::Headers headers = {});

// Whatever goes wrong, in a handler or before it, is answered as application/problem+json: a status
// from the handler, an exception, a path that nobody serves (404), a method that the path does not
// know (405), a body beyond kMaxBody (413).
class Router {
 public:
  static constexpr size_t kMaxBody = 1 << 20;  // unpacked

  using Handler = std::function<absl::StatusOr<Reply>(const httplib::Request&)>;

  // The server outlives the last request only together with the router.
  explicit Router(httplib::Server& server);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // A pattern such as "/orders/{id}/lines/{n}": what stands for {id} is request.matches[1], and so
  // on.
  void Get(const std::string& pattern, Handler handler);
  void Post(const std::string& pattern, Handler handler);
  void Put(const std::string& pattern, Handler handler);
  void Delete(const std::string& pattern, Handler handler);

  // REQUIRED after the last route: refuses all other writes without keeping their bodies.
  void RefuseTheRest();

 private:
  httplib::Server::HandlerWithContentReader WithBody(Handler handler);
  std::string Allowed(const std::string& path) const;
  void AnswerUnrouted(const httplib::Request& request, httplib::Response& response) const;

  httplib::Server& server_;
  std::vector<std::pair<std::string, std::string>> routes_;  // method, pattern
};

}  // namespace shop

#endif  // SHOP_API_ROUTER_H_
