#ifndef DAYBOOK_SRC_TRANSPORT_RABBITMQ_BELL_H_
#define DAYBOOK_SRC_TRANSPORT_RABBITMQ_BELL_H_

#include <atomic>
#include <chrono>

#include "absl/base/thread_annotations.h"
#include "mutex.h"

namespace daybook::internal::rabbitmq {

// Wakes a thread in poll(2). Thread-safe.
class Bell {
 public:
  Bell();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  // False where the process is out of file descriptors: it must not be used.
  bool ok() const { return fd_ >= 0; }

  void Ring();
  void Silence();
  // Readable once rung, until silenced.
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// Asks a thread that uses a socket to stop, and can make its blocking calls on it fail.
// Thread-safe.
class Stopper {
 public:
  // Who is asked to stop has so long before it is cut off.
  static constexpr std::chrono::seconds kStopsByItself{1};

  bool ok() const { return bell_.ok(); }
  bool stopped() const { return stopped_; }
  // Readable once stopped.
  int fd() const { return bell_.fd(); }

  void Stop();
  // Breaks the connection that is watched, and any that will be.
  void Cut() ABSL_LOCKS_EXCLUDED(mutex_);

  // Keeps a descriptor of its own: a client library may close the socket behind our back, and the
  // number may then be another file's. False: out of file descriptors.
  [[nodiscard]] bool Watch(int socket) ABSL_LOCKS_EXCLUDED(mutex_);
  void Unwatch() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Bell bell_;
  std::atomic<bool> stopped_ = false;
  Mutex mutex_;
  int socket_ ABSL_GUARDED_BY(mutex_) = -1;
  bool cut_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace daybook::internal::rabbitmq

#endif  // DAYBOOK_SRC_TRANSPORT_RABBITMQ_BELL_H_
