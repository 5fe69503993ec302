#ifndef DAYBOOK_SRC_TRANSPORT_RABBITMQ_CONTENT_H_
#define DAYBOOK_SRC_TRANSPORT_RABBITMQ_CONTENT_H_

#include <amqp.h>
#include <amqp_framing.h>

#include <cstdint>
#include <optional>
#include <string>

#include "daybook/integration_event.h"

namespace daybook::internal::rabbitmq {

// A message that the broker sent: a delivery, or one that came back.
struct Content {
  uint64_t delivery_tag = 0;     // of a delivery
  std::string return_text = {};  // of one that came back: why
  std::string message_id = {};
  WireMessage message = {};
};

// Puts contents together from their frames: the method, a header, the body in pieces.
class ContentReader {
 public:
  // The content that is whole with this frame.
  std::optional<Content> Take(const amqp_frame_t& frame);

 private:
  void TakeMethod(const amqp_method_t& method);
  std::optional<Content> IfWhole();

  Content content_;
  uint64_t body_left_ = 0;
};

}  // namespace daybook::internal::rabbitmq

#endif  // DAYBOOK_SRC_TRANSPORT_RABBITMQ_CONTENT_H_
