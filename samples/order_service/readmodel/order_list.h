// The order list: one row for each order, by status and by customer.

#ifndef SHOP_READMODEL_ORDER_LIST_H_
#define SHOP_READMODEL_ORDER_LIST_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "api/api.pb.h"
#include "daybook/projection.h"

namespace shop {

inline constexpr char kOrderList[] = "order-list";

daybook::ProjectionOptions OrderListOptions(const std::string& folder);
daybook::ProjectionHandlers OrderListHandlers();

struct OrderListQuery {
  std::string status = {};    // empty: any
  std::string customer = {};  // empty: any
  std::string behind = {};    // the id that the page before ended with
  int64_t limit = 100;
};

// By id. `next` is left empty.
absl::StatusOr<api::v1::OrderList> ListOrders(daybook::ProjectionReader& reader,
                                              const OrderListQuery& query);

}  // namespace shop

#endif  // SHOP_READMODEL_ORDER_LIST_H_
