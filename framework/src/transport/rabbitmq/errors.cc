#include "transport/rabbitmq/errors.h"

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "to_absl.h"

namespace daybook::internal::rabbitmq {
namespace {

absl::StatusCode CodeOf(uint16_t reply_code) {
  switch (reply_code) {
    case AMQP_ACCESS_REFUSED:
    case AMQP_NOT_ALLOWED:  // so RabbitMQ answers where the virtual host is wrong
      return absl::StatusCode::kPermissionDenied;
    case AMQP_NOT_FOUND:
    case AMQP_NO_ROUTE:
      return absl::StatusCode::kNotFound;
    case AMQP_PRECONDITION_FAILED:
    case AMQP_CONTENT_TOO_LARGE:
      return absl::StatusCode::kInvalidArgument;
    case AMQP_RESOURCE_ERROR:
      return absl::StatusCode::kResourceExhausted;
    case AMQP_CONNECTION_FORCED:
    case AMQP_RESOURCE_LOCKED:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status OutOfBounds(std::string_view what) {
  return MakeInvalid(absl::StrCat("RabbitMQ: ", ToAbsl(what)));
}

absl::Status FromLibrary(std::string_view doing, int library_error) {
  return MakeStatus(absl::StatusCode::kUnavailable,
                    absl::StrCat(ToAbsl(doing), ": ", amqp_error_string2(library_error)));
}

absl::Status FromReplyCode(std::string_view doing, uint16_t code, std::string_view text) {
  return MakeStatus(CodeOf(code), absl::StrCat(ToAbsl(doing), ": ", code, " ", ToAbsl(text)));
}

absl::Status FromClose(std::string_view doing, const amqp_method_t& method) {
  if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_connection_close_t*>(method.decoded);
    return FromReplyCode(doing, close->reply_code, ToString(close->reply_text));
  }
  const auto* close = static_cast<const amqp_channel_close_t*>(method.decoded);
  return FromReplyCode(doing, close->reply_code, ToString(close->reply_text));
}

absl::Status FromReply(std::string_view doing, const amqp_rpc_reply_t& reply) {
  switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL:
      return absl::OkStatus();
    case AMQP_RESPONSE_LIBRARY_EXCEPTION:
      return FromLibrary(doing, reply.library_error);
    case AMQP_RESPONSE_SERVER_EXCEPTION:
      if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD ||
          reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
        return FromClose(doing, reply.reply);
      }
      break;
    case AMQP_RESPONSE_NONE:
      break;
  }
  return MakeStatus(absl::StatusCode::kInternal,
                    absl::StrCat(ToAbsl(doing), ": the broker gave an answer that is none"));
}

}  // namespace daybook::internal::rabbitmq
