#include "sqlite/verify.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

// What must not be there: a query that finds it, and names it.
struct Invariant {
  const char* broken_if;
  const char* sql;
};

constexpr Invariant kInvariants[] = {
    {"the log's own row is missing or damaged",
     "SELECT count(*) FROM log HAVING count(*) != 1 OR max(length(incarnation)) != 16"},

    {"a stream has no proper name",
     "SELECT key FROM stream WHERE instr(name, '-') NOT BETWEEN 2 AND length(name) - 1 LIMIT 1"},

    {"an event belongs to no stream",
     "SELECT position FROM event WHERE stream NOT IN (SELECT key FROM stream) LIMIT 1"},

    {"an event's type stands for nothing",
     "SELECT position FROM event WHERE type NOT IN (SELECT key FROM type) LIMIT 1"},

    {"an event has no proper id", "SELECT position FROM event WHERE length(id) != 16 LIMIT 1"},

    {"a stream does not hold exactly its versions",
     "SELECT s.name FROM stream s JOIN (SELECT stream, min(version) AS low, max(version) AS high,"
     " count(*) AS number FROM event GROUP BY stream) e ON e.stream = s.key"
     " WHERE low != s.first OR high - low + 1 != number LIMIT 1"},

    {"a tombstoned stream holds events",
     "SELECT s.name FROM stream s WHERE tombstoned != 0"
     " AND EXISTS (SELECT 1 FROM event WHERE stream = s.key) LIMIT 1"},

    {"the versions of all streams do not add up to the head",
     "SELECT total || ' and ' || head FROM (SELECT max(l.head, coalesce((SELECT max(position)"
     " FROM event), 0)) AS head FROM log l), (SELECT coalesce(sum(coalesce("
     "(SELECT max(version) FROM event WHERE stream = s.key), s.first - 1)), 0) AS total"
     " FROM stream s) WHERE total != head"},

    {"an event stands before the first position",
     "SELECT position FROM event WHERE position < 1 LIMIT 1"},

    {"versions do not follow positions",
     "SELECT position FROM (SELECT position, position < lag(position) OVER (PARTITION BY stream"
     " ORDER BY version) AS falls FROM event) WHERE falls LIMIT 1"},

    {"recorded time falls",
     "SELECT position FROM (SELECT position, time < lag(time) OVER (ORDER BY position) AS falls"
     " FROM event) WHERE falls LIMIT 1"},
};

absl::Status Damaged(std::string_view what, std::string_view where) {
  return MakeStatus(absl::StatusCode::kDataLoss, absl::StrCat(ToAbsl(what), ": ", ToAbsl(where),
                                                              "; restore the file from a "
                                                              "backup"));
}

absl::Status CheckIntegrity(Database& database) {
  static constexpr char kSql[] = "PRAGMA integrity_check(1)";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * check, database.Prepared(kSql));
  const ResetAtExit reset(*check);
  DAYBOOK_ASSIGN_OR_RETURN(const bool row, check->Step());
  const std::string found(row ? check->Bytes(0) : "no answer");
  return found == "ok" ? absl::OkStatus() : Damaged("the file is damaged", found);
}

absl::Status CheckInvariants(Database& database) {
  for (const Invariant& invariant : kInvariants) {
    DAYBOOK_ASSIGN_OR_RETURN(Statement * find, database.Prepared(invariant.sql));
    const ResetAtExit reset(*find);
    DAYBOOK_ASSIGN_OR_RETURN(const bool found, find->Step());
    if (found) return Damaged(invariant.broken_if, find->Bytes(0));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status VerifyFile(Database& database) {
  DAYBOOK_RETURN_IF_ERROR(database.Execute("BEGIN"));
  absl::Status verified = CheckIntegrity(database);
  if (verified.ok()) verified = CheckInvariants(database);
  database.Execute("COMMIT").IgnoreError();
  return verified;
}

}  // namespace daybook::internal
