// The lines of an order or of a credit note, and the rules that hold for both.

#ifndef SHOP_DOMAIN_LINES_H_
#define SHOP_DOMAIN_LINES_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace shop {

// What somebody wants to add.
struct NewLine {
  std::string sku = {};
  std::string description = {};
  int64_t quantity = 0;
  int64_t unit_price_minor = 0;
};

struct Line {
  std::string sku = {};
  std::string description = {};
  int32_t quantity = 0;
  int64_t unit_price_minor = 0;

  int64_t amount_minor() const { return quantity * unit_price_minor; }
};

// A value. Lines are numbered from 1; a number is never used again.
class Lines {
 public:
  static constexpr int kMaxLines = 5000;
  static constexpr int kMaxQuantity = 1'000'000;

  // May this be added? A stock code, a positive quantity, a positive price, a total that fits.
  absl::Status CheckNew(const NewLine& line) const;

  // May the line get this quantity? kNotFound: there is no such line.
  absl::Status CheckQuantity(int number, int64_t quantity) const;

  // nullptr: there is no such line.
  const Line* Find(int number) const;

  int next_number() const { return last_number_ + 1; }
  int64_t total_minor() const { return total_minor_; }
  bool empty() const { return lines_.empty(); }
  const std::map<int, Line>& all() const { return lines_; }

  // These follow what has happened, and ask nothing.
  void Add(int number, Line line);
  void SetQuantity(int number, int32_t quantity);
  void Remove(int number);

 private:
  std::map<int, Line> lines_;
  int last_number_ = 0;
  int64_t total_minor_ = 0;
};

}  // namespace shop

#endif  // SHOP_DOMAIN_LINES_H_
