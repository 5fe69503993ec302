#ifndef DAYBOOK_SRC_INBOX_MESSAGE_H_
#define DAYBOOK_SRC_INBOX_MESSAGE_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/integration_event.h"
#include "google/protobuf/message.h"

namespace daybook::internal {

using Headers = std::vector<std::pair<std::string, std::string>>;

// As bytes that say all lengths. Decoding, kDataLoss: they do not.
std::string EncodeHeaders(const Headers& headers);
absl::StatusOr<Headers> DecodeHeaders(std::string_view bytes);

std::string LaneOf(const IntegrationEvent& event);
std::string LaneOfMalformed(const WireMessage& message);

// One text for the two, another for any other two.
std::string Identity(const IntegrationEvent& event);
// A UUIDv5.
std::string Digest(const std::string& text);

// The message in the event's data. Marked Permanent: kDataLoss, it is none; kInvalidArgument, a
// content type that is not read here.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> DecodeData(
    const IntegrationEvent& event, const google::protobuf::Message& prototype);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_INBOX_MESSAGE_H_
