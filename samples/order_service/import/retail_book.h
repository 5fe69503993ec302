// A retailer's book: invoices with their rows, from a CSV file with the columns of "Online Retail"
// (D. Chen, UCI Machine Learning Repository, CC BY 4.0):
//
//   InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
//
// The columns are found by name; InvoiceDate and Country may be missing. The amounts are pounds.

#ifndef SHOP_IMPORT_RETAIL_BOOK_H_
#define SHOP_IMPORT_RETAIL_BOOK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "domain/business_time.h"
#include "domain/lines.h"
#include "import/decimal.h"

namespace shop {

inline constexpr char kBookCurrency[] = "GBP";

struct BookRow {
  int64_t line = 0;     // in the file
  NewLine item = {};    // of a return: how many came back
  Decimal amount = {};  // quantity times price, as the file has them: negative for a return
};

// The rows that share an InvoiceNo. One that begins with 'C' is a return.
struct Invoice {
  std::string number = {};
  std::string customer_id = {};
  std::string country = {};    // of its first row
  BusinessTime first_at = {};  // of its earliest row
  BusinessTime last_at = {};
  std::vector<BookRow> rows = {};

  bool is_return() const { return number.front() == 'C'; }
};

// A row that became nothing, and why.
struct RefusedRow {
  int64_t line = 0;
  std::string invoice = {};
  std::string reason = {};
  std::optional<Decimal> amount = {};  // nullopt: it cannot be read
};

struct RetailBook {
  int64_t rows = 0;
  Decimal total = {};  // of all rows whose amount can be read
  std::vector<Invoice> invoices = {};
  std::vector<RefusedRow> unreadable = {};
};

// kInvalidArgument: not CSV, or a column is missing. kNotFound: no such file. kOutOfRange: the
// total does not fit.
absl::StatusOr<RetailBook> ReadRetailBook(const std::string& path);

}  // namespace shop

#endif  // SHOP_IMPORT_RETAIL_BOOK_H_
