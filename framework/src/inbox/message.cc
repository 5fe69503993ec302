#include "inbox/message.h"

#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <cstdint>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daybook/subscription.h"
#include "json.h"
#include "make_status.h"
#include "publishing/attributes.h"
#include "serialize.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

using google::protobuf::Message;

constexpr boost::uuids::uuid kNamespace = {{0x3b, 0x5e, 0x0d, 0x52, 0x91, 0x0a, 0x4c, 0x67,  //
                                            0xa4, 0x6b, 0x20, 0xc9, 0x5f, 0x1d, 0x77, 0x08}};

// A netstring without its comma.
void Put(std::string_view text, std::string& bytes) {
  absl::StrAppend(&bytes, text.size(), ":", ToAbsl(text));
}

std::optional<std::string> Take(std::string_view& bytes) {
  const size_t colon = bytes.find(':');
  uint64_t size = 0;
  if (colon == std::string_view::npos || !absl::SimpleAtoi(ToAbsl(bytes.substr(0, colon)), &size) ||
      size > bytes.size() - colon - 1) {
    return std::nullopt;
  }
  std::string text(bytes.substr(colon + 1, size));
  bytes.remove_prefix(colon + 1 + size);
  return text;
}

absl::Status Undecodable(absl::StatusCode code, const IntegrationEvent& event,
                         const std::string& why) {
  return Permanent(MakeStatus(
      code, absl::StrCat("message ", event.id, " of ", event.source, ": its data ", why)));
}

}  // namespace

std::string EncodeHeaders(const Headers& headers) {
  std::string bytes;
  for (const auto& [name, value] : headers) {
    Put(name, bytes);
    Put(value, bytes);
  }
  return bytes;
}

absl::StatusOr<Headers> DecodeHeaders(std::string_view bytes) {
  Headers headers;
  while (!bytes.empty()) {
    std::optional<std::string> name = Take(bytes);
    std::optional<std::string> value = name.has_value() ? Take(bytes) : std::nullopt;
    if (!value.has_value()) {
      return MakeStatus(absl::StatusCode::kDataLoss,
                        "the headers of a parked message are not as they were written");
    }
    headers.emplace_back(*std::move(name), *std::move(value));
  }
  return headers;
}

std::string LaneOf(const IntegrationEvent& event) {
  if (!event.partition_key.empty()) return event.partition_key;
  return absl::StrCat(event.source, " ", event.id);
}

std::string LaneOfMalformed(const WireMessage& message) {
  std::string all;
  Put(message.content_type, all);
  Put(message.body, all);
  all += EncodeHeaders(message.headers);
  return absl::StrCat("malformed ", Digest(all));
}

std::string Identity(const IntegrationEvent& event) {
  return absl::StrCat(event.source.size(), ":", event.source, event.id);
}

std::string Digest(const std::string& text) {
  return boost::uuids::to_string(boost::uuids::name_generator_sha1(kNamespace)(text));
}

absl::StatusOr<std::unique_ptr<Message>> DecodeData(const IntegrationEvent& event,
                                                    const Message& prototype) {
  std::unique_ptr<Message> message(prototype.New());
  const std::string type = MediaType(event.data_content_type);
  if (type.empty() || type == kProtobufContent) {
    if (ParseSilently(event.data, *message)) return message;
  } else if (IsJson(type)) {
    if (ParseJson(event.data, *message).ok() && message->IsInitialized()) return message;
  } else {
    return Undecodable(absl::StatusCode::kInvalidArgument, event,
                       absl::StrCat("is of the content type ", type,
                                    "; application/protobuf and application/json are read"));
  }
  return Undecodable(absl::StatusCode::kDataLoss, event,
                     absl::StrCat("cannot be decoded as ", std::string(prototype.GetTypeName())));
}

}  // namespace daybook::internal
