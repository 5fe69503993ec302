// What a store has answered, and what its file must therefore hold afterwards.

#ifndef DAYBOOK_TESTS_FAULT_LEDGER_H_
#define DAYBOOK_TESTS_FAULT_LEDGER_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daybook/event_store.h"
#include "daybook/sqlite_event_store.h"
#include "fault/support.h"

namespace daybook::fault {

// Where a file differs from what was answered.
struct Findings {
  std::vector<std::string> lost;   // acknowledged, and not there
  std::vector<std::string> wrong;  // there and should not be, or not as it was answered

  // Of acknowledged events.
  Position last_kept;
  Position first_lost = Position(kNoLimit);

  bool none() const { return lost.empty() && wrong.empty(); }
};

std::ostream& operator<<(std::ostream& out, const Findings& findings);

// Not thread-safe: each writer keeps one, over event ids, rows and removed streams of its own, and
// Merge() joins them.
class Ledger {
 public:
  // Notes what became of a request: acknowledged, in doubt (kUnknown), or refused. One in doubt may
  // be repeated.
  void Note(const AppendRequest& request, const absl::StatusOr<AppendResult>& answer);
  void NoteRemoval(const std::string& stream, const absl::StatusOr<StreamState>& answer);
  void Merge(const Ledger& other);

  const std::vector<AppendRequest>& in_doubt() const { return in_doubt_; }
  Position last_position() const { return last_position_; }

  // Compares all of it with the log.
  Findings Compare(SqliteEventStore& store) const;

 private:
  struct Place {
    std::string stream;
    Version version;
    Position position;
  };
  using RowName = std::pair<std::string, std::string>;
  class Comparison;

  std::map<EventId, Place> acknowledged_;
  std::vector<AppendRequest> in_doubt_;
  std::set<EventId> refused_;
  std::map<std::string, StreamState> removed_;
  std::set<std::string> removal_in_doubt_;
  std::map<RowName, std::optional<std::string>> rows_;
  std::vector<std::pair<OnceKey, AppendResult>> once_;
  Position last_position_;
};

// A failure of the test unless the log in the file is as the ledger has it.
void ExpectAllAsAnswered(const Ledger& ledger, const std::string& path);

}  // namespace daybook::fault

#endif  // DAYBOOK_TESTS_FAULT_LEDGER_H_
