#include "transport/rabbitmq/message.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "status_macros.h"
#include "to_absl.h"
#include "transport/rabbitmq/errors.h"

namespace daybook::internal::rabbitmq {
namespace {

constexpr size_t kShortString = 255;
constexpr uint8_t kPersistent = 2;
// The frame, its class and size and flags, all properties but the headers.
constexpr size_t kFrameOverhead = 64 + 3 * (1 + kShortString);

absl::Status TooLong(const IntegrationEvent& event, std::string_view what) {
  return MakeStatus(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("integration event ", event.id.substr(0, kShortString), ": ", ToAbsl(what)));
}

absl::Status CheckShortStrings(const IntegrationEvent& event, const WireMessage& wire) {
  if (event.type.size() > kShortString) return TooLong(event, "its type is over 255 bytes");
  if (event.id.size() > kShortString) return TooLong(event, "its id is over 255 bytes");
  if (wire.content_type.size() > kShortString) {
    return TooLong(event, "its content type is over 255 bytes");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Message::SetHeaders(const IntegrationEvent& event, size_t max_frame) {
  headers_.clear();
  size_t size = kFrameOverhead;
  for (const auto& [name, value] : wire_.headers) {
    amqp_table_entry_t& entry = headers_.emplace_back();
    entry.key = ToBytes(name);
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = ToBytes(value);
    size += 1 + name.size() + 1 + 4 + value.size();
  }
  if (size <= max_frame) return absl::OkStatus();
  return TooLong(event,
                 absl::StrCat("its attributes are larger than a frame, ", max_frame, " bytes"));
}

absl::Status Message::Set(const IntegrationEvent& event, ContentMode mode, size_t max_frame) {
  DAYBOOK_ASSIGN_OR_RETURN(wire_, ToWire(event, mode, Binding::kAmqp));
  DAYBOOK_RETURN_IF_ERROR(CheckShortStrings(event, wire_));
  DAYBOOK_RETURN_IF_ERROR(SetHeaders(event, max_frame));
  properties_ = {};
  properties_._flags = AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                       AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG;
  if (!wire_.content_type.empty()) {
    properties_._flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
    properties_.content_type = ToBytes(wire_.content_type);
  }
  properties_.headers = {static_cast<int>(headers_.size()), headers_.data()};
  properties_.delivery_mode = kPersistent;
  properties_.message_id = ToBytes(event.id);
  properties_.type = ToBytes(event.type);
  if (event.time > RecordedTime()) {
    properties_._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
    properties_.timestamp = static_cast<uint64_t>(
        std::chrono::floor<std::chrono::seconds>(event.time.time_since_epoch()).count());
  }
  return absl::OkStatus();
}

}  // namespace daybook::internal::rabbitmq
