#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daybook/integration_event.h"
#include "publishing/attributes.h"
#include "status_macros.h"
#include "to_absl.h"
#include "utf8.h"

namespace daybook {
namespace {

using internal::Attribute;
using internal::NotACloudEvent;

constexpr std::string_view kStructuredType = "application/cloudevents+json";
constexpr std::string_view kAnyCloudEvent = "application/cloudevents";
constexpr std::string_view kDashed = "ce-";

std::string_view PrefixOf(Binding binding) {
  static constexpr std::array<std::string_view, 3> kPrefixes = {"cloudEvents_", "ce_", kDashed};
  return kPrefixes[static_cast<size_t>(binding)];
}

// HTTP protocol binding, 3.1.3.2.
std::string PercentEncode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && c != '"' && c != '%') {
      encoded += c;
    } else {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

std::string PercentDecode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && absl::ascii_isxdigit(text[i + 1]) &&
        absl::ascii_isxdigit(text[i + 2])) {
      decoded += absl::HexStringToBytes(internal::ToAbsl(text.substr(i + 1, 2)));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

void AddTrace(const IntegrationEvent& event, WireMessage& message) {
  if (!event.traceparent.empty()) message.headers.emplace_back("traceparent", event.traceparent);
  if (!event.tracestate.empty()) message.headers.emplace_back("tracestate", event.tracestate);
}

WireMessage Binary(const IntegrationEvent& event, Binding binding) {
  WireMessage message{.body = event.data};
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    message.headers.emplace_back(
        absl::StrCat(internal::ToAbsl(PrefixOf(binding)), internal::ToAbsl(name)),
        binding == Binding::kNats ? PercentEncode(value) : std::string(value));
  };
  add("specversion", internal::kSpecVersion);
  for (const Attribute& attribute : internal::kAttributes) {
    add(attribute.name, event.*attribute.member);
  }
  if (event.time != RecordedTime()) add("time", internal::FormatTime(event.time));
  if (binding == Binding::kNats) {
    add("datacontenttype", event.data_content_type);
  } else {
    message.content_type = event.data_content_type;
  }
  return message;
}

// The attribute that a header stands for; empty: none.
std::string AttributeOf(const std::string& header) {
  static constexpr std::array<std::string_view, 4> kPrefixes = {"cloudevents_",
                                                                "cloudevents:", "ce_", kDashed};
  const std::string name = absl::AsciiStrToLower(header);
  for (const std::string_view prefix : kPrefixes) {
    if (absl::StartsWith(name, internal::ToAbsl(prefix))) return name.substr(prefix.size());
  }
  return "";
}

class BinaryReader {
 public:
  absl::StatusOr<IntegrationEvent> Read(const WireMessage& message) {
    event_.data_content_type = message.content_type;
    event_.data = message.body;
    for (const auto& [name, value] : message.headers) {
      const bool encoded = absl::StartsWithIgnoreCase(name, internal::ToAbsl(kDashed));
      DAYBOOK_RETURN_IF_ERROR(Take(name, encoded ? PercentDecode(value) : value));
    }
    DAYBOOK_RETURN_IF_ERROR(internal::CheckReceived(spec_version_, event_));
    if (event_.traceparent.empty()) {
      event_.traceparent = plain_.traceparent;
      event_.tracestate = plain_.tracestate;
    }
    return std::move(event_);
  }

 private:
  absl::Status Take(const std::string& header, std::string value) {
    const std::string name = AttributeOf(header);
    if (name.empty()) {
      TakePlain(header, std::move(value));
      return absl::OkStatus();
    }
    if (!internal::IsUtf8(value)) return NotACloudEvent(absl::StrCat(name, " is not UTF-8"));
    if (name == "specversion")
      spec_version_ = std::move(value);
    else if (name == "datacontenttype")
      event_.data_content_type = std::move(value);
    else if (name == "time") {
      DAYBOOK_ASSIGN_OR_RETURN(event_.time, internal::ParseTime(value));
    } else {
      for (const Attribute& attribute : internal::kAttributes) {
        if (name == attribute.name) event_.*attribute.member = std::move(value);
      }
    }
    return absl::OkStatus();
  }

  void TakePlain(const std::string& header, std::string value) {
    if (!internal::IsUtf8(value)) return;
    if (absl::EqualsIgnoreCase(header, "content-type") && event_.data_content_type.empty()) {
      event_.data_content_type = std::move(value);
    } else if (absl::EqualsIgnoreCase(header, "traceparent")) {
      plain_.traceparent = std::move(value);
    } else if (absl::EqualsIgnoreCase(header, "tracestate")) {
      plain_.tracestate = std::move(value);
    }
  }

  std::string spec_version_;
  IntegrationEvent event_;
  IntegrationEvent plain_;  // the trace, in headers of its own
};

std::string_view ContentTypeOf(const WireMessage& message) {
  if (!message.content_type.empty()) return message.content_type;
  for (const auto& [name, value] : message.headers) {
    if (absl::EqualsIgnoreCase(name, "content-type")) return value;
  }
  return "";
}

}  // namespace

absl::StatusOr<WireMessage> ToWire(const IntegrationEvent& event, ContentMode mode,
                                   Binding binding) {
  WireMessage message;
  if (mode == ContentMode::kBinary) {
    DAYBOOK_RETURN_IF_ERROR(Check(event));
    message = Binary(event, binding);
  } else {
    DAYBOOK_ASSIGN_OR_RETURN(message.body, ToCloudEventJson(event));
    message.content_type = kStructuredType;
  }
  AddTrace(event, message);
  return message;
}

absl::StatusOr<IntegrationEvent> FromWire(const WireMessage& message) {
  const std::string type = internal::MediaType(ContentTypeOf(message));
  if (type == kStructuredType) return FromCloudEventJson(message.body);
  if (absl::StartsWith(type, internal::ToAbsl(kAnyCloudEvent))) {
    return NotACloudEvent(absl::StrCat("the format ", type, " is not read here; only JSON is"));
  }
  return BinaryReader().Read(message);
}

}  // namespace daybook
