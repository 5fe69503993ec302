#ifndef DAYBOOK_TESTS_SUPPORT_TEMP_DIR_H_
#define DAYBOOK_TESTS_SUPPORT_TEMP_DIR_H_

#include <string>
#include <string_view>

namespace daybook::test {

// A fresh folder, in memory where the machine has that; it goes with its contents.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_SUPPORT_TEMP_DIR_H_
