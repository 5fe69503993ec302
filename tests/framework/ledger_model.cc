#include "ledger_model.h"

#include <gtest/gtest.h>

#include <map>

#include "account.h"
#include "fault/support.h"
#include "status_testing.h"

namespace daybook::test {
namespace {

struct Ledger {
  std::map<int64_t, int64_t> entries;  // by position
  std::map<std::string, int64_t> balances;

  friend bool operator==(const Ledger&, const Ledger&) = default;
};

absl::Status Move(ReadModel& db, const RecordedEvent& at, int64_t amount) {
  absl::Status moved = db.Execute("INSERT INTO entry VALUES (?1, ?2, ?3)", at.position().value(),
                                  at.stream_id(), amount);
  if (!moved.ok()) return moved;
  return db.Execute(
      "INSERT INTO balance VALUES (?1, ?2) "
      "ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount",
      at.stream_id(), amount);
}

Ledger LedgerOf(EventStore& store, Position up_to) {
  Ledger ledger;
  LogQuery query{.before = up_to + 1, .filter = {.category = "account"}};
  bool end = false;
  while (!end) {
    const auto scan = store.Visit(query, [&](const RecordedEvent& event) {
      Deposited deposited;
      Withdrawn withdrawn;
      int64_t amount = 0;
      if (event.type() == Deposited::descriptor()->full_name()) {
        deposited.ParseFromString(std::string(event.payload()));
        amount = deposited.amount();
      } else if (event.type() == Withdrawn::descriptor()->full_name()) {
        withdrawn.ParseFromString(std::string(event.payload()));
        amount = -withdrawn.amount();
      } else {
        return absl::OkStatus();
      }
      ledger.entries[event.position().value()] = amount;
      ledger.balances[std::string(event.stream_id())] += amount;
      return absl::OkStatus();
    });
    EXPECT_THAT(scan, IsOk());
    if (!scan.ok()) return ledger;
    query.after = scan->looked;
    end = scan->end;
  }
  return ledger;
}

}  // namespace

ProjectionOptions LedgerOptions(const std::string& folder) {
  return {.name = "ledger",
          .folder = folder,
          .schema =
              "CREATE TABLE entry (position INTEGER PRIMARY KEY, account TEXT NOT NULL, "
              "amount INTEGER NOT NULL) STRICT;"
              "CREATE TABLE balance (account TEXT PRIMARY KEY, amount INTEGER NOT NULL) "
              "STRICT",
          .category = "account",
          .retry = {.max_attempts = 2, .backoff = {.first = std::chrono::milliseconds(1)}},
          .lease = std::chrono::milliseconds(100)};
}

ProjectionHandlers LedgerHandlers() {
  ProjectionHandlers handlers;
  handlers.On([](ReadModel& db, const Deposited& event, const RecordedEvent& at) {
    return Move(db, at, event.amount());
  });
  handlers.On([](ReadModel& db, const Withdrawn& event, const RecordedEvent& at) {
    return Move(db, at, -event.amount());
  });
  return handlers;
}

Position ExpectAgreement(const std::string& path, EventStore& store) {
  fault::RawDb db(path);
  const Position position(db.Int("SELECT position FROM daybook_projection"));
  Ledger found;
  const auto visit = [&](const char* sql, auto note) {
    sqlite3_stmt* rows = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(db.get(), sql, -1, &rows, nullptr), SQLITE_OK);
    while (sqlite3_step(rows) == SQLITE_ROW) note(rows);
    sqlite3_finalize(rows);
  };
  visit("SELECT position, amount FROM entry", [&](sqlite3_stmt* row) {
    found.entries[sqlite3_column_int64(row, 0)] = sqlite3_column_int64(row, 1);
  });
  visit("SELECT account, amount FROM balance", [&](sqlite3_stmt* row) {
    const auto* account = reinterpret_cast<const char*>(sqlite3_column_text(row, 0));
    found.balances[account] = sqlite3_column_int64(row, 1);
  });
  EXPECT_TRUE(found == LedgerOf(store, position))
      << path << ": the tables are not those of position " << position;
  return position;
}

}  // namespace daybook::test
