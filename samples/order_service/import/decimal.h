// Exact decimals, for adding up what a file says before any of it is believed.

#ifndef SHOP_IMPORT_DECIMAL_H_
#define SHOP_IMPORT_DECIMAL_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shop {

// A number with at most six decimals.
class Decimal {
 public:
  constexpr Decimal() = default;
  static constexpr Decimal FromMillionths(int64_t millionths) { return Decimal(millionths); }

  // REQUIRES: it fits: less than 9.2 * 10^14 of them.
  static constexpr Decimal FromHundredths(int64_t hundredths) {
    return Decimal(hundredths * 10'000);
  }

  // "17", "-17.25", "17.0". nullopt: anything else, more decimals, or out of range.
  static std::optional<Decimal> Parse(std::string_view text);

  // nullopt unless it is whole, or whole in hundredths.
  std::optional<int64_t> Whole() const;
  std::optional<int64_t> Hundredths() const;

  // nullopt if the result does not fit.
  std::optional<Decimal> Plus(Decimal other) const;
  std::optional<Decimal> Times(int64_t factor) const;

  // With two decimals, or as many as it needs: "-17.25".
  std::string ToString() const;

  friend constexpr auto operator<=>(Decimal, Decimal) = default;

 private:
  constexpr explicit Decimal(int64_t millionths) : millionths_(millionths) {}
  int64_t millionths_ = 0;
};

}  // namespace shop

#endif  // SHOP_IMPORT_DECIMAL_H_
