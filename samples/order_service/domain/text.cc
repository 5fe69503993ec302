#include "domain/text.h"

#include <algorithm>
#include <boost/locale/utf.hpp>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace shop {
namespace {

bool IsControl(char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; }

}  // namespace

bool IsUtf8(std::string_view text) {
  using Utf8 = boost::locale::utf::utf_traits<char>;
  for (auto at = text.begin(); at != text.end();) {
    if (!boost::locale::utf::is_valid_codepoint(Utf8::decode(at, text.end()))) return false;
  }
  return true;
}

absl::Status CheckText(const std::string& field, std::string_view value, size_t max_bytes) {
  if (value.size() > max_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(field, " is longer than ", max_bytes, " bytes"));
  }
  if (!IsUtf8(value)) return absl::InvalidArgumentError(absl::StrCat(field, " is not UTF-8"));
  if (std::any_of(value.begin(), value.end(), IsControl)) {
    return absl::InvalidArgumentError(absl::StrCat(field, " holds a control character"));
  }
  return absl::OkStatus();
}

absl::Status CheckRequired(const std::string& field, std::string_view value, size_t max_bytes) {
  if (value.empty()) return absl::InvalidArgumentError(absl::StrCat(field, " is missing"));
  return CheckText(field, value, max_bytes);
}

}  // namespace shop
