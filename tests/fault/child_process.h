// The other process of a test, that which is killed or raced against: see fault_child.cc.

#ifndef DAYBOOK_TESTS_FAULT_CHILD_PROCESS_H_
#define DAYBOOK_TESTS_FAULT_CHILD_PROCESS_H_

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "daybook/event.h"

namespace daybook::fault {

// What a child says on its standard output, each time in one write. The first says it is ready.
struct Report {
  std::array<char, 32> stream{};
  int64_t version = 0;
  int64_t position = 0;
  std::array<uint8_t, EventId::kSize> id{};
  int64_t steady_nanoseconds = 0;
};
static_assert(std::is_trivially_copyable_v<Report>);

// Runs fault_child, or another program, with these arguments. The destructor kills it and waits for
// its end.
class ChildProcess {
 public:
  explicit ChildProcess(const std::vector<std::string>& arguments);
  ChildProcess(const std::string& program, const std::vector<std::string>& arguments);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Waits for the next report; nullopt once the child has ended.
  std::optional<Report> Next();
  // Where poll() tells that Next() would not wait.
  int output() const { return output_; }

  // A byte on its standard input, and the end of it.
  void Poke();
  void CloseInput();

  void Kill();
  // Its exit code; -1 if it was killed.
  int Wait();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
};

}  // namespace daybook::fault

#endif  // DAYBOOK_TESTS_FAULT_CHILD_PROCESS_H_
