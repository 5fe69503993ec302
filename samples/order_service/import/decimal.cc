#include "import/decimal.h"

#include <charconv>

#include "domain/money.h"

namespace shop {
namespace {

constexpr int64_t kOne = 1'000'000;

}  // namespace

std::optional<Decimal> Decimal::Parse(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  const size_t point = text.find('.');
  std::string digits(text.substr(0, point));
  if (digits.empty()) return std::nullopt;
  std::string decimals(point == text.npos ? "0" : text.substr(point + 1));
  while (decimals.size() > 6 && decimals.back() == '0') decimals.pop_back();
  if (decimals.empty() || decimals.size() > 6) return std::nullopt;
  digits += decimals + std::string(6 - decimals.size(), '0');
  if (digits.find_first_not_of("0123456789") != digits.npos) return std::nullopt;
  int64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (parsed.ec != std::errc()) return std::nullopt;
  return Decimal(negative ? -value : value);
}

std::optional<int64_t> Decimal::Whole() const {
  return millionths_ % kOne == 0 ? std::optional(millionths_ / kOne) : std::nullopt;
}

std::optional<int64_t> Decimal::Hundredths() const {
  constexpr int64_t kHundredth = kOne / 100;
  return millionths_ % kHundredth == 0 ? std::optional(millionths_ / kHundredth) : std::nullopt;
}

std::optional<Decimal> Decimal::Plus(Decimal other) const {
  const auto sum = CheckedAdd(millionths_, other.millionths_);
  return sum.has_value() ? std::optional(Decimal(*sum)) : std::nullopt;
}

std::optional<Decimal> Decimal::Times(int64_t factor) const {
  const auto product = CheckedMultiply(millionths_, factor);
  return product.has_value() ? std::optional(Decimal(*product)) : std::nullopt;
}

std::string Decimal::ToString() const {
  const bool negative = millionths_ < 0;
  std::string text = std::to_string(millionths_);
  if (negative) text.erase(0, 1);
  if (text.size() < 7) text.insert(0, 7 - text.size(), '0');
  text.insert(text.size() - 6, ".");
  while (text.back() == '0' && text.find('.') + 3 < text.size()) text.pop_back();
  return (negative ? "-" : "") + text;
}

}  // namespace shop
