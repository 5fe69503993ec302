// A disk that may forget whatever was not synced: the model behind FaultVfs. It knows nothing of
// SQLite.

#ifndef DAYBOOK_TESTS_FAULT_CRASH_DISK_H_
#define DAYBOOK_TESTS_FAULT_CRASH_DISK_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace daybook::fault {

// For every file: what its last sync made durable, and each state that each 512-byte sector, the
// size and the name have had since. Not thread-safe.
//
// After a power cut every sector holds, independently of the others, what was durable or any of
// its later states; so do sizes and names. A truncation happens whole or not at all, and what was
// written after one that did not happen is gone. That is more than most disks do to a file, and no
// less than what SQLite says it survives.
class CrashDisk {
 public:
  static constexpr size_t kSectorBytes = 512;

  class File;
  using FilePtr = std::shared_ptr<File>;

  // The file of that name; null if there is none.
  FilePtr Find(const std::string& path) const;

  // A new, empty file. Its name lasts once SyncNames() has been called.
  FilePtr Create(const std::string& path);
  // A file that has been there, durably, all along.
  FilePtr Adopt(const std::string& path, std::string content);
  void Delete(const std::string& path);
  void SyncNames() { durable_names_ = names_; }

  void Write(File& file, uint64_t offset, std::string_view data);
  void Truncate(File& file, uint64_t size);
  void Sync(File& file);

  // A sync that failed: an arbitrary part became durable, and the rest never will, although reads
  // still show it, unless it is written once more.
  void FailSync(File& file, std::mt19937_64& random);
  static uint64_t FailedSyncs(const File& file);

  // Writes what a power cut at this moment could leave behind into `folder`; one outcome for each
  // seed.
  void Materialize(const std::string& folder, uint64_t seed) const;

 private:
  struct SectorState {
    uint64_t when;
    std::array<char, kSectorBytes> bytes;
  };
  struct SizeState {
    uint64_t when;
    uint64_t size;
  };
  class Survival;

  static std::string Survivor(const File& file, Survival& survival);

  uint64_t now_ = 0;
  std::map<std::string, FilePtr> names_;
  std::map<std::string, FilePtr> durable_names_;
};

}  // namespace daybook::fault

#endif  // DAYBOOK_TESTS_FAULT_CRASH_DISK_H_
