#ifndef DAYBOOK_SRC_TRANSPORT_RABBITMQ_PAUSE_H_
#define DAYBOOK_SRC_TRANSPORT_RABBITMQ_PAUSE_H_

#include <algorithm>
#include <chrono>

namespace daybook::internal::rabbitmq {

// Pauses that double, until something has worked.
class Pause {
 public:
  Pause(std::chrono::milliseconds first, std::chrono::milliseconds longest)
      : first_(first), longest_(longest), next_(first) {}

  std::chrono::milliseconds Next() {
    const std::chrono::milliseconds pause = next_;
    next_ = std::min(next_ * 2, longest_);
    return pause;
  }
  void Reset() { next_ = first_; }

 private:
  const std::chrono::milliseconds first_;
  const std::chrono::milliseconds longest_;
  std::chrono::milliseconds next_;
};

}  // namespace daybook::internal::rabbitmq

#endif  // DAYBOOK_SRC_TRANSPORT_RABBITMQ_PAUSE_H_
