#include "daybook/translator.h"

#include <algorithm>
#include <array>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid.hpp>
#include <boost/uuid/uuid_io.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "daybook/event_store.h"
#include "daybook/subscription.h"
#include "google/protobuf/util/json_util.h"
#include "make_status.h"
#include "publishing/attributes.h"
#include "serialize.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook {
namespace {

using google::protobuf::Message;
using internal::MakeStatus;
using internal::ToAbsl;

constexpr boost::uuids::uuid kNamespace = {{0x8f, 0x0c, 0x8c, 0x7e, 0x2d, 0x5b, 0x4f, 0x0a,  //
                                            0x9d, 0x0e, 0x6b, 0x1f, 0x7c, 0x3a, 0x5e, 0x21}};

// No part but the last two can hold the line's end that stands between them.
std::string DerivedId(const RecordedEvent& event, const std::string& contract, int index) {
  const std::string name = absl::StrCat(event.id().ToString(), "\n", ToAbsl(event.stream()), "\n",
                                        event.version().value(), "\n", contract, "\n", index);
  return boost::uuids::to_string(boost::uuids::name_generator_sha1(kNamespace)(name));
}

absl::StatusOr<std::string> Encode(const Message& message, TranslatorOptions::Data data) {
  // Serialized in any case: it finds what cannot be.
  DAYBOOK_ASSIGN_OR_RETURN(std::string bytes, internal::Serialize(message, kMaxPayloadBytes));
  if (data == TranslatorOptions::kProtobuf) return bytes;
  std::string json;
  if (google::protobuf::util::MessageToJsonString(message, &json).ok()) return json;
  return MakeStatus(absl::StatusCode::kInvalidArgument,
                    absl::StrCat(message.GetTypeName(), " cannot be written as JSON"));
}

// All that does not depend on the message.
IntegrationEvent About(const RecordedEvent& event, const TranslatorOptions& options) {
  const Metadata caused = CausedBy(event);
  return {.source = options.source,
          .subject = std::string(event.stream_id()),
          .time = event.time(),
          .data_content_type = std::string(
              options.data == TranslatorOptions::kProtobuf ? kProtobufContent : kJsonContent),
          .partition_key = std::string(event.stream()),
          .sequence = absl::StrFormat("%020d", event.position().value()),
          .correlation_id = caused.correlation_id(),
          .causation_id = caused.causation_id(),
          .traceparent = caused.traceparent(),
          .tracestate = caused.tracestate()};
}

}  // namespace

void Translator::Add(const Message& prototype, Callback callback) {
  EntryOf(prototype).callbacks.push_back(std::move(callback));
}

void Translator::AddIgnored(const Message& prototype) { EntryOf(prototype).ignored = true; }

Translator::Entry& Translator::EntryOf(const Message& prototype) {
  const std::string own_name(prototype.GetDescriptor()->full_name());
  if (const auto found = by_name_.find(own_name); found != by_name_.end()) return *found->second;
  const auto entry = std::make_shared<Entry>(Entry{.prototype = &prototype});
  for (const std::string& name : internal::StoredNames(*prototype.GetDescriptor())) {
    by_name_.insert_or_assign(name, entry);
  }
  return *entry;
}

absl::Status Translator::Check() const {
  if (!internal::IsUriReference(options_.source)) {
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      absl::StrCat("the translator's source '", options_.source,
                                   "' is not a URI reference, such as /shop/orders"));
  }
  for (const auto& [name, entry] : by_name_) {
    if (!entry->ignored || entry->callbacks.empty()) continue;
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      absl::StrCat("the translator both translates and ignores ", name));
  }
  return absl::OkStatus();
}

std::vector<std::string> Translator::types() const {
  std::vector<std::string> types;
  for (const auto& [name, entry] : by_name_) types.push_back(name);
  return types;
}

absl::StatusOr<std::vector<IntegrationEvent>> Translator::Translate(
    const RecordedEvent& event) const {
  const auto found = by_name_.find(event.type());
  if (found == by_name_.end()) {
    return Halt(MakeStatus(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat(ToAbsl(event.type()), " at position ", event.position().value(),
                     " is neither translated nor ignored; give the translator an On or Ignore")));
  }
  std::vector<IntegrationEvent> translated;
  if (found->second->callbacks.empty()) return translated;
  DAYBOOK_ASSIGN_OR_RETURN(const std::unique_ptr<Message> message,
                           internal::Parse(event, *found->second->prototype));
  const IntegrationEvent about = About(event, options_);
  std::map<std::string, int> made_of_contract;
  for (const Callback& callback : found->second->callbacks) {
    DAYBOOK_ASSIGN_OR_RETURN(const auto made, Call(callback, *message, event));
    for (const std::unique_ptr<Message>& contract : made) {
      IntegrationEvent& one = translated.emplace_back(about);
      one.type = std::string(contract->GetDescriptor()->full_name());
      one.data_schema = absl::StrCat("https://type.googleapis.com/", one.type);
      one.id = DerivedId(event, one.type, made_of_contract[one.type]++);
      absl::StatusOr<std::string> data = Encode(*contract, options_.data);
      if (!data.ok()) return Permanent(data.status());
      one.data = *std::move(data);
      if (absl::Status sendable = daybook::Check(one); !sendable.ok()) return Permanent(sendable);
    }
  }
  return translated;
}

Translator::Made Translator::Call(const Callback& callback, const Message& message,
                                  const RecordedEvent& event) {
  try {
    return callback(message, event);
  } catch (...) {
    return internal::FromCurrentException("the translator's callback");
  }
}

}  // namespace daybook
