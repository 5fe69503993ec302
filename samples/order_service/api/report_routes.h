// What is answered from the read models.

#ifndef SHOP_API_REPORT_ROUTES_H_
#define SHOP_API_REPORT_ROUTES_H_

#include <httplib.h>

#include "absl/status/statusor.h"
#include "api/router.h"
#include "readmodel/read_models.h"

namespace shop {

// Whether a GET /orders asks for the order list, with the details of each order, by its status or
// its customer.
bool AsksForList(const httplib::Request& request);

// ?status=S&customer=C&from=ID&limit=N&after=POSITION.
absl::StatusOr<Reply> ShowList(ReadModels& models, const httplib::Request& request);

// GET /reports/revenue?from=DAY&to=DAY&country=C&after=POSITION. The models outlive the router.
//
// With `after`, the Daybook-Position of a write, both wait until that write is to be seen; 503 if
// that takes long.
void AddReportRoutes(ReadModels& models, Router& router);

}  // namespace shop

#endif  // SHOP_API_REPORT_ROUTES_H_
