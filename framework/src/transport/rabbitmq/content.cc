#include "transport/rabbitmq/content.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/rabbitmq/errors.h"

namespace daybook::internal::rabbitmq {
namespace {

// CloudEvents' attributes have text forms; what has none (tables, arrays) is none.
std::optional<std::string> ToText(const amqp_field_value_t& field) {
  switch (field.kind) {
    case AMQP_FIELD_KIND_UTF8:
    case AMQP_FIELD_KIND_BYTES:
      return ToString(field.value.bytes);
    case AMQP_FIELD_KIND_BOOLEAN:
      return field.value.boolean != 0 ? "true" : "false";
    case AMQP_FIELD_KIND_I8:
      return absl::StrCat(field.value.i8);
    case AMQP_FIELD_KIND_U8:
      return absl::StrCat(field.value.u8);
    case AMQP_FIELD_KIND_I16:
      return absl::StrCat(field.value.i16);
    case AMQP_FIELD_KIND_U16:
      return absl::StrCat(field.value.u16);
    case AMQP_FIELD_KIND_I32:
      return absl::StrCat(field.value.i32);
    case AMQP_FIELD_KIND_U32:
      return absl::StrCat(field.value.u32);
    case AMQP_FIELD_KIND_I64:
      return absl::StrCat(field.value.i64);
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_TIMESTAMP:
      return absl::StrCat(field.value.u64);
    default:
      return std::nullopt;
  }
}

void Read(const amqp_basic_properties_t& properties, Content& content) {
  if (properties._flags & AMQP_BASIC_CONTENT_TYPE_FLAG) {
    content.message.content_type = ToString(properties.content_type);
  }
  if (properties._flags & AMQP_BASIC_MESSAGE_ID_FLAG) {
    content.message_id = ToString(properties.message_id);
  }
  if (!(properties._flags & AMQP_BASIC_HEADERS_FLAG)) return;
  for (int i = 0; i < properties.headers.num_entries; ++i) {
    const amqp_table_entry_t& entry = properties.headers.entries[i];
    if (std::optional<std::string> text = ToText(entry.value)) {
      content.message.headers.emplace_back(ToString(entry.key), *std::move(text));
    }
  }
}

}  // namespace

void ContentReader::TakeMethod(const amqp_method_t& method) {
  content_ = Content();
  if (method.id == AMQP_BASIC_DELIVER_METHOD) {
    content_.delivery_tag = static_cast<const amqp_basic_deliver_t*>(method.decoded)->delivery_tag;
  } else if (method.id == AMQP_BASIC_RETURN_METHOD) {
    const auto* returned = static_cast<const amqp_basic_return_t*>(method.decoded);
    content_.return_text = absl::StrCat(returned->reply_code, " ", ToString(returned->reply_text));
  }
}

std::optional<Content> ContentReader::IfWhole() {
  if (body_left_ > 0) return std::nullopt;
  return std::exchange(content_, {});
}

std::optional<Content> ContentReader::Take(const amqp_frame_t& frame) {
  switch (frame.frame_type) {
    case AMQP_FRAME_METHOD:
      TakeMethod(frame.payload.method);
      return std::nullopt;
    case AMQP_FRAME_HEADER:
      Read(*static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded),
           content_);
      body_left_ = frame.payload.properties.body_size;
      return IfWhole();
    case AMQP_FRAME_BODY:
      content_.message.body += ToString(frame.payload.body_fragment);
      body_left_ -= std::min<uint64_t>(body_left_, frame.payload.body_fragment.len);
      return IfWhole();
    default:
      return std::nullopt;
  }
}

}  // namespace daybook::internal::rabbitmq
