// Translators: map domain events, which are private, to integration events, which are a contract.
//
//   daybook::Translator contracts({.source = "/shop/orders"});
//   contracts.On([](const OrderPaid& event, const daybook::RecordedEvent& at) {
//     shop::contracts::v1::OrderPaid out;
//     out.set_order_id(std::string(at.stream_id()));
//     return out;
//   });
//   contracts.Ignore<OrderPlaced, LineAdded>();        // said, not forgotten
//
// What a callback returns goes out: a message, a vector of them (none, one or several), or a
// StatusOr of either. Several On for one event all go out, in the order they were made: v1 and v2
// of a contract side by side. The messages live in .proto packages of their own, with a version.
//
// Everything else of the CloudEvent is derived from where the event stands in the log, so that
// whoever publishes it, how often ever, sends the same:
//
//   id             a UUIDv5 of event id, stream, version, the contract's full name, and which one
//                  it is of those of this contract that were made from the event
//   type           the contract's full name           dataschema     its type URL
//   subject        at.stream_id()                     partitionkey   at.stream()
//   time           at.time()                          sequence       the position, in 20 digits
//   causationid    the event's id                     correlationid  from its metadata, or its id
//   traceparent, tracestate                           from its metadata

#ifndef DAYBOOK_TRANSLATOR_H_
#define DAYBOOK_TRANSLATOR_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event.h"
#include "daybook/event_handlers.h"
#include "daybook/integration_event.h"
#include "google/protobuf/message.h"

namespace daybook {

struct TranslatorOptions {
  // The CloudEvents `source`: a URI reference that names this service's events, and is the same on
  // every host and after every restart: "/shop/orders", "https://shop.example/orders". Required.
  std::string source = {};

  // The data: the message in Protobuf's bytes, or as JSON, for consumers without Protobuf.
  enum Data { kProtobuf, kJson };
  Data data = kProtobuf;
};

// Set it up from one thread; then Translate() may be called from several, as far as the callbacks
// may.
class Translator {
 public:
  explicit Translator(TranslatorOptions options) : options_(std::move(options)) {}

  // Translates events of type E, also those stored under its former names. E is deduced from a
  // callback that is not generic. `callback` takes (const E&, const RecordedEvent&) or (const E&).
  // It may run more than once for one event: it must give the same messages for it always.
  template <typename E, typename F>
  Translator& On(F callback) {
    static_assert(std::is_base_of_v<google::protobuf::Message, E>, "events are Protobuf messages");
    Add(E::default_instance(),
        [callback = std::move(callback)](const google::protobuf::Message& message,
                                         const RecordedEvent& at) mutable {
          const E& event = static_cast<const E&>(message);
          if constexpr (std::is_invocable_v<F&, const E&, const RecordedEvent&>) {
            return Messages(callback(event, at));
          } else {
            return Messages(callback(event));
          }
        });
    return *this;
  }
  template <typename F>
  Translator& On(F callback) {
    using E = typename decltype(internal::EventAfter<>::In(callback))::type;
    return On<E, F>(std::move(callback));
  }

  // Nothing goes out for these. An event is either translated or ignored: see Check().
  template <typename... E>
  Translator& Ignore() {
    (AddIgnored(E::default_instance()), ...);
    return *this;
  }

  // What goes out for the event, each a whole CloudEvent. A callback's status and what it threw are
  // returned. kFailedPrecondition, marked Halt: the event is neither translated nor ignored.
  // kDataLoss, marked Permanent: its payload cannot be decoded. kInvalidArgument, marked Permanent:
  // what was made cannot go on the wire (see Check).
  [[nodiscard]] absl::StatusOr<std::vector<IntegrationEvent>> Translate(
      const RecordedEvent& event) const;

  // kInvalidArgument: the source is empty or no URI reference, or an event is both translated and
  // ignored. A publisher asks this when it starts.
  [[nodiscard]] absl::Status Check() const;

  // The full names of the events that are translated or ignored, former names too.
  std::vector<std::string> types() const;

 private:
  using Made = absl::StatusOr<std::vector<std::unique_ptr<google::protobuf::Message>>>;
  using Callback = std::function<Made(const google::protobuf::Message&, const RecordedEvent&)>;
  struct Entry {
    const google::protobuf::Message* prototype = nullptr;
    std::vector<Callback> callbacks = {};
    bool ignored = false;
  };

  template <typename M>
  static Made Messages(M message) {
    if constexpr (std::is_base_of_v<google::protobuf::Message, M>) {
      std::vector<std::unique_ptr<google::protobuf::Message>> made;
      made.push_back(std::make_unique<M>(std::move(message)));
      return made;
    } else {
      return MessagesOf(std::move(message));
    }
  }
  template <typename M>
  static Made MessagesOf(std::vector<M> messages) {
    static_assert(std::is_base_of_v<google::protobuf::Message, M>,
                  "a translation is a Protobuf message, a vector of them, or a StatusOr of either");
    std::vector<std::unique_ptr<google::protobuf::Message>> made;
    for (M& message : messages) made.push_back(std::make_unique<M>(std::move(message)));
    return made;
  }
  template <typename M>
  static Made MessagesOf(absl::StatusOr<M> made) {
    if (!made.ok()) return made.status();
    return Messages(*std::move(made));
  }

  static Made Call(const Callback& callback, const google::protobuf::Message& message,
                   const RecordedEvent& event);
  void Add(const google::protobuf::Message& prototype, Callback callback);
  void AddIgnored(const google::protobuf::Message& prototype);
  Entry& EntryOf(const google::protobuf::Message& prototype);

  TranslatorOptions options_;
  std::map<std::string, std::shared_ptr<Entry>, std::less<>> by_name_;
};

}  // namespace daybook

#endif  // DAYBOOK_TRANSLATOR_H_
