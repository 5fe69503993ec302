// Tests for code that uses Daybook, for stores, and for transports. Needs GoogleTest; target
// daybook::testing.
//
//   TEST(OrderTest, AnEmptyOrderIsNotShipped) {
//     daybook::testing::Given<Order>(OrderPlaced())
//         .When([](Order& order) { return order.Ship("DHL"); })
//         .ThenFails(absl::StatusCode::kFailedPrecondition);
//   }
//
//   TEST(OrderTest, EveryEventOfTheProtoIsListed) {
//     EXPECT_THAT(daybook::testing::UnlistedEvents<Order>(), testing::IsEmpty());
//   }
//
// Under `using namespace daybook`, GoogleTest's own is to be written ::testing.

#ifndef DAYBOOK_TESTING_H_
#define DAYBOOK_TESTING_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "daybook/aggregate.h"
#include "daybook/event_store.h"
#include "daybook/integration_event.h"
#include "daybook/translator.h"
#include "daybook/transport.h"
#include "google/protobuf/message.h"

namespace daybook::testing {

namespace internal {
using Messages = std::vector<const google::protobuf::Message*>;

// std::source_location, which clang 14 lacks.
struct CallSite {
  const char* file;
  int line;
};

// What a command came to.
struct Outcome {
  bool ran = false;  // false: its history could not be replayed, which has been reported
  absl::Status status = {};
  std::vector<NewEvent> emitted = {};
};

absl::Status Replay(AggregateBase& aggregate, const Messages& history);
Outcome Run(AggregateBase& aggregate, const absl::Status& replayed,
            const std::function<absl::Status()>& command, const CallSite& where);
void SetId(AggregateBase& aggregate, std::string_view id);
void ExpectEmitted(const Outcome& outcome, const Messages& expected, const CallSite& where);
void ExpectFailed(const Outcome& outcome, absl::StatusCode code, std::string_view message_part,
                  const CallSite& where);

const daybook::internal::EventTable& TableOf(const AggregateBase& aggregate);
std::vector<std::string> Unlisted(
    const std::vector<const daybook::internal::EventTable*>& aggregates);
std::vector<std::string> Untranslated(
    const std::vector<const daybook::internal::EventTable*>& aggregates,
    const Translator& translator);
}  // namespace internal

// What followed from a command. Each check that does not hold is one failure of the test, reported
// at the line of the When. Checks can be chained.
template <typename A>
class Outcome {
 public:
  // The command succeeded and emitted exactly these events, in this order, equal field by field.
  template <typename... E>
  const Outcome& ThenEmits(const E&... events) const {
    static_assert(sizeof...(E) > 0, "if it emits nothing, say ThenNothing()");
    internal::ExpectEmitted(outcome_, {&events...}, where_);
    return *this;
  }

  // The command succeeded and emitted nothing.
  const Outcome& ThenNothing() const {
    internal::ExpectEmitted(outcome_, {}, where_);
    return *this;
  }

  // The command failed with this code, and its message contains `message_part`. kInternal: it
  // threw, or an Apply threw or emitted.
  const Outcome& ThenFails(absl::StatusCode code, std::string_view message_part = "") const {
    internal::ExpectFailed(outcome_, code, message_part, where_);
    return *this;
  }

  // Looks at the aggregate as the command left it.
  const Outcome& ThenState(const std::function<void(const A&)>& look) const {
    if (outcome_.ran) look(aggregate_);
    return *this;
  }

 private:
  template <typename>
  friend class History;
  Outcome(A aggregate, const internal::CallSite& where)
      : aggregate_(std::move(aggregate)), where_(where) {}

  A aggregate_;
  internal::Outcome outcome_;
  internal::CallSite where_;
};

// An aggregate with a history, waiting for commands. Made by Given.
template <typename A>
class History {
 public:
  explicit History(const internal::Messages& events)
      : replayed_(internal::Replay(aggregate_, events)) {}

  // The aggregate's id(); "1" otherwise.
  History WithId(std::string_view id) && {
    internal::SetId(aggregate_, id);
    return std::move(*this);
  }

  // Runs the command on a copy of the aggregate, with no store behind it.
  [[nodiscard]] Outcome<A> When(const std::function<absl::Status(A&)>& command,
                                const char* file = __builtin_FILE(),
                                int line = __builtin_LINE()) const {
    const internal::CallSite where = {file, line};
    Outcome<A> outcome(aggregate_, where);
    A& aggregate = outcome.aggregate_;
    outcome.outcome_ = internal::Run(
        aggregate, replayed_, [&] { return command(aggregate); }, where);
    return outcome;
  }

 private:
  A aggregate_;
  absl::Status replayed_;
};

// The aggregate to which these events have happened, stored and read back. A failure of the test,
// at the line of the When, if that cannot be done.
template <typename A, typename... E>
[[nodiscard]] History<A> Given(const E&... history) {
  return History<A>(internal::Messages{&history...});
}

// The full names of the messages that are in no list of A..., although they stand beside those that
// are: top-level messages of the same .proto files. Value objects, which are a field of another
// message there, do not count. Name all aggregates that share a .proto.
template <typename... A>
[[nodiscard]] std::vector<std::string> UnlistedEvents() {
  return internal::Unlisted({&internal::TableOf(A())...});
}

// Makes a fresh, empty store; what the store stands on is to go when the last copy does. Null, and
// the test fails.
using EventStoreFactory = std::function<std::shared_ptr<EventStore>()>;

// Registers the tests that every EventStore must pass, as the test suite `name`. To be called
// before RUN_ALL_TESTS:
//
//   const bool registered = (daybook::testing::RegisterEventStoreContract("MyStore", NewStore),
//   true);
void RegisterEventStoreContract(const std::string& name, const EventStoreFactory& factory);

// A transport, and its far end: what a broker's consumer would see.
struct TransportUnderTest {
  std::unique_ptr<Transport> transport = {};
  // What has arrived, in order, duplicates too; waits until there are `count`, or for a minute.
  std::function<std::vector<IntegrationEvent>(size_t count)> received = {};
  // Takes the endpoint away, as a crash would; and brings it back.
  std::function<void()> break_endpoint = {};
  std::function<void()> restore_endpoint = {};
  // What all this stands on, to go last.
  std::shared_ptr<void> ground = {};
};

// Makes one that is connected, or will be when something is sent.
using TransportFactory = std::function<TransportUnderTest()>;

// Registers the tests that every Transport must pass, as the test suite `name`. To be called before
// RUN_ALL_TESTS.
void RegisterTransportContract(const std::string& name, const TransportFactory& factory);

// The full names of the domain events that the translator neither translates nor ignores, although
// an aggregate of A... lists them:
//
//   EXPECT_THAT(daybook::testing::UntranslatedEvents<Order>(contracts), testing::IsEmpty());
template <typename... A>
[[nodiscard]] std::vector<std::string> UntranslatedEvents(const Translator& translator) {
  return internal::Untranslated({&internal::TableOf(A())...}, translator);
}

}  // namespace daybook::testing

#endif  // DAYBOOK_TESTING_H_
