// Inboxes: receive integration events, so that one that comes twice has one effect.
//
//   daybook::InboxHandlers handlers;
//   handlers.On([&](const OrderPaid& paid, const daybook::Received& at) {
//     return daybook::FromCommand(
//         parcels.Execute(paid.order_id(), prepare,
//                         {.once = at.once(), .cause = daybook::CausedBy(at.event())})
//             .status());
//   });
//   auto inbox = daybook::Inbox::Open({.path = "shipping.inbox.db", .consumer = "shipping"},
//                                     handlers);
//   auto consumer = daybook::RabbitMqConsumer::Start({.uri = "amqp://...", .queue = "shipping"},
//                                                    **inbox);
//
// The mark "handled" commits with the effect, in one of two ways:
//
//   the effect is an append to a log     pass `at.once()` with it: a once-key of consumer, source
//                                        and id. Found again, nothing is appended
//   the effect is in tables of your own  take a ReadModel first: the handler writes to the inbox's
//                                        file, in the transaction that holds the mark. The second
//                                        time it is not called
//
// What the handler returns causes what it causes in a subscription (daybook/subscription.h): OK and
// the message is done; a failure is tried again, here, while the queue waits; after the last
// attempt, or if Permanent, the message is *parked* in the inbox's file with its reason, and what
// comes later of its partition key behind it; Outage leaves it with the broker. Parked messages are
// listed, replayed and discarded here, also by another process.

#ifndef DAYBOOK_INBOX_H_
#define DAYBOOK_INBOX_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event.h"
#include "daybook/event_handlers.h"
#include "daybook/event_store.h"
#include "daybook/integration_event.h"
#include "daybook/projection.h"
#include "daybook/subscription.h"
#include "google/protobuf/message.h"

namespace daybook {

// What a handler is told of a message. It ends with the call.
class Received {
 public:
  Received(const IntegrationEvent& event, std::string_view consumer, int attempt)
      : event_(event), consumer_(consumer), attempt_(attempt) {}

  const IntegrationEvent& event() const { return event_; }
  // To be appended with: scope "inbox/<consumer>"; the key is source and id, "12:/shop/ordersA17",
  // or their UUIDv5 if they are longer than a key may be, or hold bytes below 0x20.
  OnceKey once() const;
  int attempt() const { return attempt_; }  // 1 for the first; a replay counts on

 private:
  const IntegrationEvent& event_;
  std::string_view consumer_;
  int attempt_;
};

namespace internal {

// The callback for one type of message.
struct InboxHandler {
  const google::protobuf::Message* prototype = nullptr;
  bool writes = false;  // to the inbox's file; otherwise `call` is given no ReadModel
  std::function<absl::Status(ReadModel*, const google::protobuf::Message&, const Received&)> call =
      {};
};

template <typename F>
concept TakesReadModel = requires(const F& callback) {
  EventAfter<ReadModel&>::Of(callback);
}
|| requires { EventAfter<ReadModel&>::Of(&F::operator()); };

template <typename F, typename E>
concept WritesWith = std::is_invocable_v<F&, ReadModel&, const E&, const Received&> ||
    std::is_invocable_v<F&, ReadModel&, const E&>;

template <typename F, typename... Args>
absl::Status CallInboxHandler(F& callback, Args&... args) {
  if constexpr (std::is_invocable_r_v<absl::Status, F&, Args&...>) {
    return callback(args...);
  } else {
    callback(args...);
    return absl::OkStatus();
  }
}

}  // namespace internal

// One callback for each contract that is consumed. Set it up from one thread; an inbox may call a
// callback from several at once, if it receives on several, but one that takes a ReadModel.
class InboxHandlers {
 public:
  // Handles messages whose type is E's full name; their data is Protobuf, or JSON. E is deduced
  // from a callback that is not generic. `callback` takes (const E&, const Received&) or
  // (const E&), with a ReadModel& before it if its effect is in the inbox's file; it returns an
  // absl::Status or nothing. A second callback for a type replaces the first.
  template <typename E, typename F>
  InboxHandlers& On(F callback) {
    static_assert(std::is_base_of_v<google::protobuf::Message, E>, "contracts are messages");
    using internal::CallInboxHandler;
    const auto shared = std::make_shared<F>(std::move(callback));
    internal::InboxHandler handler = {.prototype = &E::default_instance(),
                                      .writes = internal::WritesWith<F, E>};
    handler.call = [shared](ReadModel* db, const google::protobuf::Message& message,
                            const Received& at) {
      const E& event = static_cast<const E&>(message);
      if constexpr (std::is_invocable_v<F&, ReadModel&, const E&, const Received&>) {
        return CallInboxHandler(*shared, *db, event, at);
      } else if constexpr (std::is_invocable_v<F&, ReadModel&, const E&>) {
        return CallInboxHandler(*shared, *db, event);
      } else if constexpr (std::is_invocable_v<F&, const E&, const Received&>) {
        return CallInboxHandler(*shared, event, at);
      } else {
        return CallInboxHandler(*shared, event);
      }
    };
    by_type_.insert_or_assign(std::string(E::descriptor()->full_name()), std::move(handler));
    return *this;
  }
  template <typename F>
  InboxHandlers& On(F callback) {
    if constexpr (internal::TakesReadModel<F>) {
      using E = typename decltype(internal::EventAfter<ReadModel&>::In(callback))::type;
      return On<E, F>(std::move(callback));
    } else {
      using E = typename decltype(internal::EventAfter<>::In(callback))::type;
      return On<E, F>(std::move(callback));
    }
  }

  // The contracts that have a callback.
  std::vector<std::string> types() const {
    std::vector<std::string> types;
    for (const auto& [type, handler] : by_type_) types.push_back(type);
    return types;
  }

  const internal::InboxHandler* Find(std::string_view type) const {
    const auto found = by_type_.find(type);
    return found == by_type_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, internal::InboxHandler, std::less<>> by_type_;
};

// What an inbox does with a message that is no CloudEvent, or whose type has no handler.
enum class Stray { kPark, kIgnore };

struct InboxOptions {
  // A SQLite file, made if it is not there. It may be your own, with tables of your own: Daybook's
  // begin with daybook_. It is put into WAL mode. Not the file of a log or of a read model. Several
  // inboxes, of the same consumer or others, in several processes, may have it open. Beside it
  // stand its -wal, -shm and -turn.
  std::string path = {};
  // SQL that makes your tables, run once, when the file is made; in a file that has an inbox or
  // tables of any kind it is not looked at, so that what it changes you change yourself. May be
  // empty. Foreign keys are not enforced.
  std::string schema = {};
  // Who consumes: marks are kept for each consumer. 1 to 200 bytes, none below 0x20.
  std::string consumer = {};

  Stray malformed = Stray::kPark;
  Stray unknown_type = Stray::kIgnore;

  RetryPolicy retry = {};
  // Reaching it, nothing more is taken from the broker. 1 to 1,000,000.
  int64_t max_parked = 1000;

  // Marks in the file are forgotten after so long, in small steps: a duplicate that comes later has
  // its effect again. (Once-keys are kept as their store says.) At least an hour; hours::max() is
  // for ever.
  std::chrono::hours retention = std::chrono::hours(7 * 24);
};

// What became of a message that an inbox took: with each the broker may forget it.
enum class Receipt {
  kHandled,
  kDuplicate,  // its mark is in the file; a once-key found again shows in the append's answer
  kIgnored,
  kParked,  // now, or earlier: a message stands there once, however often it comes
};

std::string_view Name(Receipt receipt);

// A message set aside.
struct ParkedMessage {
  int64_t number = 0;  // in the order they were parked
  // Its partition key; without one, source and id, so that it stands alone. "malformed <UUID>" if
  // it is malformed.
  std::string lane = {};
  std::string type = {};  // empty if malformed, as source and id
  std::string source = {};
  std::string id = {};
  absl::Status reason = {};  // of the last attempt; kAborted if it only stands behind another
  int attempts = 0;
  RecordedTime parked_at = {};
  RecordedTime tried_at = {};  // last; the epoch if never
};

// Thread-safe. Does nothing between calls: it has no threads.
//
// A handler must not call its own inbox: with a ReadModel it would wait for itself. Such a handler
// holds the file's only write transaction: others, also in other processes, wait for it, and for no
// longer than five seconds. Its own network calls do not belong there.
class Inbox {
 public:
  // kInvalidArgument: an option out of bounds, a schema that SQLite does not take, or the file is a
  // log, a read model or another program's. kFailedPrecondition: it was made by a newer Daybook.
  // kNotFound: no such folder. kPermissionDenied: it cannot be written. kDataLoss: no database, or
  // damaged. kUnavailable: locked for longer than five seconds.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Inbox>> Open(InboxOptions options,
                                                                   InboxHandlers handlers);
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // Takes a message: the broker may forget it once this has returned a receipt; what the receipt
  // says is synced to the disk. Sleeps between attempts. Messages of one partition key must come
  // one after the other.
  //
  // A message is parked as it came, with a body of up to 128 MiB at least. What cannot be decoded
  // is parked at once: kDataLoss, bytes that are no E; kInvalidArgument, a content type that is
  // neither Protobuf (or empty) nor JSON.
  //
  // A status says that the message was not taken, and is to be delivered again later. It is marked
  // as an Outage: the handler's Outage or Halt; kUnavailable, kPermissionDenied: the file cannot be
  // written; kFailedPrecondition: it must be opened anew, for a sync has failed;
  // kResourceExhausted: the disk is full, or as many are parked as may be; kDeadlineExceeded:
  // `stop` was requested. kInvalidArgument, of the second form alone: Check().
  //
  // Cost: a handler with a ReadModel, one commit; one without, a look into the file.
  [[nodiscard]] absl::StatusOr<Receipt> Receive(const WireMessage& message,
                                                std::stop_token stop = {});
  [[nodiscard]] absl::StatusOr<Receipt> Receive(const IntegrationEvent& event,
                                                std::stop_token stop = {});

  // In the order they were parked, behind number `after`, at most `limit` (1 or more).
  [[nodiscard]] absl::StatusOr<std::vector<ParkedMessage>> Parked(int64_t after = 0,
                                                                  int64_t limit = 1000);

  // Handles the messages of a lane from its front, each once, on this thread, until it is empty or
  // its front fails again; that failure is returned. What comes in for the lane meanwhile joins its
  // end and is handled too. kNotFound: there is no such lane. kUnavailable: another replay of this
  // file is under way, in this or another process.
  [[nodiscard]] absl::Status Replay(std::string_view lane);
  // All lanes that are there; the first failure is returned, after all were tried.
  [[nodiscard]] absl::Status ReplayAll();

  // Drops a parked message for good: it is marked as handled, so that when it comes again it is a
  // duplicate (but one that is malformed has no id, and is parked again). kNotFound: it is not
  // there.
  [[nodiscard]] absl::Status Discard(int64_t number);

  const InboxOptions& options() const;

 private:
  class Impl;
  explicit Inbox(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace daybook

#endif  // DAYBOOK_INBOX_H_
