// subscribing_child PATH [LEASE]: the process that the tests of subscriptions kill, stop and race
// against. It runs the subscription "items" on the log at PATH until its input ends, and reports
// each record as it is handled. A report without a stream says that it is ready. LEASE: in
// milliseconds.

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <latch>
#include <memory>
#include <string>
#include <utility>

#include "daybook/sqlite_event_store.h"
#include "daybook/subscription.h"
#include "fault/child_process.h"
#include "fault/subscriber.h"
#include "subscription/rows.h"
#include "support/watched_store.h"

namespace daybook::fault {
namespace {

void Send(const Report& report) {
  if (write(STDOUT_FILENO, &report, sizeof(report)) != sizeof(report)) std::_Exit(3);
}

[[noreturn]] void End(const absl::Status& status) {
  std::cerr << status << std::endl;
  std::_Exit(2);
}

// Notes each write of a subscription's row in the log itself, in the transaction that writes it.
class AuditedStore : public test::WatchedStore {
 public:
  using WatchedStore::Append;
  using WatchedStore::WatchedStore;

  absl::StatusOr<AppendResult> Append(const AppendRequest& request) override {
    AppendRequest audited = request;
    for (const Row& row : request.row_changes) {
      if (row.table != internal::kSubscriptionTable) continue;
      audited.streams.push_back(
          {.stream = kAuditStream, .events = {{.type = "RowWritten", .payload = *row.value}}});
    }
    return WatchedStore::Append(audited);
  }
};

absl::Status Handle(const RecordedEvent& event) {
  Report report;
  event.stream().copy(report.stream.data(), report.stream.size() - 1);
  report.version = event.version().value();
  report.position = event.position().value();
  report.steady_nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                  std::chrono::steady_clock::now().time_since_epoch())
                                  .count();
  Send(report);
  return absl::OkStatus();
}

int Main(const std::string& path, SubscriptionOptions options) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto store = SqliteEventStore::Open({.path = path, .durability = Durability::kProcess});
  if (!store.ok()) End(store.status());
  AuditedStore audited(**store);
  std::latch is_ready(1);  // what is handled is reported behind that
  Subscription subscription(audited, std::move(options), [&](const RecordedEvent& event) {
    is_ready.wait();
    return Handle(event);
  });
  if (absl::Status started = subscription.Start(); !started.ok()) End(started);
  Send({});
  is_ready.count_down();
  char byte;
  while (read(STDIN_FILENO, &byte, 1) == 1) {
  }
  return 0;
}

}  // namespace
}  // namespace daybook::fault

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return 64;
  daybook::SubscriptionOptions options = daybook::fault::ItemsOptions();
  if (argc == 3) options.lease = std::chrono::milliseconds(std::atoi(argv[2]));
  return daybook::fault::Main(argv[1], std::move(options));
}
