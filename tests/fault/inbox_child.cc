// inbox_child INBOX LOG FIRST MOOD: the process that inbox_kill_test kills. It receives the
// messages from number FIRST on until its input ends, and acknowledges each fourth, with those
// before it, by a report; another report before that says it is ready. LOG empty: the effects are
// in the inbox's file. MOOD sick or well; a well one also replays what is parked, at the same time.

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string_view>
#include <thread>

#include "daybook/sqlite_event_store.h"
#include "fault/child_process.h"
#include "fault/inbox_effects.h"

namespace daybook::fault {
namespace {

[[noreturn]] void End(const absl::Status& status) {
  std::cerr << status << std::endl;
  std::_Exit(2);
}

void Acknowledge(int64_t number) {
  Report report;
  report.version = number;
  if (write(STDOUT_FILENO, &report, sizeof(report)) != sizeof(report)) std::_Exit(3);
}

void ReceiveFrom(Inbox& inbox, int64_t first) {
  for (int64_t number = first;; ++number) {
    const absl::StatusOr<Receipt> receipt = inbox.Receive(MessageOf(number));
    if (!receipt.ok()) End(receipt.status());
    if (number % 4 == 0) Acknowledge(number);
  }
}

void ReplayForEver(Inbox& inbox) {
  while (true) {
    if (absl::Status replayed = inbox.ReplayAll(); !replayed.ok()) End(replayed);
  }
}

int Main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc < 5) return 1;
  const Mood mood = std::string_view(argv[4]) == "sick" ? Mood::kSick : Mood::kWell;
  std::unique_ptr<SqliteEventStore> log;
  if (*argv[2] != '\0') {
    auto store = SqliteEventStore::Open({.path = argv[2]});
    if (!store.ok()) End(store.status());
    log = *std::move(store);
  }
  auto inbox = Inbox::Open(EffectOptions(argv[1]),
                           log == nullptr ? EffectsInTheFile(mood) : EffectsInALog(*log, mood));
  if (!inbox.ok()) End(inbox.status());
  Acknowledge(0);
  char byte;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 0;
  std::jthread replayer;
  if (mood == Mood::kWell) replayer = std::jthread([&] { ReplayForEver(**inbox); });
  ReceiveFrom(**inbox, std::atoll(argv[3]));
  return 0;
}

}  // namespace
}  // namespace daybook::fault

int main(int argc, char** argv) { return daybook::fault::Main(argc, argv); }
