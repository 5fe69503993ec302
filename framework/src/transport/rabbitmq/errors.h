#ifndef DAYBOOK_SRC_TRANSPORT_RABBITMQ_ERRORS_H_
#define DAYBOOK_SRC_TRANSPORT_RABBITMQ_ERRORS_H_

#include <amqp.h>
#include <amqp_framing.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace daybook::internal::rabbitmq {

inline std::string ToString(amqp_bytes_t bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}
// The view must outlive what is made of it.
inline amqp_bytes_t ToBytes(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

// kInvalidArgument: options that no broker is asked about.
absl::Status OutOfBounds(std::string_view what);

// Statuses with the codes that DeliveryResult names.
absl::Status FromLibrary(std::string_view doing, int library_error);
absl::Status FromReplyCode(std::string_view doing, uint16_t code, std::string_view text);
absl::Status FromReply(std::string_view doing, const amqp_rpc_reply_t& reply);
// `method` is connection.close or channel.close.
absl::Status FromClose(std::string_view doing, const amqp_method_t& method);

}  // namespace daybook::internal::rabbitmq

#endif  // DAYBOOK_SRC_TRANSPORT_RABBITMQ_ERRORS_H_
