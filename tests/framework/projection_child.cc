// projection_child LOG FOLDER [rebuild]: the process that projection_kill_test kills. It fills the
// ledger until its input ends. A report says that it has the lease.

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <iostream>
#include <mutex>
#include <string_view>

#include "daybook/projection.h"
#include "daybook/sqlite_event_store.h"
#include "fault/child_process.h"
#include "ledger_model.h"

namespace daybook::test {
namespace {

int End(const absl::Status& status) {
  std::cerr << status << std::endl;
  return 2;
}

int Main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc < 3) return 1;
  auto store = SqliteEventStore::Open({.path = argv[1]});
  if (!store.ok()) return End(store.status());
  std::promise<void> running;
  ProjectionOptions options = LedgerOptions(argv[2]);
  std::once_flag told;
  options.on_state = [&](int64_t, SubscriptionState state, const absl::Status&) {
    if (state == SubscriptionState::kRunning) std::call_once(told, [&] { running.set_value(); });
  };
  SqliteProjection ledger(**store, options, LedgerHandlers());
  if (absl::Status started = ledger.Start(); !started.ok()) return End(started);
  if (argc > 3 && std::string_view(argv[3]) == "rebuild") {
    if (absl::Status asked = ledger.Rebuild(); !asked.ok()) return End(asked);
  }
  running.get_future().wait();
  const fault::Report ready;
  if (write(STDOUT_FILENO, &ready, sizeof(ready)) != sizeof(ready)) return 3;
  char byte;
  while (read(STDIN_FILENO, &byte, 1) == 1) {
  }
  return 0;
}

}  // namespace
}  // namespace daybook::test

int main(int argc, char** argv) { return daybook::test::Main(argc, argv); }
