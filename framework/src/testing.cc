#include "daybook/testing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "aggregate_access.h"
#include "google/protobuf/util/message_differencer.h"
#include "make_status.h"
#include "replayer.h"
#include "serialize.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::testing::internal {
namespace {

using daybook::internal::AggregateAccess;
using daybook::internal::EventTable;
using google::protobuf::Descriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;

void Fail(const CallSite& where, const std::string& message) {
  ADD_FAILURE_AT(where.file, where.line) << message;
}

std::string Describe(std::string_view type, const Message& event) {
  return absl::StrCat("\n  ", daybook::internal::ToAbsl(type), " { ", event.ShortDebugString(),
                      " }");
}

std::string Describe(const Messages& events) {
  if (events.empty()) return " nothing";
  std::string text;
  for (const Message* event : events) {
    absl::StrAppend(&text, Describe(std::string(event->GetDescriptor()->full_name()), *event));
  }
  return text;
}

// The emitted events as messages; the factory that made them is the expected events' own.
std::vector<std::unique_ptr<Message>> Decode(const std::vector<NewEvent>& emitted) {
  std::vector<std::unique_ptr<Message>> messages;
  for (const NewEvent& event : emitted) {
    const Descriptor* type =
        google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(event.type);
    messages.emplace_back(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
    (void)messages.back()->ParseFromString(event.payload);  // Emit has read it back already
  }
  return messages;
}

bool Equal(const Message& a, const Message& b) {
  return a.GetDescriptor() == b.GetDescriptor() && MessageDifferencer::Equals(a, b);
}

// Messages that are a field of another one.
std::set<const Descriptor*> PartsOf(const Descriptor& message) {
  std::set<const Descriptor*> parts;
  for (int i = 0; i < message.field_count(); ++i) {
    const Descriptor* type = message.field(i)->message_type();
    if (type != nullptr && type != &message) parts.insert(type);
  }
  for (int i = 0; i < message.nested_type_count(); ++i) {
    parts.merge(PartsOf(*message.nested_type(i)));
  }
  parts.erase(&message);
  return parts;
}

void AddUnlisted(const FileDescriptor& file, const std::set<const Descriptor*>& listed,
                 std::vector<std::string>& unlisted) {
  std::set<const Descriptor*> known = listed;
  for (int i = 0; i < file.message_type_count(); ++i) known.merge(PartsOf(*file.message_type(i)));
  for (int i = 0; i < file.message_type_count(); ++i) {
    const Descriptor* type = file.message_type(i);
    if (!known.contains(type)) unlisted.emplace_back(type->full_name());
  }
}

}  // namespace

absl::Status Replay(AggregateBase& aggregate, const Messages& history) {
  AggregateAccess::SetId(aggregate, "1");
  DAYBOOK_RETURN_IF_ERROR(AggregateAccess::Table(aggregate).status());
  daybook::internal::Replayer replayer;
  for (const Message* event : history) {
    const std::string type(event->GetDescriptor()->full_name());
    DAYBOOK_ASSIGN_OR_RETURN(const std::string payload,
                             daybook::internal::Serialize(*event, kMaxPayloadBytes));
    DAYBOOK_RETURN_IF_ERROR(
        replayer.Step(aggregate, RecordedEvent({.version = aggregate.version() + 1,
                                                .type_key = -1,
                                                .stream = "given",
                                                .type = type,
                                                .payload = payload})));
  }
  return absl::OkStatus();
}

Outcome Run(AggregateBase& aggregate, const absl::Status& replayed,
            const std::function<absl::Status()>& command, const CallSite& where) {
  Outcome outcome;
  if (!replayed.ok()) {
    Fail(where, absl::StrCat("the given events cannot be replayed: ", replayed.ToString()));
    return outcome;
  }
  outcome.ran = true;
  try {
    outcome.status = command();
  } catch (...) {
    outcome.status = daybook::internal::FromCurrentException("the command");
  }
  const absl::Status misuse = AggregateAccess::Misuse(aggregate);
  if (!misuse.ok() && !absl::IsInternal(outcome.status)) outcome.status = misuse;
  outcome.emitted = AggregateAccess::TakeEmitted(aggregate);
  return outcome;
}

void SetId(AggregateBase& aggregate, std::string_view id) { AggregateAccess::SetId(aggregate, id); }

void ExpectEmitted(const Outcome& outcome, const Messages& expected, const CallSite& where) {
  if (!outcome.ran) return;
  if (!outcome.status.ok()) {
    return Fail(where, absl::StrCat("the command failed: ", outcome.status.ToString(),
                                    "\nexpected:", Describe(expected)));
  }
  const std::vector<std::unique_ptr<Message>> emitted = Decode(outcome.emitted);
  const bool equal =
      std::equal(emitted.begin(), emitted.end(), expected.begin(), expected.end(),
                 [](const auto& actual, const Message* wanted) { return Equal(*actual, *wanted); });
  if (equal) return;
  Messages actual;
  for (const std::unique_ptr<Message>& event : emitted) actual.push_back(event.get());
  Fail(where,
       absl::StrCat("the command emitted:", Describe(actual), "\nexpected:", Describe(expected)));
}

void ExpectFailed(const Outcome& outcome, absl::StatusCode code, std::string_view message_part,
                  const CallSite& where) {
  if (!outcome.ran) return;
  const bool said = outcome.status.message().find(daybook::internal::ToAbsl(message_part)) !=
                    absl::string_view::npos;
  if (outcome.status.code() == code && said) return;
  Fail(where, absl::StrCat("the command answered: ", outcome.status.ToString(),
                           "\nexpected: ", absl::StatusCodeToString(code), " with \"",
                           daybook::internal::ToAbsl(message_part), "\" in its message"));
}

const EventTable& TableOf(const AggregateBase& aggregate) {
  return AggregateAccess::Table(aggregate);
}

std::vector<std::string> Unlisted(const std::vector<const EventTable*>& aggregates) {
  std::set<const Descriptor*> listed;
  for (const EventTable* table : aggregates) {
    listed.insert(table->types().begin(), table->types().end());
  }
  std::set<const FileDescriptor*> files;
  for (const Descriptor* type : listed) files.insert(type->file());
  std::vector<std::string> unlisted;
  for (const FileDescriptor* file : files) AddUnlisted(*file, listed, unlisted);
  std::sort(unlisted.begin(), unlisted.end());
  return unlisted;
}

std::vector<std::string> Untranslated(const std::vector<const EventTable*>& aggregates,
                                      const Translator& translator) {
  const std::vector<std::string> types = translator.types();
  const std::set<std::string> known(types.begin(), types.end());
  std::set<std::string> untranslated;
  for (const EventTable* table : aggregates) {
    for (const Descriptor* type : table->types()) {
      const std::string name(type->full_name());
      if (!known.contains(name)) untranslated.insert(name);
    }
  }
  return {untranslated.begin(), untranslated.end()};
}

}  // namespace daybook::testing::internal
