// What inbox_kill_test and the process that it kills have in common: numbered messages, and their
// effects in the inbox's file or in a log.

#ifndef DAYBOOK_TESTS_FAULT_INBOX_EFFECTS_H_
#define DAYBOOK_TESTS_FAULT_INBOX_EFFECTS_H_

#include <google/protobuf/wrappers.pb.h>

#include <cstdint>
#include <string>

#include "daybook/inbox.h"
#include "fault/support.h"

namespace daybook::fault {

// How a process handles messages.
enum class Mood {
  kWell,
  kSick,  // each 97th message fails for good
};

inline int64_t KeyOf(int64_t number) { return number % 50; }

inline IntegrationEvent MessageOf(int64_t number) {
  google::protobuf::Int64Value value;
  value.set_value(number);
  return {.id = std::to_string(number),
          .source = "/source",
          .type = "google.protobuf.Int64Value",
          .partition_key = "key " + std::to_string(KeyOf(number)),
          .data = value.SerializeAsString()};
}

inline absl::Status Verdict(int64_t number, Mood mood) {
  return mood == Mood::kSick && number % 97 == 3
             ? Permanent(absl::InternalError("such a number"))
             : absl::OkStatus();
}

inline InboxOptions EffectOptions(const std::string& path) {
  InboxOptions options;
  options.path = path;
  options.schema = "CREATE TABLE effect (place INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER)";
  options.consumer = "kill test";
  options.max_parked = 1'000'000;
  return options;
}

// The effect first, then the failure.
inline InboxHandlers EffectsInTheFile(Mood mood) {
  InboxHandlers handlers;
  handlers.On([mood](ReadModel& db, const google::protobuf::Int64Value& message) {
    absl::Status done =
        db.Execute("INSERT INTO effect (number) VALUES (?1)", int64_t{message.value()});
    done.Update(Verdict(message.value(), mood));
    return done;
  });
  return handlers;
}

inline InboxHandlers EffectsInALog(EventStore& log, Mood mood) {
  InboxHandlers handlers;
  handlers.On([&log, mood](const google::protobuf::Int64Value& message, const Received& at) {
    const int64_t number = message.value();
    if (absl::Status verdict = Verdict(number, mood); !verdict.ok()) return verdict;
    const StreamAppend append = {.stream = "key-" + std::to_string(KeyOf(number)),
                                 .expected = ExpectedVersion::Any(),
                                 .events = {MakeEvent(MakeId(static_cast<uint64_t>(number), 0))}};
    return log.Append({.streams = {append}, .once = at.once()}).status();
  });
  return handlers;
}

}  // namespace daybook::fault

#endif  // DAYBOOK_TESTS_FAULT_INBOX_EFFECTS_H_
