// An import, for people.

#ifndef SHOP_IMPORT_PRINT_H_
#define SHOP_IMPORT_PRINT_H_

#include <cstddef>
#include <functional>
#include <iosfwd>

#include "api/api.pb.h"

namespace shop {

void Print(std::ostream& out, const api::v1::ImportReport& report);

// A bar that is drawn over itself; for a terminal.
std::function<void(size_t done, size_t total)> ProgressBar(std::ostream& out);

}  // namespace shop

#endif  // SHOP_IMPORT_PRINT_H_
