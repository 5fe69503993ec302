#ifndef DAYBOOK_SRC_SUBSCRIPTION_ROWS_H_
#define DAYBOOK_SRC_SUBSCRIPTION_ROWS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event_store.h"
#include "daybook/subscription.h"
#include "daybook/subscription.pb.h"
#include "subscription/engine.h"

namespace daybook::internal {

inline constexpr char kSubscriptionTable[] = "daybook.subscription";
inline constexpr char kProcessTable[] = "daybook.process";
inline constexpr char kRequestTable[] = "daybook.request";
inline constexpr char kAnswerTable[] = "daybook.answer";

// RequestRow::kind is a Control::Kind, or this.
inline constexpr int kRemoveRequest = 100;

absl::Status ResetOfAProjection();

std::string ParkedTable(std::string_view subscription);
std::string ParkedKey(Position position);

int64_t ToMicros(RecordedTime time);
RecordedTime FromMicros(int64_t micros);
RecordedTime WallNow();

// Its message, as much of it as a row keeps.
std::string_view ReasonOf(const absl::Status& status);
void EncodeError(const absl::Status& status, Error& error);
absl::Status DecodeError(const Error& error);

Row EncodeParked(std::string_view subscription, const ParkedRecord& record);
absl::StatusOr<std::vector<ParkedRecord>> ReadParked(EventStore& store,
                                                     std::string_view subscription, Position after,
                                                     int64_t limit);

// One row as it stands; a row without a value if there is none.
absl::StatusOr<Row> ReadRow(EventStore& store, std::string_view table, std::string_view key);

// kDataLoss if the row holds anything else.
template <typename Message>
absl::StatusOr<Message> DecodeRow(const Row& row);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_ROWS_H_
