#include "fault/crash_disk.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>

namespace daybook::fault {
namespace {

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

template <typename State>
std::vector<State> Between(const std::vector<State>& states, uint64_t begin, uint64_t end) {
  std::vector<State> between;
  std::copy_if(states.begin(), states.end(), std::back_inserter(between),
               [&](const State& state) { return begin < state.when && state.when < end; });
  return between;
}

}  // namespace

class CrashDisk::File {
 public:
  std::string durable;
  std::string current;
  std::map<uint64_t, std::vector<SectorState>>
      sectors;                         // written since the last sync, oldest first
  std::vector<SizeState> sizes;        // it grew to
  std::vector<SizeState> truncations;  // it was cut to
  uint64_t failed_syncs = 0;
};

// Draws, for one power cut, which of the states since the last sync reached the disk.
class CrashDisk::Survival {
 public:
  Survival(std::mt19937_64& random, uint64_t now) : random_(random) {
    static constexpr double kKeep[] = {0, 0.1, 0.5, 0.9};
    ordered_ = Below(4) == 0;
    keep_ = kKeep[Below(std::size(kKeep))];
    reached_ = now - Below(std::min<uint64_t>(now, kRecent) + 1);
  }

  // How many of `states` reached the disk: 0 is the durable one alone.
  template <typename State>
  size_t Draw(const std::vector<State>& states) {
    if (states.empty()) return 0;
    if (ordered_) {
      return std::count_if(states.begin(), states.end(),
                           [&](const State& state) { return state.when <= reached_; });
    }
    if (!Chance(keep_)) return 0;
    return Chance(0.5) ? states.size() : Below(states.size() + 1);
  }

  bool NewNameReached() { return Chance(0.5); }

 private:
  static constexpr uint64_t kRecent = 64;

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool Chance(double p) { return static_cast<double>(random_() >> 11) * 0x1p-53 < p; }

  std::mt19937_64& random_;
  bool ordered_;
  double keep_;
  uint64_t reached_;
};

CrashDisk::FilePtr CrashDisk::Find(const std::string& path) const {
  auto found = names_.find(path);
  return found == names_.end() ? nullptr : found->second;
}

CrashDisk::FilePtr CrashDisk::Create(const std::string& path) {
  ++now_;
  return names_[path] = std::make_shared<File>();
}

CrashDisk::FilePtr CrashDisk::Adopt(const std::string& path, std::string content) {
  auto file = std::make_shared<File>();
  file->durable = content;
  file->current = std::move(content);
  return names_[path] = durable_names_[path] = std::move(file);
}

void CrashDisk::Delete(const std::string& path) {
  ++now_;
  names_.erase(path);
}

void CrashDisk::Write(File& file, uint64_t offset, std::string_view data) {
  if (data.empty()) return;
  ++now_;
  if (offset + data.size() > file.current.size()) {
    file.current.resize(offset + data.size());
    file.sizes.push_back({now_, file.current.size()});
  }
  file.current.replace(offset, data.size(), data);
  const uint64_t end = offset + data.size();
  for (uint64_t sector = offset / kSectorBytes; sector * kSectorBytes < end; ++sector) {
    SectorState state{.when = now_, .bytes = {}};
    file.current.copy(state.bytes.data(), kSectorBytes, sector * kSectorBytes);
    file.sectors[sector].push_back(state);
  }
}

void CrashDisk::Truncate(File& file, uint64_t size) {
  ++now_;
  file.current.resize(size);
  file.truncations.push_back({now_, size});
}

void CrashDisk::Sync(File& file) {
  for (const auto& [when, size] : file.truncations) {
    if (size < file.durable.size()) file.durable.resize(size);
  }
  file.durable.resize(file.current.size());
  for (const auto& [sector, states] : file.sectors) {
    const uint64_t offset = sector * kSectorBytes;
    if (offset >= file.current.size()) continue;
    const size_t length = std::min<size_t>(kSectorBytes, file.current.size() - offset);
    file.durable.replace(offset, length, file.current, offset, length);
  }
  file.sectors.clear();
  file.sizes.clear();
  file.truncations.clear();
}

uint64_t CrashDisk::FailedSyncs(const File& file) { return file.failed_syncs; }

void CrashDisk::FailSync(File& file, std::mt19937_64& random) {
  ++file.failed_syncs;
  Survival survival(random, now_);
  file.durable = Survivor(file, survival);
  file.sectors.clear();
  file.sizes.clear();
  file.truncations.clear();
}

std::string CrashDisk::Survivor(const File& file, Survival& survival) {
  std::string content = file.durable;
  const size_t truncations = survival.Draw(file.truncations);
  for (size_t i = 0; i < truncations; ++i) {
    if (file.truncations[i].size < content.size()) content.resize(file.truncations[i].size);
  }
  const uint64_t begin = truncations == 0 ? 0 : file.truncations[truncations - 1].when;
  const uint64_t end =
      truncations == file.truncations.size() ? kNever : file.truncations[truncations].when;
  const auto sizes = Between(file.sizes, begin, end);
  if (const size_t grown = survival.Draw(sizes); grown > 0) {
    content.resize(std::max<uint64_t>(content.size(), sizes[grown - 1].size));
  }
  for (const auto& [sector, all_states] : file.sectors) {
    const auto states = Between(all_states, begin, end);
    const size_t reached = survival.Draw(states);
    const uint64_t offset = sector * kSectorBytes;
    if (reached == 0 || offset >= content.size()) continue;
    const size_t length = std::min<size_t>(kSectorBytes, content.size() - offset);
    content.replace(offset, length, states[reached - 1].bytes.data(), length);
  }
  return content;
}

void CrashDisk::Materialize(const std::string& folder, uint64_t seed) const {
  std::mt19937_64 random(seed);
  Survival survival(random, now_);
  std::set<std::string> paths;
  for (const auto& [path, file] : names_) paths.insert(path);
  for (const auto& [path, file] : durable_names_) paths.insert(path);
  for (const std::string& path : paths) {
    auto durable = durable_names_.find(path);
    FilePtr file = durable == durable_names_.end() ? nullptr : durable->second;
    if (FilePtr current = Find(path); current != file && survival.NewNameReached()) file = current;
    if (file == nullptr) continue;
    const auto target = std::filesystem::path(folder) / std::filesystem::path(path).filename();
    std::ofstream(target, std::ios::binary) << Survivor(*file, survival);
  }
}

}  // namespace daybook::fault
