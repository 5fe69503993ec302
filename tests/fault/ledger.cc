#include "fault/ledger.h"

#include <algorithm>
#include <sstream>

namespace daybook::fault {
namespace {

template <typename... Args>
std::string Say(const Args&... args) {
  std::ostringstream out;
  (out << ... << args);
  return out.str();
}

bool SameEvents(const AppendRequest& a, const AppendRequest& b) {
  return !a.streams.empty() && !b.streams.empty() &&
         a.streams[0].events[0].id == b.streams[0].events[0].id;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Findings& findings) {
  for (const std::string& lost : findings.lost) out << "\n  lost: " << lost;
  for (const std::string& wrong : findings.wrong) out << "\n  wrong: " << wrong;
  return out;
}

void Ledger::Note(const AppendRequest& request, const absl::StatusOr<AppendResult>& answer) {
  if (answer.status().code() == absl::StatusCode::kUnknown) {
    in_doubt_.push_back(request);
    return;
  }
  if (answer.ok()) {
    std::erase_if(in_doubt_,
                  [&](const AppendRequest& doubted) { return SameEvents(doubted, request); });
  }
  for (size_t s = 0; s < request.streams.size(); ++s) {
    const StreamAppend& append = request.streams[s];
    int64_t before_last = static_cast<int64_t>(append.events.size());
    for (const NewEvent& event : append.events) {
      --before_last;
      if (!answer.ok()) {
        refused_.insert(event.id);
        continue;
      }
      const Appended& at = answer->streams[s];
      acknowledged_[event.id] = {append.stream, at.version - before_last,
                                 at.position - before_last};
      last_position_ = std::max(last_position_, at.position);
    }
  }
  if (!answer.ok()) return;
  for (const Row& row : request.row_changes) rows_[{row.table, row.key}] = row.value;
  if (request.once) once_.emplace_back(*request.once, *answer);
}

void Ledger::NoteRemoval(const std::string& stream, const absl::StatusOr<StreamState>& answer) {
  if (answer.ok()) removed_[stream] = *answer;
  if (answer.status().code() == absl::StatusCode::kUnknown) removal_in_doubt_.insert(stream);
}

void Ledger::Merge(const Ledger& other) {
  acknowledged_.insert(other.acknowledged_.begin(), other.acknowledged_.end());
  in_doubt_.insert(in_doubt_.end(), other.in_doubt_.begin(), other.in_doubt_.end());
  refused_.insert(other.refused_.begin(), other.refused_.end());
  removed_.insert(other.removed_.begin(), other.removed_.end());
  removal_in_doubt_.insert(other.removal_in_doubt_.begin(), other.removal_in_doubt_.end());
  rows_.insert(other.rows_.begin(), other.rows_.end());
  once_.insert(once_.end(), other.once_.begin(), other.once_.end());
  last_position_ = std::max(last_position_, other.last_position_);
}

class Ledger::Comparison {
 public:
  Comparison(const Ledger& ledger, SqliteEventStore& store) : ledger_(ledger), store_(store) {}

  Findings Run() {
    if (absl::Status verified = store_.Verify(); !verified.ok()) Wrong("Verify: ", verified);
    absl::StatusOr<std::vector<LogEntry>> log = ReadLog(store_);
    if (!log.ok()) {
      Wrong("reading the log: ", log.status());
      return findings_;
    }
    CheckOrder(*log);
    CheckAcknowledged();
    CheckRemovals();
    CheckRequestsInDoubt();
    CheckStrangers();
    CheckRows();
    CheckOnceKeys();
    return findings_;
  }

 private:
  template <typename... Args>
  void Lost(const Args&... args) {
    findings_.lost.push_back(Say(args...));
  }
  template <typename... Args>
  void Wrong(const Args&... args) {
    findings_.wrong.push_back(Say(args...));
  }

  void CheckOrder(const std::vector<LogEntry>& log) {
    std::set<std::pair<std::string, Version>> versions;
    Position last;
    for (const LogEntry& entry : log) {
      if (entry.position <= last) Wrong("position ", entry.position, " after ", last);
      last = entry.position;
      if (!versions.emplace(entry.stream, entry.version).second) {
        Wrong(entry.stream, " has version ", entry.version, " twice");
      }
      if (!stored_.emplace(entry.id, entry).second)
        Wrong("event ", entry.id, " stands there twice");
    }
  }

  bool IsRemoved(const Place& place) const {
    auto removed = ledger_.removed_.find(place.stream);
    return removed != ledger_.removed_.end() && place.version <= removed->second.version;
  }

  void CheckAcknowledged() {
    std::map<std::string, std::pair<int, int>> doubted;  // stream: events kept, events gone
    for (const auto& [id, place] : ledger_.acknowledged_) {
      auto found = stored_.find(id);
      const bool there = found != stored_.end();
      if (IsRemoved(place)) {
        if (there) Lost("the removal of ", place.stream, " version ", place.version);
      } else if (there) {
        ++doubted[place.stream].first;
        findings_.last_kept = std::max(findings_.last_kept, place.position);
        CheckPlace(place, found->second);
      } else if (ledger_.removal_in_doubt_.contains(place.stream)) {
        ++doubted[place.stream].second;
      } else {
        Lost(place.stream, " version ", place.version, " position ", place.position, " id ", id);
        findings_.first_lost = std::min(findings_.first_lost, place.position);
      }
    }
    for (const auto& [stream, events] : doubted) {
      if (events.first != 0 && events.second != 0)
        Lost(stream, " in part, and its removal is in doubt");
    }
  }

  void CheckPlace(const Place& place, const LogEntry& entry) {
    if (entry.stream == place.stream && entry.version == place.version &&
        entry.position == place.position) {
      return;
    }
    Wrong("event ", entry.id, " was acknowledged as ", place.stream, " version ", place.version,
          " position ", place.position, " and is ", entry.stream, " version ", entry.version,
          " position ", entry.position);
  }

  void CheckRemovals() {
    for (const auto& [stream, answered] : ledger_.removed_) {
      absl::StatusOr<StreamState> state = store_.State(stream);
      if (!state.ok()) {
        Wrong("the state of ", stream, ": ", state.status());
        continue;
      }
      if (answered.tombstoned && !state->tombstoned) Lost("the tombstone of ", stream);
      if (state->version < answered.version) {
        Lost(stream, " fell from version ", answered.version, " to ", state->version);
      }
    }
  }

  bool Happened(const AppendRequest& request) {
    size_t events = 0, there = 0;
    for (const StreamAppend& append : request.streams) {
      for (const NewEvent& event : append.events) {
        ++events;
        there += stored_.contains(event.id);
      }
    }
    if (there != 0 && there != events) {
      Wrong("of a request in doubt, ", there, " of ", events, " events are there");
    }
    if (events != 0) return there == events;
    const Row& row = request.row_changes.front();
    return StoredRow(row.table, row.key) == row.value;
  }

  void CheckRequestsInDoubt() {
    for (const AppendRequest& request : ledger_.in_doubt_) {
      const bool happened = Happened(request);
      for (const StreamAppend& append : request.streams) {
        for (const NewEvent& event : append.events) in_doubt_.insert(event.id);
      }
      for (const Row& row : request.row_changes) {
        if (happened) rows_in_doubt_[{row.table, row.key}] = row.value;
      }
      if (request.once && FindOnce(*request.once).has_value() != happened) {
        Wrong("once-key ", request.once->key, " and its events disagree");
      }
    }
  }

  void CheckStrangers() {
    for (const auto& [id, entry] : stored_) {
      if (ledger_.acknowledged_.contains(id) || in_doubt_.contains(id)) continue;
      Wrong("event ", id, " (", entry.stream, " version ", entry.version, ") was ",
            ledger_.refused_.contains(id) ? "refused" : "never asked for");
    }
  }

  std::optional<std::string> StoredRow(const std::string& table, const std::string& key) {
    absl::StatusOr<std::vector<Row>> rows = store_.ReadRows({.table = table, .key_prefix = key});
    if (!rows.ok()) Wrong("reading row ", key, ": ", rows.status());
    if (!rows.ok() || rows->empty() || rows->front().key != key) return std::nullopt;
    return rows->front().value;
  }

  void CheckRows() {
    for (const auto& [name, acknowledged] : ledger_.rows_) {
      auto in_doubt = rows_in_doubt_.find(name);
      const auto& expected = in_doubt == rows_in_doubt_.end() ? acknowledged : in_doubt->second;
      if (StoredRow(name.first, name.second) == expected) continue;
      Lost("row ", name.second, " = ", expected.value_or("(removed)"));
    }
  }

  std::optional<AppendResult> FindOnce(const OnceKey& once) {
    absl::StatusOr<std::optional<AppendResult>> found = store_.FindOnce(once);
    if (found.ok()) return *found;
    Wrong("finding once-key ", once.key, ": ", found.status());
    return std::nullopt;
  }

  void CheckOnceKeys() {
    for (const auto& [once, answer] : ledger_.once_) {
      const std::optional<AppendResult> found = FindOnce(once);
      if (!found) {
        Lost("once-key ", once.key);
      } else if (found->streams != answer.streams) {
        Wrong("once-key ", once.key, " has another answer");
      }
    }
  }

  const Ledger& ledger_;
  SqliteEventStore& store_;
  std::map<EventId, LogEntry> stored_;
  std::set<EventId> in_doubt_;
  std::map<RowName, std::optional<std::string>> rows_in_doubt_;
  Findings findings_;
};

Findings Ledger::Compare(SqliteEventStore& store) const { return Comparison(*this, store).Run(); }

void ExpectAllAsAnswered(const Ledger& ledger, const std::string& path) {
  auto store = SqliteEventStore::Open({.path = path});
  ASSERT_THAT(store, IsOk());
  const Findings findings = ledger.Compare(**store);
  EXPECT_TRUE(findings.none()) << findings;
}

}  // namespace daybook::fault
