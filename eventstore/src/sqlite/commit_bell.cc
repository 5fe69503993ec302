#include "sqlite/commit_bell.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "sqlite/turnstile.h"
#include "status_macros.h"

namespace daybook::internal {
namespace {

constexpr size_t kSharedBytes = 4096;

}  // namespace

absl::StatusOr<std::unique_ptr<CommitBell>> CommitBell::Open(const std::string& path) {
  DAYBOOK_ASSIGN_OR_RETURN(const int file, OpenSidecar(path));
  void* shared = MAP_FAILED;
  if (ftruncate(file, kSharedBytes) == 0) {
    shared = mmap(nullptr, kSharedBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  const int error = errno;
  close(file);
  if (shared == MAP_FAILED) {
    return MakeStatus(
        error == ENOSPC ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
        absl::StrCat("mapping ", path, ": ", std::strerror(error)));
  }
  return std::unique_ptr<CommitBell>(new CommitBell(shared));
}

CommitBell::CommitBell(void* shared) : shared_(shared), word_(*static_cast<FutexWord*>(shared)) {}

CommitBell::~CommitBell() { munmap(shared_, kSharedBytes); }

void CommitBell::Ring() {
  word_.fetch_add(1, std::memory_order_release);
  FutexWakeAll(word_);
}

}  // namespace daybook::internal
