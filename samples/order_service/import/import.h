// Bringing a retailer's book into the shop, through the commands that everybody uses.

#ifndef SHOP_IMPORT_IMPORT_H_
#define SHOP_IMPORT_IMPORT_H_

#include <cstddef>
#include <functional>

#include "absl/status/statusor.h"
#include "api/api.pb.h"
#include "import/retail_book.h"
#include "shop.h"

namespace shop {

struct ImportOptions {
  int threads = 8;  // their commits are shared

  // Told how many invoices are done, from any of the threads, one call at a time.
  std::function<void(size_t done, size_t total)> on_progress = {};
};

// One order per invoice, placed at its earliest time, paid and shipped at its latest; one credit
// note per return, issued. An invoice that is there already is left alone. A row that breaks a rule
// is refused, and the rest of its invoice goes on.
//
// Nothing is rounded: a price with a fraction of a penny is refused. The totals of the report are
// read back from the log, and `reconciled` says whether orders less credit notes plus refused rows
// are what the file adds up to, and each invoice what its accepted rows add up to.
//
// An error from the store ends the import; what was imported stays, and the next run goes on.
absl::StatusOr<api::v1::ImportReport> Import(Shop& shop, const RetailBook& book,
                                             const ImportOptions& options = {});

}  // namespace shop

#endif  // SHOP_IMPORT_IMPORT_H_
