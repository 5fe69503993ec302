// The HTTP server, on threads of its own.

#ifndef SHOP_API_HTTP_SERVER_H_
#define SHOP_API_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daybook/sqlite_event_store.h"
#include "messaging.h"
#include "readmodel/read_models.h"
#include "shop.h"

namespace shop {

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;      // 0: a free one
  int threads = 64;  // a connection occupies one while it is open
  // Without, /orders knows no filters, and there is no /reports. They outlive the server.
  ReadModels* read_models = nullptr;
  // Shown by GET /health. It outlives the server.
  const Messaging* messaging = nullptr;
};

class HttpServer {
 public:
  // Serves once this returns. `health` is asked by GET /health. kUnavailable: the port is taken, or
  // there is no such host. The shop outlives the server.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      Shop& shop, std::function<daybook::StoreHealth()> health, const HttpServerOptions& options);

  // Takes no more requests, answers those it took, and returns then; at most about a second later
  // than the last answer, while idle connections are let go.
  ~HttpServer();

  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;
  std::string url() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace shop

#endif  // SHOP_API_HTTP_SERVER_H_
