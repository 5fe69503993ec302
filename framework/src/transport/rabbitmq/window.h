#ifndef DAYBOOK_SRC_TRANSPORT_RABBITMQ_WINDOW_H_
#define DAYBOOK_SRC_TRANSPORT_RABBITMQ_WINDOW_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daybook/integration_event.h"
#include "daybook/transport.h"

namespace daybook::internal::rabbitmq {

struct Outgoing {
  std::shared_ptr<const IntegrationEvent> event = {};
  Transport::Done done = {};
};

struct Sent {
  Outgoing message = {};
  size_t body_size = 0;
  std::chrono::steady_clock::time_point at = {};
  std::string returned = {};  // why, if it came back
};

// What was published on a channel and is not confirmed. Delivery tags count from 1.
class Window {
 public:
  size_t size() const { return size_; }

  void Add(Sent sent);

  // What a confirm with this tag, or with all up to it, answers. Tags that are not there any more,
  // or not yet, answer nothing.
  std::vector<Sent> Take(uint64_t tag, bool multiple);

  // The broker returns messages in the order they were published, and before it confirms them.
  void MarkReturned(std::string_view message_id, std::string_view why);

  // When the oldest was sent.
  std::optional<std::chrono::steady_clock::time_point> Oldest() const;

  // Empties it; in order. The next tag is 1.
  std::vector<Sent> Reset();

 private:
  void TakeOne(size_t index, std::vector<Sent>& taken);

  std::deque<std::optional<Sent>> entries_;  // none in front
  uint64_t first_tag_ = 1;                   // of entries_.front()
  size_t size_ = 0;
};

}  // namespace daybook::internal::rabbitmq

#endif  // DAYBOOK_SRC_TRANSPORT_RABBITMQ_WINDOW_H_
