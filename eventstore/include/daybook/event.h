// What the log holds: events, where they stand, and what they are called.
//
//   daybook::NewEvent paid{.type = "shop.OrderPaid", .payload = bytes};
//   store.Append("order-42", daybook::ExpectedVersion::Any(), {paid});
//
// Everything here is a value. Nothing here talks to a file.

#ifndef DAYBOOK_EVENT_H_
#define DAYBOOK_EVENT_H_

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace daybook {

// A count of events that cannot be mixed with another kind of count: see Version and Position.
template <typename Tag>
class Ordinal {
 public:
  constexpr Ordinal() = default;
  constexpr explicit Ordinal(int64_t value) : value_(value) {}

  constexpr int64_t value() const { return value_; }

  friend constexpr auto operator<=>(Ordinal, Ordinal) = default;
  friend constexpr Ordinal operator+(Ordinal a, int64_t n) { return Ordinal(a.value_ + n); }
  friend constexpr Ordinal operator-(Ordinal a, int64_t n) { return Ordinal(a.value_ - n); }
  friend constexpr int64_t operator-(Ordinal a, Ordinal b) { return a.value_ - b.value_; }

 private:
  int64_t value_ = 0;
};

// How many events were ever appended to a stream. The first event is version 1; a stream never
// written has version 0. It never falls, not even when the stream is deleted.
using Version = Ordinal<struct VersionTag>;

// Where an event stands in the whole log. The first is 1; 0 is "before the first". Positions
// follow commit order: whoever sees an event has seen, or can read, all that stand below it. They
// are given out without gaps and never used twice; deleting a stream leaves holes.
using Position = Ordinal<struct PositionTag>;

std::ostream& operator<<(std::ostream& out, Version version);
std::ostream& operator<<(std::ostream& out, Position position);

// When an event was recorded: UTC, in microseconds. Along positions it never falls, even when the
// machine's clock is set back.
using RecordedTime = std::chrono::sys_time<std::chrono::microseconds>;

// The identity of an event: a UUID (RFC 9562). A default-made one is nil and names no event.
class EventId {
 public:
  static constexpr size_t kSize = 16;

  constexpr EventId() = default;
  constexpr explicit EventId(const std::array<uint8_t, kSize>& bytes) : bytes_(bytes) {}

  // A new UUIDv7: it sorts by the millisecond in which it was made. The rest is the kernel's
  // randomness, so ids stay distinct across threads, processes and fork(). One system call.
  static EventId Generate();

  // Reads the 36-character form, in either case. nullopt for anything else.
  static std::optional<EventId> Parse(std::string_view text);

  // The 36-character form, lower case.
  std::string ToString() const;

  constexpr std::span<const uint8_t, kSize> bytes() const { return bytes_; }
  constexpr bool is_nil() const { return *this == EventId(); }

  friend constexpr auto operator<=>(const EventId&, const EventId&) = default;

 private:
  std::array<uint8_t, kSize> bytes_{};
};

std::ostream& operator<<(std::ostream& out, const EventId& id);

// An event on its way into the log.
struct NewEvent {
  // Nil: the store gives a UUIDv7. Give your own if you may have to repeat the append.
  EventId id = {};

  // What happened: the Protobuf message's full name, e.g. "shop.orders.v1.OrderShipped".
  // 1 to kMaxTypeNameBytes bytes, none below 0x20.
  std::string type = {};

  // The serialized message. At most kMaxPayloadBytes. The log does not look inside.
  std::string payload = {};

  // About the event rather than of it: cause, trace, actor. At most kMaxMetadataBytes. The
  // framework stores a serialized daybook.Metadata; the log does not look inside.
  std::string metadata = {};
};

// An event as it stands in the log, seen through views. They end with the callback that was handed
// it: copy what must stay, or take a StoredEvent. Safe to read from several threads until then.
class RecordedEvent {
 public:
  struct Fields {
    Position position = {};
    Version version = {};
    EventId id = {};
    RecordedTime time = {};
    int type_key = 0;
    std::string_view stream = {};
    std::string_view type = {};
    std::string_view metadata = {};
    std::string_view payload = {};
  };

  explicit RecordedEvent(const Fields& fields) : fields_(fields) {}

  Position position() const { return fields_.position; }
  Version version() const { return fields_.version; }
  const EventId& id() const { return fields_.id; }
  RecordedTime time() const { return fields_.time; }

  // "order-42", and its two parts: "order" and "42".
  std::string_view stream() const { return fields_.stream; }
  std::string_view category() const;
  std::string_view stream_id() const;

  std::string_view type() const { return fields_.type; }

  // A small positive number that stands for type(): the same for equal names as long as the store
  // is open. Lets a reader index a table instead of comparing strings.
  int type_key() const { return fields_.type_key; }

  std::string_view metadata() const { return fields_.metadata; }
  std::string_view payload() const { return fields_.payload; }

 private:
  Fields fields_;
};

// A RecordedEvent that owns its bytes.
struct StoredEvent {
  StoredEvent() = default;
  explicit StoredEvent(const RecordedEvent& event);

  // Views into this object; they end when it is changed, moved or destroyed.
  RecordedEvent View() const;

  Position position = {};
  Version version = {};
  EventId id = {};
  RecordedTime time = {};
  int type_key = 0;
  std::string stream = {};
  std::string type = {};
  std::string metadata = {};
  std::string payload = {};
};

// The two parts of a stream's name "category-id". A category holds no '-'; an id may.
std::string_view CategoryOf(std::string_view stream);
std::string_view IdOf(std::string_view stream);

}  // namespace daybook

#endif  // DAYBOOK_EVENT_H_
