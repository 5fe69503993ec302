#ifndef DAYBOOK_SRC_SQLITE_TURNSTILE_H_
#define DAYBOOK_SRC_SQLITE_TURNSTILE_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace daybook::internal {

// Lets the writers of several processes pass in turn, which SQLite's own waiting does not. Two
// locks on a file: who has the room writes; who has the door is next. A writer that leaves the room
// and wants back in finds the door taken. The kernel frees the locks of a process that dies.
//
// Used by one thread at a time.
class Turnstile {
 public:
  // Of the database at this path.
  static absl::StatusOr<std::unique_ptr<Turnstile>> Open(const std::string& database);
  ~Turnstile();
  Turnstile(const Turnstile&) = delete;
  Turnstile& operator=(const Turnstile&) = delete;

  // kUnavailable after `patience`.
  absl::Status Enter(std::chrono::nanoseconds patience);
  void Leave();

  // Joins those who have the file open, until the turnstile is destroyed. True: nobody else has.
  // REQUIRES: in the room.
  absl::StatusOr<bool> Join();

 private:
  explicit Turnstile(int file) : file_(file) {}

  const int file_;
};

// In the room from Enter to the end of the scope.
class InTurn {
 public:
  explicit InTurn(Turnstile& turnstile) : turnstile_(turnstile) {}
  ~InTurn() {
    if (entered_) turnstile_.Leave();
  }
  InTurn(const InTurn&) = delete;
  InTurn& operator=(const InTurn&) = delete;

  absl::Status Enter(std::chrono::nanoseconds patience) {
    absl::Status entered = turnstile_.Enter(patience);
    entered_ = entered.ok();
    return entered;
  }

 private:
  Turnstile& turnstile_;
  bool entered_ = false;
};

// Opens the file beside the database that holds no data, "-turn": the turnstile's locks and the
// shared page. Made, if need be, with the owner and the mode of the database.
absl::StatusOr<int> OpenSidecar(const std::string& database);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SQLITE_TURNSTILE_H_
