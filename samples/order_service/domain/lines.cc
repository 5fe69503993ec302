#include "domain/lines.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "domain/money.h"
#include "domain/text.h"

namespace shop {
namespace {

constexpr size_t kMaxSku = 64;
constexpr size_t kMaxDescription = 500;

absl::Status CheckAmount(int64_t other_lines, int64_t quantity, int64_t unit_price_minor) {
  if (quantity <= 0) return absl::InvalidArgumentError("the quantity is not positive");
  if (quantity > Lines::kMaxQuantity) {
    return absl::InvalidArgumentError(
        absl::StrCat("the quantity is more than ", Lines::kMaxQuantity));
  }
  if (unit_price_minor <= 0) return absl::InvalidArgumentError("the unit price is not positive");
  const std::optional<int64_t> amount = CheckedMultiply(quantity, unit_price_minor);
  if (!amount.has_value() || !CheckedAdd(other_lines, *amount).has_value()) {
    return absl::OutOfRangeError("the total is too large");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Lines::CheckNew(const NewLine& line) const {
  if (absl::Status sku = CheckRequired("the stock code", line.sku, kMaxSku); !sku.ok()) return sku;
  if (absl::Status text = CheckText("the description", line.description, kMaxDescription);
      !text.ok()) {
    return text;
  }
  if (lines_.size() >= kMaxLines) {
    return absl::OutOfRangeError(absl::StrCat("there are ", kMaxLines, " lines already"));
  }
  return CheckAmount(total_minor_, line.quantity, line.unit_price_minor);
}

absl::Status Lines::CheckQuantity(int number, int64_t quantity) const {
  const Line* line = Find(number);
  if (line == nullptr) return absl::NotFoundError(absl::StrCat("there is no line ", number));
  return CheckAmount(total_minor_ - line->amount_minor(), quantity, line->unit_price_minor);
}

const Line* Lines::Find(int number) const {
  const auto found = lines_.find(number);
  return found == lines_.end() ? nullptr : &found->second;
}

void Lines::Add(int number, Line line) {
  total_minor_ += line.amount_minor();
  last_number_ = number;
  lines_.insert_or_assign(number, std::move(line));
}

void Lines::SetQuantity(int number, int32_t quantity) {
  Line& line = lines_.at(number);
  total_minor_ -= line.amount_minor();
  line.quantity = quantity;
  total_minor_ += line.amount_minor();
}

void Lines::Remove(int number) {
  const auto found = lines_.find(number);
  if (found == lines_.end()) return;
  total_minor_ -= found->second.amount_minor();
  lines_.erase(found);
}

}  // namespace shop
