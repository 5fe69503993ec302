// Daybook against bare SQLite statements that do the same. See docs/performance.md.

#include "ratio_table.h"
#include "stores.h"

int main(int argc, char** argv) {
  const daybook::bench::ScratchFolder folder;
  daybook::bench::AddAppends(folder);
  daybook::bench::AddReads(folder);
  daybook::bench::AddRepository(folder);
  return daybook::bench::RunAndPrintRatios(argc, argv);
}
