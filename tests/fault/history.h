// Random work on a store, one history for each seed.

#ifndef DAYBOOK_TESTS_FAULT_HISTORY_H_
#define DAYBOOK_TESTS_FAULT_HISTORY_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "fault/fault_vfs.h"
#include "fault/ledger.h"
#include "fault/support.h"

namespace daybook::fault {

// One writer. It appends to streams of its own (whose versions it knows) and to shared ones, sends
// batches, once-keys, rows, repetitions and requests that must conflict, deletes and tombstones.
class HistoryWriter {
 public:
  HistoryWriter(uint64_t seed, int number);

  // Does one thing; false once the power is off. Survives reopening: pass the new store.
  bool Step(SqliteEventStore& store, const FaultVfs& vfs);

  const Ledger& ledger() const { return ledger_; }
  // Answers that no fault explains.
  const std::vector<std::string>& surprises() const { return surprises_; }
  // The streams of its own, and which version it knows each at.
  const std::vector<std::pair<std::string, Version>>& streams() const { return streams_; }

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  std::string Payload();
  std::vector<NewEvent> Events();
  StreamAppend OnOwnStream(size_t stream);
  StreamAppend OnSharedStream();

  absl::Status AppendToOwn(SqliteEventStore& store);
  absl::Status AppendBatch(SqliteEventStore& store);
  absl::Status AppendOnce(SqliteEventStore& store);
  absl::Status ChangeRows(SqliteEventStore& store);
  absl::Status Repeat(SqliteEventStore& store);
  absl::Status Conflict(SqliteEventStore& store);
  absl::Status Remove(SqliteEventStore& store);
  absl::Status Send(SqliteEventStore& store, const AppendRequest& request);

  std::mt19937_64 random_;
  const int number_;
  uint64_t made_ = 0;
  std::vector<std::pair<std::string, Version>> streams_;
  AppendRequest repeatable_;
  AppendResult repeatable_answer_;
  std::optional<std::string> row_;
  Ledger ledger_;
  std::vector<std::string> surprises_;
};

struct HistoryOptions {
  uint64_t seed = 0;
  Durability durability = Durability::kPowerLoss;
};

// What has become of a history: it ended, or the power went.
struct History {
  Ledger ledger;
  std::vector<std::string> surprises;
  std::vector<std::pair<std::string, Version>> streams;
};

// Runs one history on `path`: one or several writers at once, with reopenings between.
History RunHistory(const std::string& path, const FaultVfs& vfs, const HistoryOptions& options);

}  // namespace daybook::fault

#endif  // DAYBOOK_TESTS_FAULT_HISTORY_H_
