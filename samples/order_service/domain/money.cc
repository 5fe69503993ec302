#include "domain/money.h"

#include <algorithm>
#include <array>

namespace shop {
namespace {

int MinorDigits(std::string_view currency) {
  constexpr std::array<std::string_view, 5> kNone = {"CLP", "ISK", "JPY", "KRW", "VND"};
  constexpr std::array<std::string_view, 5> kThree = {"BHD", "JOD", "KWD", "OMR", "TND"};
  if (std::find(kNone.begin(), kNone.end(), currency) != kNone.end()) return 0;
  if (std::find(kThree.begin(), kThree.end(), currency) != kThree.end()) return 3;
  return 2;
}

}  // namespace

bool IsCurrency(std::string_view code) {
  return code.size() == 3 &&
         std::all_of(code.begin(), code.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::optional<int64_t> CheckedAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

std::optional<int64_t> CheckedMultiply(int64_t a, int64_t b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

std::string FormatMoney(int64_t minor, std::string_view currency) {
  const int digits = MinorDigits(currency);
  std::string text = std::to_string(minor);
  const bool negative = text[0] == '-';
  if (negative) text.erase(0, 1);
  if (text.size() <= static_cast<size_t>(digits)) text.insert(0, digits + 1 - text.size(), '0');
  for (int at = static_cast<int>(text.size()) - digits - 3; at > 0; at -= 3) text.insert(at, ",");
  if (digits > 0) text.insert(text.size() - digits, ".");
  return (negative ? "-" : "") + text + " " + std::string(currency);
}

}  // namespace shop
