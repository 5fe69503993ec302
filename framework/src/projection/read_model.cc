#include "daybook/projection.h"
#include "projection/sql_session.h"

namespace daybook {

absl::StatusOr<std::vector<ModelRow>> ReadModel::Run(std::string_view sql,
                                                     std::span<const SqlArgument> arguments) {
  return session_.Run(sql, arguments);
}

int64_t ModelRow::Int(size_t column) const {
  if (IsNull(column)) return 0;
  if (const auto* value = std::get_if<int64_t>(&values_[column])) return *value;
  const auto* value = std::get_if<double>(&values_[column]);
  return value == nullptr ? 0 : static_cast<int64_t>(*value);
}

double ModelRow::Real(size_t column) const {
  if (IsNull(column)) return 0;
  if (const auto* value = std::get_if<double>(&values_[column])) return *value;
  const auto* value = std::get_if<int64_t>(&values_[column]);
  return value == nullptr ? 0 : static_cast<double>(*value);
}

std::string_view ModelRow::Text(size_t column) const {
  if (IsNull(column)) return {};
  const auto* value = std::get_if<std::string>(&values_[column]);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

bool ModelRow::IsNull(size_t column) const {
  return column >= values_.size() || std::holds_alternative<std::nullptr_t>(values_[column]);
}

}  // namespace daybook
