#include "subscription/rows.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "make_status.h"
#include "serialize.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

constexpr size_t kMaxReasonBytes = 4096;

}  // namespace

absl::Status ResetOfAProjection() {
  return MakeStatus(absl::StatusCode::kFailedPrecondition,
                    "a projection is not reset, but rebuilt: its tables would not follow");
}

std::string ParkedTable(std::string_view subscription) {
  return absl::StrCat("daybook.parked/", ToAbsl(subscription));
}

std::string ParkedKey(Position position) { return absl::StrFormat("%020d", position.value()); }

int64_t ToMicros(RecordedTime time) { return time.time_since_epoch().count(); }

RecordedTime FromMicros(int64_t micros) { return RecordedTime(std::chrono::microseconds(micros)); }

RecordedTime WallNow() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

std::string_view ReasonOf(const absl::Status& status) {
  const std::string_view message = ToStd(status.message());
  size_t size = std::min(message.size(), kMaxReasonBytes);
  // Not in the middle of a character.
  while (size < message.size() && size > 0 && (message[size] & 0xC0) == 0x80) --size;
  return message.substr(0, size);
}

void EncodeError(const absl::Status& status, Error& error) {
  error.set_code(static_cast<int>(status.code()));
  error.set_message(std::string(ReasonOf(status)));
}

absl::Status DecodeError(const Error& error) {
  return absl::Status(static_cast<absl::StatusCode>(error.code()), error.message());
}

Row EncodeParked(std::string_view subscription, const ParkedRecord& record) {
  ParkedRow row;
  row.set_lane(record.lane);
  EncodeError(record.reason, *row.mutable_reason());
  row.set_attempts(record.attempts);
  row.set_parked_at(ToMicros(record.parked_at));
  row.set_tried_at(ToMicros(record.tried_at));
  return {.table = ParkedTable(subscription),
          .key = ParkedKey(record.position),
          .value = row.SerializeAsString()};
}

absl::StatusOr<std::vector<ParkedRecord>> ReadParked(EventStore& store,
                                                     std::string_view subscription, Position after,
                                                     int64_t limit) {
  DAYBOOK_ASSIGN_OR_RETURN(
      const std::vector<Row> rows,
      store.ReadRows(
          {.table = ParkedTable(subscription), .after = ParkedKey(after), .limit = limit}));
  std::vector<ParkedRecord> parked;
  for (const Row& row : rows) {
    DAYBOOK_ASSIGN_OR_RETURN(const ParkedRow one, DecodeRow<ParkedRow>(row));
    int64_t position = 0;
    if (!absl::SimpleAtoi(row.key, &position)) {
      return MakeStatus(absl::StatusCode::kDataLoss,
                        absl::StrCat("a row of ", row.table, " has the key '", row.key, "'"));
    }
    parked.push_back({.position = Position(position),
                      .lane = one.lane(),
                      .reason = DecodeError(one.reason()),
                      .attempts = one.attempts(),
                      .parked_at = FromMicros(one.parked_at()),
                      .tried_at = FromMicros(one.tried_at())});
  }
  return parked;
}

absl::StatusOr<Row> ReadRow(EventStore& store, std::string_view table, std::string_view key) {
  DAYBOOK_ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      store.ReadRows({.table = std::string(table), .key_prefix = std::string(key), .limit = 1}));
  if (!rows.empty() && rows.front().key == key) return std::move(rows.front());
  return Row{.table = std::string(table), .key = std::string(key)};
}

template <typename Message>
absl::StatusOr<Message> DecodeRow(const Row& row) {
  Message message;
  if (!row.value.has_value() || !ParseSilently(*row.value, message)) {
    return MakeStatus(absl::StatusCode::kDataLoss,
                      absl::StrCat("the row '", row.key, "' of ", row.table, " cannot be read"));
  }
  return message;
}

template absl::StatusOr<SubscriptionRow> DecodeRow(const Row& row);
template absl::StatusOr<ProcessRow> DecodeRow(const Row& row);
template absl::StatusOr<ParkedRow> DecodeRow(const Row& row);
template absl::StatusOr<RequestRow> DecodeRow(const Row& row);
template absl::StatusOr<AnswerRow> DecodeRow(const Row& row);
template absl::StatusOr<ProjectionRow> DecodeRow(const Row& row);

}  // namespace daybook::internal
