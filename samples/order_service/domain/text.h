// Rules for the texts that customers and files give us.

#ifndef SHOP_DOMAIN_TEXT_H_
#define SHOP_DOMAIN_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace shop {

// Bytes of a customer, a carrier, a reference.
inline constexpr size_t kMaxName = 100;

bool IsUtf8(std::string_view text);

// kInvalidArgument, naming the field, unless `value` is UTF-8 without control characters, at most
// `max_bytes` long. An event that holds anything else could not be read back.
absl::Status CheckText(const std::string& field, std::string_view value, size_t max_bytes);

// The same, and not empty.
absl::Status CheckRequired(const std::string& field, std::string_view value, size_t max_bytes);

}  // namespace shop

#endif  // SHOP_DOMAIN_TEXT_H_
