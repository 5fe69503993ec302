#include "transport/rabbitmq/bell.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace daybook::internal::rabbitmq {

Bell::Bell() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Bell::~Bell() {
  if (fd_ >= 0) close(fd_);
}

// Both can only fail with EAGAIN, where nothing is left to do.
void Bell::Ring() { (void)eventfd_write(fd_, 1); }

void Bell::Silence() {
  eventfd_t count;
  (void)eventfd_read(fd_, &count);
}

void Stopper::Stop() {
  stopped_ = true;
  bell_.Ring();
}

void Stopper::Cut() {
  MutexLock lock(mutex_);
  cut_ = true;
  if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

bool Stopper::Watch(int socket) {
  MutexLock lock(mutex_);
  socket_ = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (socket_ >= 0 && cut_) shutdown(socket_, SHUT_RDWR);
  return socket_ >= 0;
}

void Stopper::Unwatch() {
  MutexLock lock(mutex_);
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

}  // namespace daybook::internal::rabbitmq
