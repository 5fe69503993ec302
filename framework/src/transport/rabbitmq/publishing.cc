#include "transport/rabbitmq/publishing.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "status_macros.h"
#include "transport/rabbitmq/errors.h"

namespace daybook::internal::rabbitmq {
namespace {

using Clock = std::chrono::steady_clock;

// RabbitMQ says which message it was only by its size.
std::optional<size_t> SizeThatIsTooLarge(const amqp_channel_close_t& close) {
  if (close.reply_code != AMQP_PRECONDITION_FAILED) return std::nullopt;
  size_t size = 0;
  const std::string text = ToString(close.reply_text);
  if (std::sscanf(text.c_str(), "PRECONDITION_FAILED - message size %zu is larger", &size) != 1) {
    return std::nullopt;
  }
  return size;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Publishing>> Publishing::Open(
    const RabbitMqTransportOptions& options, const ConnectionOptions& connection, Stopper& stopper,
    Answer answer) {
  std::unique_ptr<Publishing> publishing(new Publishing(options, std::move(answer)));
  DAYBOOK_ASSIGN_OR_RETURN(publishing->connection_, Connection::Open(connection, stopper));
  publishing->longest_wait_ = rabbitmq::LongestWait(connection);
  DAYBOOK_RETURN_IF_ERROR(publishing->SetUpChannel());
  return publishing;
}

absl::Status Publishing::SetUpChannel() {
  DAYBOOK_RETURN_IF_ERROR(
      connection_->EnsureExchange(options_.exchange, options_.declare_exchange));
  amqp_confirm_select(connection_->state(), kChannel);
  return connection_->LastReply("asking for confirms");
}

absl::Status Publishing::Publish(Outgoing message) {
  const IntegrationEvent& event = *message.event;
  const auto max_frame = static_cast<size_t>(amqp_get_frame_max(connection_->state()));
  absl::Status possible = message_.Set(event, options_.mode, max_frame);
  const size_t size = message_.body().size();
  if (possible.ok() && too_large_ && size >= *too_large_) {
    possible = MakeStatus(absl::StatusCode::kInvalidArgument,
                          absl::StrCat("message of ", size, " bytes is larger than the broker's ",
                                       "limit: one of ", *too_large_, " was"));
  }
  if (!possible.ok()) {
    answer_(std::move(message), {Delivery::kFailed, std::move(possible)});
    return absl::OkStatus();
  }
  const std::shared_ptr<const IntegrationEvent> kept = message.event;
  window_.Add({.message = std::move(message), .body_size = size, .at = Clock::now()});
  const int result = amqp_basic_publish(connection_->state(), kChannel, ToBytes(options_.exchange),
                                        ToBytes(kept->type), 1, 0, &message_.properties(),
                                        ToBytes(message_.body()));
  return result == AMQP_STATUS_OK ? absl::OkStatus() : FromLibrary("publishing", result);
}

absl::Status Publishing::Receive() {
  amqp_frame_t frame;
  while (true) {
    DAYBOOK_ASSIGN_OR_RETURN(const bool any, connection_->Next(frame));
    if (!any) return absl::OkStatus();
    DAYBOOK_RETURN_IF_ERROR(Handle(frame));
  }
}

absl::Status Publishing::Handle(const amqp_frame_t& frame) {
  if (frame.frame_type == AMQP_FRAME_METHOD) {
    return frame.channel == 0 ? HandleConnectionMethod(frame.payload.method)
                              : HandleMethod(frame.payload.method);
  }
  if (std::optional<Content> content = returned_.Take(frame)) {
    window_.MarkReturned(content->message_id, content->return_text);
  }
  return absl::OkStatus();
}

absl::Status Publishing::HandleConnectionMethod(const amqp_method_t& method) {
  switch (method.id) {
    case AMQP_CONNECTION_BLOCKED_METHOD: {
      const auto* blocked = static_cast<const amqp_connection_blocked_t*>(method.decoded);
      blocked_ = MakeStatus(
          absl::StatusCode::kResourceExhausted,
          absl::StrCat("the broker takes no messages for now: ", ToString(blocked->reason)));
      return absl::OkStatus();
    }
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      blocked_ = absl::OkStatus();
      return absl::OkStatus();
    case AMQP_CONNECTION_CLOSE_METHOD:
      return FromClose("the broker closed the connection", method);
    default:
      return absl::OkStatus();
  }
}

absl::Status Publishing::HandleMethod(const amqp_method_t& method) {
  switch (method.id) {
    case AMQP_BASIC_ACK_METHOD: {
      const auto* ack = static_cast<const amqp_basic_ack_t*>(method.decoded);
      Acknowledge(window_.Take(ack->delivery_tag, ack->multiple != 0));
      return absl::OkStatus();
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto* nack = static_cast<const amqp_basic_nack_t*>(method.decoded);
      Refuse(window_.Take(nack->delivery_tag, nack->multiple != 0));
      return absl::OkStatus();
    }
    case AMQP_CHANNEL_CLOSE_METHOD:
      return HandleChannelClose(method);
    default:
      returned_.Take(
          {.frame_type = AMQP_FRAME_METHOD, .channel = kChannel, .payload = {.method = method}});
      return absl::OkStatus();
  }
}

void Publishing::Acknowledge(std::vector<Sent> confirmed) {
  for (Sent& sent : confirmed) {
    if (sent.returned.empty()) {
      answer_(std::move(sent.message), {});
      continue;
    }
    const bool park = options_.unroutable == RabbitMqTransportOptions::kPark;
    absl::Status why = MakeStatus(
        absl::StatusCode::kNotFound,
        absl::StrCat("no queue is bound to exchange ", options_.exchange, " for routing key ",
                     sent.message.event->type, ": ", sent.returned));
    answer_(std::move(sent.message), {park ? Delivery::kFailed : Delivery::kDown, std::move(why)});
  }
}

void Publishing::Refuse(std::vector<Sent> refused) {
  for (Sent& sent : refused) {
    answer_(std::move(sent.message),
            {Delivery::kTryAgain, MakeStatus(absl::StatusCode::kResourceExhausted,
                                             "the broker refused the message (basic.nack)")});
  }
}

absl::Status Publishing::HandleChannelClose(const amqp_method_t& method) {
  const auto& close = *static_cast<const amqp_channel_close_t*>(method.decoded);
  absl::Status why = FromClose("the broker closed the channel", method);
  if (const std::optional<size_t> size = SizeThatIsTooLarge(close)) return SkipTooLarge(*size, why);
  refused_all_ = close.reply_code == AMQP_NOT_FOUND || close.reply_code == AMQP_ACCESS_REFUSED;
  return why;
}

// The broker looks at messages in order, and at none any more after the first that is too large.
absl::Status Publishing::SkipTooLarge(size_t size, const absl::Status& why) {
  std::vector<Sent> sent = window_.Reset();
  const auto culprit =
      std::find_if(sent.begin(), sent.end(), [&](const Sent& s) { return s.body_size == size; });
  for (auto s = sent.begin(); s != culprit; ++s) {
    answer_(std::move(s->message), {Delivery::kNotKnown, why});
  }
  if (culprit == sent.end()) return why;
  too_large_ = std::min(size, too_large_.value_or(size));
  answer_(std::move(culprit->message), {Delivery::kFailed, why});
  for (auto s = std::next(culprit); s != sent.end(); ++s) unseen_.push_back(std::move(s->message));
  DAYBOOK_RETURN_IF_ERROR(connection_->ReopenChannel());
  return SetUpChannel();
}

absl::Status Publishing::CheckConfirms() const {
  const auto oldest = window_.Oldest();
  if (!oldest || Clock::now() - *oldest < options_.confirm_timeout) return absl::OkStatus();
  return MakeStatus(
      absl::StatusCode::kUnavailable,
      absl::StrCat("no confirm came within ", options_.confirm_timeout.count(), " ms"));
}

std::chrono::milliseconds Publishing::LongestWait() const {
  const auto oldest = window_.Oldest();
  if (!oldest) return longest_wait_;
  const auto left = *oldest + options_.confirm_timeout - Clock::now();
  return std::clamp(std::chrono::ceil<std::chrono::milliseconds>(left),
                    std::chrono::milliseconds(0), longest_wait_);
}

void Publishing::Abandon(const absl::Status& why) {
  for (Sent& sent : window_.Reset()) {
    answer_(std::move(sent.message), {refused_all_ ? Delivery::kDown : Delivery::kNotKnown, why});
  }
  for (Outgoing& message : TakeUnseen()) answer_(std::move(message), {Delivery::kDown, why});
}

}  // namespace daybook::internal::rabbitmq
