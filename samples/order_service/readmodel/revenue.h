// The revenue report: what was paid less what was given back, by day, country and currency.

#ifndef SHOP_READMODEL_REVENUE_H_
#define SHOP_READMODEL_REVENUE_H_

#include <string>

#include "absl/status/statusor.h"
#include "api/api.pb.h"
#include "daybook/projection.h"

namespace shop {

inline constexpr char kRevenue[] = "revenue";

// An order counts on the day it is paid and, where that is undone, the refund on the day it is
// cancelled; a credit note on the day it is issued. A day is UTC's; where the event does not tell
// it, that on which it was recorded.
daybook::ProjectionOptions RevenueOptions(const std::string& folder);
daybook::ProjectionHandlers RevenueHandlers();

struct RevenueQuery {
  std::string from = {};  // days, both included; empty: all
  std::string to = {};
  std::string country = {};  // empty: all
};

absl::StatusOr<api::v1::RevenueReport> ReportRevenue(daybook::ProjectionReader& reader,
                                                     const RevenueQuery& query);

}  // namespace shop

#endif  // SHOP_READMODEL_REVENUE_H_
