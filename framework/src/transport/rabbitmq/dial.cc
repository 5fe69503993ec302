#include "transport/rabbitmq/dial.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "make_status.h"

namespace daybook::internal::rabbitmq {
namespace {

using Clock = std::chrono::steady_clock;

absl::Status Unreachable(absl::string_view why) {
  return MakeStatus(absl::StatusCode::kUnavailable, absl::StrCat("cannot connect: ", why));
}

// 0, or an errno; ECANCELED when stopped.
int WaitConnected(int socket, Clock::time_point deadline, const Stopper& stopper) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd fds[] = {{.fd = socket, .events = POLLOUT, .revents = 0},
                    {.fd = stopper.fd(), .events = POLLIN, .revents = 0}};
    const int ready = poll(fds, 2, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready < 0 && errno != EINTR) return errno;
    if (ready == 0) return ETIMEDOUT;
    if (fds[1].revents != 0) return ECANCELED;
    if (fds[0].revents == 0) continue;
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
  }
}

int ConnectTo(const addrinfo& address, Clock::time_point deadline, const Stopper& stopper,
              int& error) {
  const int socket = ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                              address.ai_protocol);
  if (socket < 0) {
    error = errno;
    return -1;
  }
  error = connect(socket, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) error = WaitConnected(socket, deadline, stopper);
  const int on = 1;
  if (error == 0 && setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
    error = errno;
  }
  if (error == 0) return socket;
  close(socket);
  return -1;
}

}  // namespace

absl::StatusOr<int> Dial(const std::string& host, int port, std::chrono::milliseconds timeout,
                         const Stopper& stopper) {
  const Clock::time_point deadline = Clock::now() + timeout;
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int result = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (result == EAI_SYSTEM) return Unreachable(std::generic_category().message(errno));
  if (result != 0) return Unreachable(absl::StrCat("the host's name: ", gai_strerror(result)));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  int error = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int socket = ConnectTo(*address, deadline, stopper, error);
    if (socket >= 0) return socket;
    if (error == ECANCELED) break;
  }
  return Unreachable(std::generic_category().message(error));
}

}  // namespace daybook::internal::rabbitmq
