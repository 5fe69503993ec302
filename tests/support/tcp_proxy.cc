#include "support/tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "support/loopback.h"

namespace daybook::test {
namespace {

// Sends what the socket takes now; false when it is broken.
bool Flush(int socket, std::string& bytes) {
  if (bytes.empty()) return true;
  const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  bytes.erase(0, static_cast<size_t>(sent));
  return true;
}

}  // namespace

struct TcpProxy::Link {
  Link(int client_socket, int server_socket) : client(client_socket), server(server_socket) {}
  ~Link() {
    close(client);
    close(server);
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Appends what there is to read; the link is dead at its end.
  void Read(int socket, std::string& into) {
    char buffer[65536];
    const ssize_t got = recv(socket, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (got > 0) into.append(buffer, static_cast<size_t>(got));
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) dead = true;
  }

  const int client;
  const int server;
  std::string to_server = {};
  std::string to_client = {};
  bool dead = false;
};

TcpProxy::TcpProxy(int server_port)
    : server_port_(server_port),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0 || wake_ < 0) {
    throw std::runtime_error("no port for a proxy");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread(&TcpProxy::Run, this);
}

TcpProxy::~TcpProxy() {
  stop_ = true;
  Wake();
  thread_.join();
  close(listener_);
  close(wake_);
}

void TcpProxy::Wake() { (void)eventfd_write(wake_, 1); }

void TcpProxy::FilterAnswers(Filter filter) {
  std::lock_guard lock(mutex_);
  filter_ = std::move(filter);
}

void TcpProxy::HoldAnswers() {
  std::lock_guard lock(mutex_);
  hold_ = true;
}

void TcpProxy::ReleaseAnswers() {
  {
    std::lock_guard lock(mutex_);
    hold_ = false;
  }
  Wake();
}

void TcpProxy::StopReading() {
  {
    std::lock_guard lock(mutex_);
    stop_reading_ = true;
  }
  Wake();
}

void TcpProxy::CutAfter(int64_t bytes) {
  std::lock_guard lock(mutex_);
  left_ = bytes;
}

void TcpProxy::Cut() {
  {
    std::lock_guard lock(mutex_);
    cut_ = true;
  }
  Wake();
}

void TcpProxy::GoAway() {
  {
    std::lock_guard lock(mutex_);
    away_ = true;
  }
  Cut();
}

void TcpProxy::ComeBack() {
  std::lock_guard lock(mutex_);
  away_ = false;
}

void TcpProxy::Accept() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  ++connections_;
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(server_port_);
  auto link = std::make_unique<Link>(client, server);
  if (away_) return;
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return;
  const int on = 1;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  links_.push_back(std::move(link));
}

void TcpProxy::TakeAnswer(Link& link) {
  std::string bytes;
  link.Read(link.server, bytes);
  answered_ += static_cast<int64_t>(bytes.size());
  if (filter_ && !bytes.empty()) bytes = filter_(bytes);
  if (left_ >= 0) {
    bytes.resize(static_cast<size_t>(std::min<int64_t>(left_, bytes.size())));
    left_ -= static_cast<int64_t>(bytes.size());
    if (left_ == 0) cut_ = true;
  }
  link.to_client += bytes;
}

void TcpProxy::Pump(Link& link, bool client_ready, bool server_ready) {
  if (client_ready && !stop_reading_) link.Read(link.client, link.to_server);
  if (server_ready) TakeAnswer(link);
  if (!Flush(link.server, link.to_server)) link.dead = true;
  if (!hold_ && !Flush(link.client, link.to_client)) link.dead = true;
}

void TcpProxy::Run() {
  while (!stop_) {
    std::vector<pollfd> fds = {{listener_, POLLIN, 0}, {wake_, POLLIN, 0}};
    {
      std::lock_guard lock(mutex_);
      for (const auto& link : links_) {
        // A peer that is not read from must not wake us with what it sends.
        const bool read = !stop_reading_ && link->to_server.size() < 1 << 20;
        const bool write = !hold_ && !link->to_client.empty();
        fds.push_back(
            {link->client, static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0)), 0});
        fds.push_back({link->server,
                       static_cast<short>(POLLIN | (link->to_server.empty() ? 0 : POLLOUT)), 0});
      }
    }
    poll(fds.data(), fds.size(), -1);
    eventfd_t count;
    if (fds[1].revents != 0) (void)eventfd_read(wake_, &count);
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < links_.size(); ++i) {
      Pump(*links_[i], (fds[2 + 2 * i].revents & (POLLIN | POLLHUP | POLLERR)) != 0,
           (fds[3 + 2 * i].revents & (POLLIN | POLLHUP | POLLERR)) != 0);
    }
    if (std::exchange(cut_, false)) {
      links_.clear();
      left_ = -1;
    }
    std::erase_if(links_, [](const auto& link) { return link->dead; });
    if (fds[0].revents != 0) Accept();
  }
  links_.clear();
}

}  // namespace daybook::test
