#include "inbox/inbox_rows.h"

#include <utility>

#include "inbox/message.h"
#include "status_macros.h"
#include "subscription/rows.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

// Of marks, at once.
constexpr int64_t kForgetStep = 200;

ParkedMessage MessageOf(const Statement& row) {
  ParkedMessage parked;
  parked.number = row.Int(0);
  parked.lane = row.Bytes(1);
  parked.type = row.Bytes(2);
  parked.source = row.Bytes(3);
  parked.id = row.Bytes(4);
  parked.reason = absl::Status(static_cast<absl::StatusCode>(row.Int(5)), ToAbsl(row.Bytes(6)));
  parked.attempts = static_cast<int>(row.Int(7));
  parked.parked_at = FromMicros(row.Int(8));
  parked.tried_at = FromMicros(row.Int(9));
  return parked;
}

}  // namespace

absl::StatusOr<bool> InboxRows::IsMarked(std::string_view source, std::string_view id) {
  static constexpr char kSql[] =
      "SELECT 1 FROM daybook_inbox WHERE consumer = ?1 AND source = ?2 AND id = ?3";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database_.Prepared(kSql));
  const ResetAtExit reset(*select);
  select->Bind(std::string_view(consumer_), AsBlob(source), AsBlob(id));
  return select->Step();
}

absl::Status InboxRows::Mark(const IntegrationEvent& event, RecordedTime now) {
  static constexpr char kSql[] = "INSERT INTO daybook_inbox VALUES (?1, ?2, ?3, ?4)";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * insert, database_.Prepared(kSql));
  insert->Bind(std::string_view(consumer_), AsBlob(event.source), AsBlob(event.id), ToMicros(now));
  return insert->Run();
}

absl::Status InboxRows::Forget(RecordedTime older_than) {
  static constexpr char kSql[] = R"(
DELETE FROM daybook_inbox WHERE (consumer, source, id) IN (
  SELECT consumer, source, id FROM daybook_inbox
  WHERE consumer = ?1 AND handled_at < ?2 ORDER BY handled_at LIMIT ?3))";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * remove, database_.Prepared(kSql));
  remove->Bind(std::string_view(consumer_), ToMicros(older_than), kForgetStep);
  return remove->Run();
}

absl::StatusOr<bool> InboxRows::HasLane(std::string_view lane) {
  static constexpr char kSql[] =
      "SELECT 1 FROM daybook_parked_message WHERE consumer = ?1 AND lane = ?2 LIMIT 1";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database_.Prepared(kSql));
  const ResetAtExit reset(*select);
  select->Bind(std::string_view(consumer_), AsBlob(lane));
  return select->Step();
}

absl::StatusOr<int64_t> InboxRows::Count() {
  static constexpr char kSql[] = "SELECT count(*) FROM daybook_parked_message WHERE consumer = ?1";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database_.Prepared(kSql));
  const ResetAtExit reset(*select);
  select->Bind(std::string_view(consumer_));
  DAYBOOK_RETURN_IF_ERROR(select->Step().status());
  return select->Int(0);
}

absl::StatusOr<bool> InboxRows::Park(const StoredMessage& row) {
  static constexpr char kSql[] = R"(
INSERT INTO daybook_parked_message (
  consumer, lane, type, source, id, code, reason, attempts, parked_at, tried_at,
  content_type, headers, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
ON CONFLICT DO NOTHING)";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * insert, database_.Prepared(kSql));
  const ParkedMessage& parked = row.parked;
  const std::string headers = EncodeHeaders(row.wire.headers);
  insert->Bind(std::string_view(consumer_), AsBlob(parked.lane), AsBlob(parked.type),
               AsBlob(parked.source), AsBlob(parked.id), static_cast<int64_t>(parked.reason.code()),
               AsBlob(ReasonOf(parked.reason)), int64_t{parked.attempts},
               ToMicros(parked.parked_at), ToMicros(parked.tried_at), AsBlob(row.wire.content_type),
               AsBlob(headers), AsBlob(row.wire.body));
  DAYBOOK_RETURN_IF_ERROR(insert->Run());
  return sqlite3_changes(database_.handle()) > 0;
}

absl::StatusOr<std::vector<ParkedMessage>> InboxRows::List(int64_t after, int64_t limit) {
  static constexpr char kSql[] = R"(
SELECT number, lane, type, source, id, code, reason, attempts, parked_at, tried_at
FROM daybook_parked_message WHERE consumer = ?1 AND number > ?2 ORDER BY number LIMIT ?3)";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database_.Prepared(kSql));
  const ResetAtExit reset(*select);
  select->Bind(std::string_view(consumer_), after, limit);
  std::vector<ParkedMessage> all;
  while (true) {
    DAYBOOK_ASSIGN_OR_RETURN(const bool found, select->Step());
    if (!found) return all;
    all.push_back(MessageOf(*select));
  }
}

absl::StatusOr<std::vector<std::string>> InboxRows::Lanes() {
  static constexpr char kSql[] =
      "SELECT lane FROM daybook_parked_message WHERE consumer = ?1 "
      "GROUP BY lane ORDER BY min(number)";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database_.Prepared(kSql));
  const ResetAtExit reset(*select);
  select->Bind(std::string_view(consumer_));
  std::vector<std::string> lanes;
  while (true) {
    DAYBOOK_ASSIGN_OR_RETURN(const bool found, select->Step());
    if (!found) return lanes;
    lanes.emplace_back(select->Bytes(0));
  }
}

absl::StatusOr<std::optional<StoredMessage>> InboxRows::Front(std::string_view lane) {
  static constexpr char kSql[] = R"(
SELECT number, lane, type, source, id, code, reason, attempts, parked_at, tried_at,
  content_type, headers, body
FROM daybook_parked_message WHERE consumer = ?1 AND lane = ?2 ORDER BY number LIMIT 1)";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database_.Prepared(kSql));
  const ResetAtExit reset(*select);
  select->Bind(std::string_view(consumer_), AsBlob(lane));
  DAYBOOK_ASSIGN_OR_RETURN(const bool found, select->Step());
  if (!found) return std::optional<StoredMessage>();
  DAYBOOK_ASSIGN_OR_RETURN(Headers headers, DecodeHeaders(select->Bytes(11)));
  return StoredMessage{.parked = MessageOf(*select),
                       .wire = {.content_type = std::string(select->Bytes(10)),
                                .headers = std::move(headers),
                                .body = std::string(select->Bytes(12))}};
}

absl::Status InboxRows::NoteFailure(int64_t number, const absl::Status& why, RecordedTime now) {
  static constexpr char kSql[] = R"(
UPDATE daybook_parked_message
SET code = ?3, reason = ?4, attempts = attempts + 1, tried_at = ?5
WHERE number = ?2 AND consumer = ?1)";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * update, database_.Prepared(kSql));
  update->Bind(std::string_view(consumer_), number, static_cast<int64_t>(why.code()),
               AsBlob(ReasonOf(why)), ToMicros(now));
  return update->Run();
}

absl::StatusOr<bool> InboxRows::Remove(int64_t number) {
  static constexpr char kSql[] =
      "DELETE FROM daybook_parked_message WHERE number = ?2 AND consumer = ?1";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * remove, database_.Prepared(kSql));
  remove->Bind(std::string_view(consumer_), number);
  DAYBOOK_RETURN_IF_ERROR(remove->Run());
  return sqlite3_changes(database_.handle()) > 0;
}

absl::StatusOr<bool> InboxRows::Discard(int64_t number, RecordedTime now) {
  static constexpr char kSql[] = R"(
INSERT OR IGNORE INTO daybook_inbox SELECT consumer, source, id, ?3 FROM daybook_parked_message
  WHERE number = ?2 AND consumer = ?1 AND length(id) > 0)";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * insert, database_.Prepared(kSql));
  insert->Bind(std::string_view(consumer_), number, ToMicros(now));
  DAYBOOK_RETURN_IF_ERROR(insert->Run());
  return Remove(number);
}

}  // namespace daybook::internal
