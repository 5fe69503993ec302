#include "subscription/process.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace daybook::internal {
namespace {

// The lines of proc(5) are short.
std::string Read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string LinkAt(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::read_symlink(path, ignored).string();
}

struct Stat {
  int64_t pid = 0;
  char state = '?';
  int64_t started_at = 0;  // in clock ticks since the boot
};

std::optional<Stat> ReadStat(const std::string& process) {
  const std::string line = Read(absl::StrCat("/proc/", process, "/stat"));
  // "pid (name) state …": the name may hold anything.
  const size_t name_end = line.rfind(')');
  Stat stat;
  if (name_end == std::string::npos || name_end + 2 >= line.size() ||
      !absl::SimpleAtoi(line.substr(0, line.find(' ')), &stat.pid)) {
    return std::nullopt;
  }
  const std::vector<std::string> rest = absl::StrSplit(line.substr(name_end + 2), ' ');
  constexpr size_t kStartTime = 22 - 3;
  if (rest.size() <= kStartTime || !absl::SimpleAtoi(rest[kStartTime], &stat.started_at)) {
    return std::nullopt;
  }
  stat.state = rest.front().front();
  return stat;
}

// Where numbers and start times of processes mean the same as here; empty if that is not known.
std::string Place() {
  const std::string boot = Read("/proc/sys/kernel/random/boot_id");
  const std::string processes = LinkAt("/proc/self/ns/pid");
  const std::optional<Stat> self = ReadStat("self");
  // A /proc of another namespace counts otherwise.
  if (boot.empty() || processes.empty() || !self.has_value() || self->pid != getpid()) return {};
  return absl::StrCat(boot, processes, LinkAt("/proc/self/ns/time"));
}

bool HasThreads(pid_t pid) {
  std::error_code error;
  std::filesystem::directory_iterator thread(absl::StrCat("/proc/", pid, "/task"), error);
  int count = 0;
  for (; !error && thread != std::filesystem::directory_iterator(); thread.increment(error)) {
    ++count;
  }
  return error || count > 1;
}

}  // namespace

void IdentifySelf(ProcessRow& row) {
  const std::string place = Place();
  const std::optional<Stat> self = ReadStat("self");
  if (place.empty() || !self.has_value()) return;
  row.set_place(place);
  row.set_pid(self->pid);
  row.set_started_at(self->started_at);
}

bool HasEnded(const ProcessRow& row) {
  if (row.place().empty() || row.pid() <= 0 || row.place() != Place()) return false;
  const auto pid = static_cast<pid_t>(row.pid());
  if (kill(pid, 0) != 0 && errno == ESRCH) return true;
  const std::optional<Stat> stat = ReadStat(std::to_string(pid));
  if (!stat.has_value()) return false;  // it may be hidden from us
  if (stat->started_at != row.started_at()) return true;
  // One that nobody has waited for; but a main thread may end before the others.
  return (stat->state == 'Z' || stat->state == 'X') && !HasThreads(pid);
}

}  // namespace daybook::internal
