// Money: an int64 count of a currency's minor unit. 250 in GBP is two pounds fifty.

#ifndef SHOP_DOMAIN_MONEY_H_
#define SHOP_DOMAIN_MONEY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shop {

// Three capital letters, as ISO 4217 has them.
bool IsCurrency(std::string_view code);

// nullopt if the result does not fit.
std::optional<int64_t> CheckedAdd(int64_t a, int64_t b);
std::optional<int64_t> CheckedMultiply(int64_t a, int64_t b);

// "1,234.50 GBP"; "1,234 JPY".
std::string FormatMoney(int64_t minor, std::string_view currency);

}  // namespace shop

#endif  // SHOP_DOMAIN_MONEY_H_
