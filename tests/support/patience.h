#ifndef DAYBOOK_TESTS_SUPPORT_PATIENCE_H_
#define DAYBOOK_TESTS_SUPPORT_PATIENCE_H_

#include <chrono>
#include <cstdlib>

namespace daybook::test {

// How long a test waits for what must come: long enough for a machine that is busy. Where it never
// comes because a mutant is tried, tests/mutants/run sets DAYBOOK_TEST_PATIENCE, in seconds.
inline std::chrono::seconds Patience() {
  const char* const seconds = std::getenv("DAYBOOK_TEST_PATIENCE");
  return std::chrono::seconds(seconds == nullptr ? 60 : std::atoi(seconds));
}

inline std::chrono::steady_clock::time_point Soon() {
  return std::chrono::steady_clock::now() + Patience();
}

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_SUPPORT_PATIENCE_H_
