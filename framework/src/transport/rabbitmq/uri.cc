#include "transport/rabbitmq/uri.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal::rabbitmq {
namespace {

absl::Status Wrong(std::string_view what) {
  return MakeInvalid(absl::StrCat("RabbitMQ URI: ", ToAbsl(what)));
}

std::string Encoded(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

absl::StatusOr<std::string> Decoded(std::string_view part, std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) ||
        !absl::ascii_isxdigit(text[i + 2])) {
      return Wrong(absl::StrCat("a % in the ", ToAbsl(part), " is not followed by two hex digits"));
    }
    out += absl::HexStringToBytes(ToAbsl(text.substr(i + 1, 2)));
    i += 2;
  }
  if (out.find('\0') != std::string::npos) {
    return Wrong(absl::StrCat("the ", ToAbsl(part), " holds a zero byte"));
  }
  return out;
}

absl::Status ParseUser(std::string_view text, Address& address) {
  const size_t colon = text.find(':');
  DAYBOOK_ASSIGN_OR_RETURN(address.user, Decoded("user", text.substr(0, colon)));
  if (address.user.empty()) return Wrong("the user is empty");
  address.password.clear();
  if (colon == std::string_view::npos) return absl::OkStatus();
  DAYBOOK_ASSIGN_OR_RETURN(address.password, Decoded("password", text.substr(colon + 1)));
  return absl::OkStatus();
}

absl::Status ParseHost(std::string_view text, Address& address) {
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return Wrong("the host's [ has no ]");
    address.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (text.starts_with(':')) {
      port = text.substr(1);
    } else if (!text.empty()) {
      return Wrong("the host's ] is followed by neither : nor /");
    }
  } else {
    const size_t colon = text.find(':');
    DAYBOOK_ASSIGN_OR_RETURN(address.host, Decoded("host", text.substr(0, colon)));
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  if (address.host.empty()) return Wrong("the host is empty");
  address.port = address.tls ? 5671 : 5672;
  if (port && (!absl::SimpleAtoi(ToAbsl(*port), &address.port) || address.port < 1 ||
               address.port > 65535)) {
    return Wrong("the port is not a number from 1 to 65535");
  }
  return absl::OkStatus();
}

absl::Status ParseVhost(std::string_view text, Address& address) {
  if (text.empty()) return absl::OkStatus();
  for (const char c : std::string_view("/?#@")) {
    if (text.find(c) != std::string_view::npos) {
      return Wrong(absl::StrCat("a ", std::string(1, c),
                                " in the virtual host or the password must be percent-encoded"));
    }
  }
  DAYBOOK_ASSIGN_OR_RETURN(address.vhost, Decoded("virtual host", text));
  if (address.vhost.size() > 255) return Wrong("the virtual host is longer than 255 bytes");
  return absl::OkStatus();
}

}  // namespace

std::string Address::Shown() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return absl::StrCat(tls ? "amqps://" : "amqp://", ipv6 ? "[" : "", host, ipv6 ? "]" : "", ":",
                      port, "/", Encoded(vhost));
}

absl::StatusOr<Address> ParseUri(std::string_view uri) {
  Address address;
  const size_t scheme_end = uri.find("://");
  const std::string scheme = absl::AsciiStrToLower(ToAbsl(uri.substr(0, scheme_end)));
  if (scheme_end == std::string_view::npos || (scheme != "amqp" && scheme != "amqps")) {
    return Wrong("it does not begin with amqp:// or amqps://");
  }
  address.tls = scheme == "amqps";
  std::string_view authority = uri.substr(scheme_end + 3);
  std::string_view vhost;
  if (const size_t slash = authority.find('/'); slash != std::string_view::npos) {
    vhost = authority.substr(slash + 1);
    authority = authority.substr(0, slash);
  }
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    DAYBOOK_RETURN_IF_ERROR(ParseUser(authority.substr(0, at), address));
    authority.remove_prefix(at + 1);
  }
  DAYBOOK_RETURN_IF_ERROR(ParseHost(authority, address));
  DAYBOOK_RETURN_IF_ERROR(ParseVhost(vhost, address));
  return address;
}

}  // namespace daybook::internal::rabbitmq
