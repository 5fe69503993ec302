// Reading CSV files, row by row.

#ifndef SHOP_IMPORT_CSV_H_
#define SHOP_IMPORT_CSV_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace shop {

struct CsvRow {
  int64_t line = 0;  // where it begins in the file, from 1
  std::vector<std::string> fields = {};
};

// Calls `on_row` for each row; empty lines are none. Ends of line may be LF or CRLF. Fields are
// UTF-8: what is not is taken for Latin-1. kNotFound: the file cannot be opened.
// kInvalidArgument: its quotes do not match; the message names the line.
absl::Status ReadCsv(const std::string& path, const std::function<void(CsvRow row)>& on_row);

}  // namespace shop

#endif  // SHOP_IMPORT_CSV_H_
