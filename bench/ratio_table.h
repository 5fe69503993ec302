// Runs the registered benchmarks, and prints how each subject compares with the first.

#ifndef DAYBOOK_BENCH_RATIO_TABLE_H_
#define DAYBOOK_BENCH_RATIO_TABLE_H_

#include <string>

namespace daybook::bench {

// Benchmarks are named "work/subject": all subjects of one work are a row of the table, in the
// order of registration. A cell is the subject's rate, relative to the first subject's, each the
// median of all repetitions; the first column shows the first subject's own rate. Counters that are
// not rates (latencies) are printed below, as they are.
//
// Unless told otherwise by flags of Google Benchmark: 9 repetitions, in random order over all
// benchmarks, so that what disturbs the machine disturbs all subjects alike.
int RunAndPrintRatios(int argc, char** argv);

}  // namespace daybook::bench

#endif  // DAYBOOK_BENCH_RATIO_TABLE_H_
