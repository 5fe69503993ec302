// fault_child ROLE PATH [TAG [NUMBER]]: the process that the fault tests kill, and race against.
// It opens the log at PATH, reports that it is ready, and plays its role until its input ends.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "daybook/sqlite_event_store.h"
#include "daybook/status.h"
#include "fault/child_process.h"
#include "fault/support.h"

namespace daybook::fault {
namespace {

std::atomic<bool> input_has_ended = false;

Report MakeReport(const std::string& stream, const Appended& at, const EventId& id) {
  Report report;
  stream.copy(report.stream.data(), report.stream.size() - 1);
  report.version = at.version.value();
  report.position = at.position.value();
  std::copy(id.bytes().begin(), id.bytes().end(), report.id.begin());
  report.steady_nanoseconds = std::chrono::steady_clock::now().time_since_epoch().count();
  return report;
}

void Send(const Report& report) {
  if (write(STDOUT_FILENO, &report, sizeof(report)) != sizeof(report)) std::_Exit(3);
}

void Tell(const std::string& stream, const Appended& at, const EventId& id) {
  Send(MakeReport(stream, at, id));
}

bool WaitForPoke() {
  char byte;
  return read(STDIN_FILENO, &byte, 1) == 1;
}

[[noreturn]] void Stop(const absl::Status& status) {
  std::cerr << status << std::endl;
  std::_Exit(2);
}

// Appends to streams that all threads and all children share, and to one of the thread's own.
void AppendAtRandom(SqliteEventStore& store, const std::string& tag, int thread) {
  std::mt19937_64 random(std::hash<std::string>()(tag) + static_cast<uint64_t>(thread));
  const std::string own = "own-" + tag + "-" + std::to_string(thread);
  int64_t version = 0;
  while (!input_has_ended) {
    AppendRequest request{.streams = {{.stream = own, .expected = Version(version)}}};
    if (random() % 2 == 0) {
      request.streams.push_back({.stream = "shared-" + std::to_string(random() % 4)});
    }
    if (random() % 8 == 0) {
      request.row_changes = {{"child", own, std::to_string(version)}};
    }
    for (StreamAppend& append : request.streams) {
      append.events.push_back(MakeEvent(EventId::Generate(), std::string(random() % 600, 'x')));
    }
    absl::StatusOr<AppendResult> answer = store.Append(request);
    if (!answer.ok()) Stop(answer.status());
    version = answer->streams[0].version.value();
    for (size_t s = 0; s < request.streams.size(); ++s) {
      Tell(request.streams[s].stream, answer->streams[s], request.streams[s].events[0].id);
    }
  }
}

// Races for each next version of a few streams.
void RaceForVersions(SqliteEventStore& store, const std::string&, int thread) {
  for (int round = thread; !input_has_ended; ++round) {
    const std::string stream = "race-" + std::to_string(round % 3);
    absl::StatusOr<StreamState> state = store.State(stream);
    if (!state.ok()) Stop(state.status());
    const EventId id = EventId::Generate();
    absl::StatusOr<Appended> won = store.Append(stream, state->version, {MakeEvent(id)});
    if (won.ok()) {
      if (won->version != state->version + 1)
        Stop(absl::InternalError("won at a version not raced for"));
      Tell(stream, *won, id);
    } else if (!IsConflict(won.status())) {
      Stop(won.status());
    }
  }
}

// Appends without a belief about versions.
Report AppendOne(SqliteEventStore& store, const std::string& stream) {
  const EventId id = EventId::Generate();
  absl::StatusOr<Appended> at = store.Append(stream, ExpectedVersion::Any(), {MakeEvent(id)});
  if (!at.ok()) Stop(at.status());
  return MakeReport(stream, *at, id);
}

void AppendOnly(SqliteEventStore& store, const std::string& tag, int thread) {
  const std::string stream = "only-" + tag + "-" + std::to_string(thread);
  while (!input_has_ended) Send(AppendOne(store, stream));
}

// Does nothing else between two appends, so that another process starves that depends on the time
// between them.
void AppendGreedily(SqliteEventStore& store, const std::string& tag, int appends) {
  if (!WaitForPoke()) return;
  for (int i = 0; i < appends; ++i) AppendOne(store, "greedy-" + tag);
}

void AppendSilently(SqliteEventStore& store, const std::string& tag, int thread) {
  const std::string stream = "silent-" + tag + "-" + std::to_string(thread);
  while (!input_has_ended) AppendOne(store, stream);
}

// One append for each poke.
void AppendWhenPoked(SqliteEventStore& store) {
  while (WaitForPoke()) Send(AppendOne(store, "poked-1"));
}

// Waits for what never comes until its input ends, and reports its processor time as a version.
void WaitIdly(SqliteEventStore& store) {
  std::stop_source stop;
  std::jthread waiter([&] {
    const auto for_ever = std::chrono::steady_clock::now() + std::chrono::hours(1);
    store.WaitBeyond(Position(kNoLimit), for_ever, stop.get_token()).status().IgnoreError();
  });
  while (WaitForPoke()) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto microseconds = [](const timeval& t) { return t.tv_sec * 1'000'000 + t.tv_usec; };
    Tell("cpu", {Version(microseconds(usage.ru_utime) + microseconds(usage.ru_stime)), {}}, {});
  }
  stop.request_stop();
}

// Opens the log as a user with no rights of his own, and reports the status code as a version.
int OpenAsNobody(const std::string& path) {
  constexpr uid_t kNobody = 65534;
  if (geteuid() == 0 && (setgid(kNobody) != 0 || setuid(kNobody) != 0)) return 4;
  const absl::Status opened = SqliteEventStore::Open({.path = path}).status();
  Tell("opened", {Version(static_cast<int64_t>(opened.code())), {}}, {});
  return 0;
}

using Role = void (*)(SqliteEventStore&, const std::string&, int);

void PlayOnThreads(Role role, SqliteEventStore& store, const std::string& tag, int threads) {
  if (!WaitForPoke()) return;
  std::vector<std::jthread> crew;
  for (int thread = 0; thread < threads; ++thread) {
    crew.emplace_back([&, thread] { role(store, tag, thread); });
  }
  while (WaitForPoke()) {
  }
  input_has_ended = true;
}

int Main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc < 3) {
    std::cerr << "usage: fault_child ROLE PATH [TAG [NUMBER]]\n";
    return 1;
  }
  const std::string role = argv[1];
  const std::string tag = argc > 3 ? argv[3] : "";
  const int number = argc > 4 ? std::atoi(argv[4]) : 1;
  if (role == "nobody") return OpenAsNobody(argv[2]);
  auto store = SqliteEventStore::Open({.path = argv[2], .wal_limit = 4 << 20});
  if (!store.ok()) Stop(store.status());
  Tell("ready", {}, {});
  if (role == "append") PlayOnThreads(AppendAtRandom, **store, tag, number);
  if (role == "race") PlayOnThreads(RaceForVersions, **store, tag, number);
  if (role == "only") PlayOnThreads(AppendOnly, **store, tag, number);
  if (role == "greedy") AppendGreedily(**store, tag, number);
  if (role == "silent") PlayOnThreads(AppendSilently, **store, tag, number);
  if (role == "poked") AppendWhenPoked(**store);
  if (role == "idle") WaitIdly(**store);
  return 0;
}

}  // namespace
}  // namespace daybook::fault

int main(int argc, char** argv) { return daybook::fault::Main(argc, argv); }
