// Aggregates: objects whose state is only what their events made it.
//
//   class Order : public daybook::Aggregate<Order, daybook::Events<OrderPlaced, OrderShipped>> {
//    public:
//     static constexpr std::string_view kCategory = "order";   // streams are named order-<id>
//
//     absl::Status Ship(std::string carrier) {
//       if (!placed_) return absl::FailedPreconditionError("no such order");
//       if (shipped_) return absl::OkStatus();                  // already so: no event
//       OrderShipped event;
//       event.set_carrier(std::move(carrier));
//       return Emit(event);                                     // applies it, and records it
//     }
//
//    private:
//     friend Aggregate;
//     void Apply(const OrderPlaced&) { placed_ = true; }
//     void Apply(const OrderShipped&) { shipped_ = true; }
//
//     bool placed_ = false, shipped_ = false;
//   };
//
// Commands decide and Emit; Apply changes the state, in commands as in replay. A Repository loads,
// runs and stores aggregates.

#ifndef DAYBOOK_AGGREGATE_H_
#define DAYBOOK_AGGREGATE_H_

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "daybook/event.h"
#include "google/protobuf/message.h"

namespace daybook {

// The Protobuf messages an aggregate emits and applies.
template <typename... E>
struct Events {};

// These two are never defined. A compiler that names one of them says what is missing:
// AggregateNeedsApply<Order, OrderPlaced>: Order lists OrderPlaced, but has no
// `void Apply(const OrderPlaced&)` that `friend Aggregate` can call.
template <typename Aggregate, typename Event>
struct AggregateNeedsApply;
// EventIsNotListed<Order, OrderLost>: Order emits OrderLost, which is not in its Events<...>.
template <typename Aggregate, typename Event>
struct EventIsNotListed;

namespace internal {
class AggregateAccess;

// The event types of an aggregate, and the names under which each may be found in the log.
class EventTable {
 public:
  explicit EventTable(std::vector<const google::protobuf::Descriptor*> types);

  // The index in Events<...> of the event stored as `name`, a former name included; -1 if none is.
  int Find(std::string_view name) const;

  // kInvalidArgument if two events claim one name.
  const absl::Status& status() const { return status_; }
  const std::vector<const google::protobuf::Descriptor*>& types() const { return types_; }

 private:
  std::vector<const google::protobuf::Descriptor*> types_;
  std::vector<std::pair<std::string, int>> names_;  // sorted
  absl::Status status_;
};

// False: the bytes cannot be read. Protobuf's own remarks on them, to stderr, are held back.
bool ParseSilently(std::string_view bytes, google::protobuf::Message& message);

// One message per event type, made when first needed and parsed into again and again.
using ReplayBuffer = std::vector<std::unique_ptr<google::protobuf::Message>>;
}  // namespace internal

// What all aggregates have. Not thread-safe: a Repository runs one command at a time on it.
class AggregateBase {
 public:
  virtual ~AggregateBase() = default;

  // The part of the stream's name behind the category: "42" of "order-42".
  const std::string& id() const { return id_; }

  // The version this state stands at: the events applied, those emitted by this command included.
  // 0: nothing has happened yet.
  Version version() const { return version_; }

 protected:
  AggregateBase() = default;
  AggregateBase(const AggregateBase&) = default;
  AggregateBase(AggregateBase&&) = default;
  AggregateBase& operator=(const AggregateBase&) = default;
  AggregateBase& operator=(AggregateBase&&) = default;

  // Records an event for the append, before it is applied.
  absl::Status Record(const google::protobuf::Message& event);

  // The state is that of no version any more.
  void ApplyThrew();

  // True while an Apply runs, which must not emit.
  bool applying_ = false;

 private:
  friend class internal::AggregateAccess;

  virtual const internal::EventTable& Table() const = 0;
  virtual absl::Status Replay(size_t event, std::string_view payload,
                              internal::ReplayBuffer& buffer) = 0;

  std::string id_;
  Version version_;
  std::vector<NewEvent> emitted_;
  absl::Status misuse_;
};

// Derive from it as above. REQUIRES of Derived: default constructible, copyable; a `kCategory`
// that is not empty and holds no '-'; for each event E an `Apply(const E&)` that does not fail,
// read a clock, or emit. An exception from Apply discards the instance.
template <typename Derived, typename EventList>
class Aggregate;

template <typename Derived, typename... E>
class Aggregate<Derived, Events<E...>> : public AggregateBase {
  static_assert(sizeof...(E) > 0, "an aggregate lists at least one event");
  static_assert((std::is_base_of_v<google::protobuf::Message, E> && ...),
                "events are Protobuf messages, generated without `optimize_for = LITE_RUNTIME`");

 protected:
  Aggregate() { (RequireApply<E>(), ...); }

  // Says that `event` has happened: applies it to this object, and records it for the append that
  // follows the command. kInvalidArgument: larger than kMaxPayloadBytes, or not to be read back (a
  // string field that is not UTF-8); then neither is done.
  template <typename Event>
  absl::Status Emit(const Event& event) {
    if constexpr (!(std::is_same_v<Event, E> || ...)) {
      static_assert(sizeof(EventIsNotListed<Derived, Event>) != 0);
    }
    if (absl::Status recorded = Record(event); !recorded.ok()) return recorded;
    ApplyOne(static_cast<Derived&>(*this), event);
    return absl::OkStatus();
  }

 private:
  using ReplayOne = absl::Status (*)(Derived&, std::string_view,
                                     std::unique_ptr<google::protobuf::Message>&);

  template <typename Event>
  static void RequireApply() {
    if constexpr (!requires(Derived & self, const Event& event) { self.Apply(event); }) {
      static_assert(sizeof(AggregateNeedsApply<Derived, Event>) != 0);
    }
  }

  template <typename Event>
  static void ApplyOne(Derived& self, const Event& event) {
    self.applying_ = true;
    try {
      self.Apply(event);
    } catch (...) {
      self.ApplyThrew();
      throw;
    }
    self.applying_ = false;
  }

  template <typename Event>
  static absl::Status ParseAndApply(Derived& self, std::string_view payload,
                                    std::unique_ptr<google::protobuf::Message>& message) {
    if (message == nullptr) message = std::make_unique<Event>();
    auto& event = static_cast<Event&>(*message);
    if (!internal::ParseSilently(payload, event)) {
      return absl::DataLossError("its payload cannot be decoded");
    }
    ApplyOne(self, event);
    return absl::OkStatus();
  }

  const internal::EventTable& Table() const final {
    static const internal::EventTable table({E::descriptor()...});
    return table;
  }

  absl::Status Replay(size_t event, std::string_view payload,
                      internal::ReplayBuffer& buffer) final {
    static constexpr std::array<ReplayOne, sizeof...(E)> kReplay = {&ParseAndApply<E>...};
    buffer.resize(kReplay.size());
    return kReplay[event](static_cast<Derived&>(*this), payload, buffer[event]);
  }
};

}  // namespace daybook

#endif  // DAYBOOK_AGGREGATE_H_
