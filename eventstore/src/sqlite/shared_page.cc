#include "sqlite/shared_page.h"

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

constexpr size_t kPageBytes = 4096;

}  // namespace

absl::StatusOr<std::unique_ptr<SharedPage>> SharedPage::Open(const std::string& database) {
  DAYBOOK_ASSIGN_OR_RETURN(const int file, OpenSidecar(database));
  void* page = MAP_FAILED;
  if (ftruncate(file, kPageBytes) == 0) {
    page = mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  const int error = errno;
  close(file);
  if (page == MAP_FAILED) {
    return MakeStatus(
        error == ENOSPC ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
        absl::StrCat("mapping ", database, "-turn: ", std::strerror(error)));
  }
  return std::unique_ptr<SharedPage>(new SharedPage(page));
}

SharedPage::SharedPage(void* page) : page_(page), words_(*static_cast<Words*>(page)) {}

SharedPage::~SharedPage() { munmap(page_, kPageBytes); }

void SharedPage::Ring() {
  words_.rings.fetch_add(1, std::memory_order_release);
  FutexWakeAll(words_.rings);
}

}  // namespace daybook::internal
