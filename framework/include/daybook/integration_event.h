// Integration events: the public messages for other systems, as CloudEvents 1.0.
//
// What a broker carries. Made by a Translator (daybook/translator.h), put on a broker by a
// Transport (daybook/transport.h), received into an Inbox (daybook/inbox.h). A value; owns its
// bytes.
//
// On the wire it takes one of two modes, on every transport as its CloudEvents binding says: binary
// (attributes as headers, `data` as the body; the default) or structured (one JSON document).

#ifndef DAYBOOK_INTEGRATION_EVENT_H_
#define DAYBOOK_INTEGRATION_EVENT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event.h"
#include "daybook/metadata.h"

namespace daybook {

// The attributes and the data of a CloudEvent. An empty member is an attribute that is absent.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
struct IntegrationEvent {
  // `id` and `source` together are its identity: equal ones are the same event, sent twice.
  std::string id = {};      // required
  std::string source = {};  // required: a URI reference
  std::string type = {};    // required: the contract's full name, "shop.contracts.v1.OrderPaid"

  std::string subject = {};            // what it is about: the id of the aggregate
  RecordedTime time = {};              // when it happened; the epoch: not said
  std::string data_content_type = {};  // "application/protobuf" or "application/json", of `data`
  std::string data_schema = {};        // a URI that names the type of the data

  // Extension attributes.
  std::string partition_key = {};   // events with the same one keep their order
  std::string sequence = {};        // rises with each event of a partition key; compared as text
  std::string correlation_id = {};  // the conversation
  std::string causation_id = {};    // the id of what caused it
  std::string traceparent = {};     // W3C Trace Context, of the trace that it began in
  std::string tracestate = {};

  std::string data = {};

  friend bool operator==(const IntegrationEvent&, const IntegrationEvent&) = default;
};

inline constexpr std::string_view kProtobufContent = "application/protobuf";
inline constexpr std::string_view kJsonContent = "application/json";

// Whether the required attributes are there and all of them can go on every wire: valid UTF-8,
// nothing below 0x20. kInvalidArgument says which is not.
[[nodiscard]] absl::Status Check(const IntegrationEvent& event);

// The event as one JSON document, the media type application/cloudevents+json. Data in JSON stands
// in it as such, numbers as far as a double holds them; other data in base64. kInvalidArgument:
// Check(), or the data says that it is JSON and is not.
[[nodiscard]] absl::StatusOr<std::string> ToCloudEventJson(const IntegrationEvent& event);

// Attributes that IntegrationEvent does not know are dropped. kInvalidArgument: not a CloudEvent of
// version 1.0; the message says why.
[[nodiscard]] absl::StatusOr<IntegrationEvent> FromCloudEventJson(std::string_view json);

// How a message goes over a wire.
enum class ContentMode {
  kBinary,      // attributes in headers, `data` as the body
  kStructured,  // one JSON document
};

// Which binding of CloudEvents names the headers in binary mode.
enum class Binding {
  kAmqp,   // cloudEvents_id: an AMQP 0-9-1 table, which RabbitMQ turns into AMQP 1.0's properties
  kKafka,  // ce_id
  kNats,   // ce-id, percent-encoded, with ce-datacontenttype
};

// A message as a broker carries it: where the binding has no place of its own for the content type,
// the transport puts it into a header.
struct WireMessage {
  std::string content_type = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};

  friend bool operator==(const WireMessage&, const WireMessage&) = default;
};

// Both modes carry traceparent and tracestate as plain headers too, where tracing tools look.
// kInvalidArgument: as ToCloudEventJson.
[[nodiscard]] absl::StatusOr<WireMessage> ToWire(const IntegrationEvent& event, ContentMode mode,
                                                 Binding binding);

// Reads both modes, and the headers of every binding, in either case of letters. kInvalidArgument:
// not a CloudEvent of version 1.0; the message says why.
[[nodiscard]] absl::StatusOr<IntegrationEvent> FromWire(const WireMessage& message);

// The metadata of what `event` causes here: its correlation id handed on (its own id, if it has
// none), its id as the causation id, its trace.
[[nodiscard]] Metadata CausedBy(const IntegrationEvent& event);

}  // namespace daybook

#endif  // DAYBOOK_INTEGRATION_EVENT_H_
