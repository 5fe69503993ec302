#include "api/http_server.h"

#include <httplib.h>
#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/report_routes.h"
#include "api/router.h"
#include "api/routes.h"

namespace shop {
namespace {

constexpr int kBacklog = 1024;

// A client that stalls in the middle of a request keeps a thread from the others for so long.
constexpr int kReadTimeoutSeconds = 2;

// Of the last call that failed.
std::string WhyNotListening(const std::string& host, int port) {
  const int error = errno;
  addrinfo* addresses = nullptr;
  const int resolved = getaddrinfo(host.c_str(), nullptr, nullptr, &addresses);
  if (resolved != 0)
    return absl::StrCat("there is no address ", host, ": ", gai_strerror(resolved));
  freeaddrinfo(addresses);
  const std::string refused = absl::StrCat("cannot listen on ", host, ":", port, ": ");
  if (error == EADDRNOTAVAIL) return refused + "this machine has no such address";
  if (error == EACCES) return refused + "not allowed; choose a port from 1024 on";
  return refused + "is the port taken? --port 0 picks a free one";
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(Shop& shop, std::function<daybook::StoreHealth()> health, const HttpServerOptions& options)
      : host_(options.host), router_(server_) {
    server_.new_task_queue = [threads = options.threads] {
      return new httplib::ThreadPool(threads);
    };
    server_.set_payload_max_length(Router::kMaxBody);
    server_.set_keep_alive_max_count(100'000);
    server_.set_keep_alive_timeout(1);
    server_.set_read_timeout(kReadTimeoutSeconds);
    server_.set_tcp_nodelay(true);
    server_.set_socket_options([this](socket_t socket) {
      // The library's default shares the port with whoever else listens on it.
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
      listener_ = socket;
    });
    AddOrderRoutes(shop, options.read_models, router_);
    if (options.read_models != nullptr) AddReportRoutes(*options.read_models, router_);
    AddCreditNoteRoutes(shop, router_);
    AddHealthRoute(shop, std::move(health), options.read_models, options.messaging, router_);
    router_.RefuseTheRest();
  }

  absl::Status Start(int port) {
    port_ = port == 0                           ? server_.bind_to_any_port(host_)
            : server_.bind_to_port(host_, port) ? port
                                                : -1;
    if (port_ <= 0) {
      return absl::UnavailableError(WhyNotListening(host_, port));
    }
    // The library listens with room for five connections that wait to be accepted.
    listen(listener_, kBacklog);
    std::packaged_task<void()> serve([this] { server_.listen_after_bind(); });
    ended_ = serve.get_future();
    thread_ = std::thread(std::move(serve));
    while (!server_.is_running() &&
           ended_.wait_for(std::chrono::milliseconds(1)) == std::future_status::timeout) {
    }
    return absl::OkStatus();
  }

  ~Impl() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  const std::string& host() const { return host_; }
  int port() const { return port_; }

 private:
  const std::string host_;
  httplib::Server server_;
  Router router_;
  socket_t listener_ = INVALID_SOCKET;
  int port_ = -1;
  std::future<void> ended_;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    Shop& shop, std::function<daybook::StoreHealth()> health, const HttpServerOptions& options) {
  auto impl = std::make_unique<Impl>(shop, std::move(health), options);
  if (absl::Status started = impl->Start(options.port); !started.ok()) return started;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

int HttpServer::port() const { return impl_->port(); }

std::string HttpServer::url() const {
  const bool ipv6 = impl_->host().find(':') != std::string::npos;
  return absl::StrCat("http://", ipv6 ? "[" : "", impl_->host(), ipv6 ? "]" : "", ":", port());
}

}  // namespace shop
