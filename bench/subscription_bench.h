#ifndef DAYBOOK_BENCH_SUBSCRIPTION_BENCH_H_
#define DAYBOOK_BENCH_SUBSCRIPTION_BENCH_H_

#include <string>

#include "ratio_table.h"
#include "stores.h"

namespace daybook::bench {

// A name that has not been used, so that what goes by it begins at the beginning.
std::string NewName();

void AddProjections(const ScratchFolder& folder);

}  // namespace daybook::bench

#endif  // DAYBOOK_BENCH_SUBSCRIPTION_BENCH_H_
