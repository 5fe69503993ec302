#include "daybook/event.h"

#include <sys/random.h>

#include <algorithm>
#include <boost/uuid/string_generator.hpp>
#include <boost/uuid/uuid.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <cerrno>
#include <cstdlib>
#include <ostream>
#include <stdexcept>

#include "event_ids.h"

namespace daybook {
namespace {

constexpr size_t kUuidTextSize = 36;
constexpr size_t kRandomBytesPerId = 10;
constexpr size_t kIdsPerDraw = 25;  // getrandom() gives up to 256 bytes whole

void FillRandom(std::span<uint8_t> bytes) {
  ssize_t got;
  do {
    got = getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  // Without randomness ids would collide, and nothing built on them would hold.
  if (got != static_cast<ssize_t>(bytes.size())) std::abort();
}

// RFC 9562, section 5.7: 48 bits of Unix time in milliseconds, version, 12 random bits, variant, 62
// random bits.
EventId MakeUuidV7(int64_t unix_millis, std::span<const uint8_t> random) {
  std::array<uint8_t, EventId::kSize> bytes;
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<uint8_t>(unix_millis >> (40 - 8 * i));
  std::copy_n(random.begin(), kRandomBytesPerId, bytes.begin() + 6);
  bytes[6] = static_cast<uint8_t>(0x70 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<uint8_t>(0x80 | (bytes[8] & 0x3f));
  return EventId(bytes);
}

}  // namespace

namespace internal {

void GenerateIds(std::span<EventId> ids) {
  const int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  std::array<uint8_t, kIdsPerDraw * kRandomBytesPerId> random;
  for (size_t done = 0; done < ids.size(); done += kIdsPerDraw) {
    const size_t count = std::min(kIdsPerDraw, ids.size() - done);
    FillRandom(std::span(random).first(count * kRandomBytesPerId));
    for (size_t i = 0; i < count; ++i) {
      ids[done + i] =
          MakeUuidV7(now, std::span(random).subspan(i * kRandomBytesPerId, kRandomBytesPerId));
    }
  }
}

}  // namespace internal

std::ostream& operator<<(std::ostream& out, Version version) { return out << version.value(); }
std::ostream& operator<<(std::ostream& out, Position position) { return out << position.value(); }
std::ostream& operator<<(std::ostream& out, const EventId& id) { return out << id.ToString(); }

EventId EventId::Generate() {
  EventId id;
  internal::GenerateIds(std::span(&id, 1));
  return id;
}

std::optional<EventId> EventId::Parse(std::string_view text) {
  if (text.size() != kUuidTextSize) return std::nullopt;
  try {
    const boost::uuids::uuid parsed = boost::uuids::string_generator()(text.begin(), text.end());
    std::array<uint8_t, kSize> bytes;
    std::copy(parsed.begin(), parsed.end(), bytes.begin());
    return EventId(bytes);
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
}

std::string EventId::ToString() const {
  boost::uuids::uuid uuid;
  std::copy(bytes_.begin(), bytes_.end(), uuid.begin());
  return boost::uuids::to_string(uuid);
}

std::string_view CategoryOf(std::string_view stream) { return stream.substr(0, stream.find('-')); }

std::string_view IdOf(std::string_view stream) {
  const size_t dash = stream.find('-');
  return dash == std::string_view::npos ? std::string_view() : stream.substr(dash + 1);
}

std::string_view RecordedEvent::category() const { return CategoryOf(fields_.stream); }
std::string_view RecordedEvent::stream_id() const { return IdOf(fields_.stream); }

StoredEvent::StoredEvent(const RecordedEvent& event)
    : position(event.position()),
      version(event.version()),
      id(event.id()),
      time(event.time()),
      type_key(event.type_key()),
      stream(event.stream()),
      type(event.type()),
      metadata(event.metadata()),
      payload(event.payload()) {}

RecordedEvent StoredEvent::View() const {
  return RecordedEvent({.position = position,
                        .version = version,
                        .id = id,
                        .time = time,
                        .type_key = type_key,
                        .stream = stream,
                        .type = type,
                        .metadata = metadata,
                        .payload = payload});
}

}  // namespace daybook
