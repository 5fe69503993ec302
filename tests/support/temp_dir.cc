#include "support/temp_dir.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace daybook::test {

TempDir::TempDir() {
  const std::filesystem::path memory = "/dev/shm";
  const bool in_memory = std::getenv("TMPDIR") == nullptr && std::filesystem::exists(memory);
  const std::filesystem::path parent = in_memory ? memory : std::filesystem::temp_directory_path();
  path_ = (parent / "daybook-test-XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no folder in " + parent.string());
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace daybook::test
