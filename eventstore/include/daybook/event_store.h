// The log: append events to streams, read them back by stream or as a whole.
//
//   daybook::EventStore& store = ...;
//   auto appended = store.Append("order-42", daybook::ExpectedVersion::NoStream(),
//                                {{.type = "shop.OrderPlaced", .payload = bytes}});
//   if (daybook::IsConflict(appended.status())) ...        // somebody else placed order 42
//
//   auto seen = store.Visit(daybook::StreamQuery{.stream = "order-42"},
//                           [](const daybook::RecordedEvent& event) {
//                             std::cout << event.version() << ' ' << event.type() << '\n';
//                             return absl::OkStatus();
//                           });
//
// EventStore is the interface; SqliteEventStore the embedded implementation. It stores bytes and
// knows no aggregate. Every method may be called from any thread at any time, unless it says
// otherwise. Statuses: see daybook/status.h.

#ifndef DAYBOOK_EVENT_STORE_H_
#define DAYBOOK_EVENT_STORE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event.h"

namespace daybook {

// Bounds. What exceeds them is refused with kInvalidArgument, and nothing of the request is
// written. So is a query with a negative limit.
inline constexpr size_t kMaxStreamNameBytes = 512;
inline constexpr size_t kMaxTypeNameBytes = 256;
inline constexpr size_t kMaxPayloadBytes = 16u << 20;
inline constexpr size_t kMaxMetadataBytes = 64u << 10;
inline constexpr size_t kMaxAppendEvents = 10'000;    // in one request
inline constexpr size_t kMaxAppendBytes = 64u << 20;  // payloads, metadata and rows of a request
inline constexpr size_t kMaxOnceKeyBytes = 512;       // scope and key, each
inline constexpr size_t kMaxRowKeyBytes = 1024;       // table and key, each
inline constexpr size_t kMaxRowValueBytes = 64u << 10;
inline constexpr size_t kMaxAppendRows = 10'000;  // checks and changes of a request
inline constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// What a writer believes about a stream. If it does not hold, the append is refused with kAborted
// (IsConflict() is true, ActualVersion() tells the version).
class ExpectedVersion {
 public:
  static constexpr ExpectedVersion Any() { return ExpectedVersion(kAny); }
  // Holds no events: never written, or deleted since.
  static constexpr ExpectedVersion NoStream() { return ExpectedVersion(kNoStream); }
  // Holds at least one event.
  static constexpr ExpectedVersion Exists() { return ExpectedVersion(kExists); }
  // Exactly this version; an append that expects a negative one is kInvalidArgument.
  static constexpr ExpectedVersion Exactly(Version version) { return ExpectedVersion(version); }

  constexpr ExpectedVersion() = default;  // Any()
  // NOLINTNEXTLINE(google-explicit-constructor): a version reads as itself
  constexpr ExpectedVersion(Version version) : kind_(kExactly), version_(version) {}

  // Set if, and only if, this is Exactly(version).
  constexpr std::optional<Version> exact() const {
    return kind_ == kExactly ? std::optional<Version>(version_) : std::nullopt;
  }
  friend constexpr bool operator==(ExpectedVersion, ExpectedVersion) = default;

 private:
  enum Kind : char { kAny, kNoStream, kExists, kExactly };
  constexpr explicit ExpectedVersion(Kind kind) : kind_(kind) {}

  Kind kind_ = kAny;
  Version version_ = {};
};

// The events for one stream, in order.
struct StreamAppend {
  // "category-id": both parts not empty, no byte below 0x20, at most kMaxStreamNameBytes.
  std::string stream = {};
  ExpectedVersion expected = ExpectedVersion::Any();
  std::vector<NewEvent> events = {};  // at least one
  // If given, the append is also refused, as a conflict, unless this is the stream's
  // StreamState::first: what was decided on has not been deleted since. (A deletion does not move
  // the version.)
  std::optional<Version> first = {};
};

// (scope, key), stored with what it made happen. A request that carries one which is already stored
// writes nothing and gets the first answer back. Kept for the store's retention (7 days by
// default). Both 1 to kMaxOnceKeyBytes. Scopes keep keys of different origin apart: "command",
// "POST /orders", the name of a consumer.
struct OnceKey {
  std::string scope = {};
  std::string key = {};

  friend bool operator==(const OnceKey&, const OnceKey&) = default;
};

// Small named rows that live beside the events and change in the same commit: checkpoints, leases,
// parked records. `value` nullopt: there is no such row.
struct Row {
  std::string table = {};
  std::string key = {};
  std::optional<std::string> value = {};

  friend bool operator==(const Row&, const Row&) = default;
};

// One atomic change of the log: all of it or nothing. What is wrong with one request never touches
// another, although the store commits requests of several callers together.
struct AppendRequest {
  std::vector<StreamAppend> streams = {};  // each stream at most once; no event id twice
  std::optional<OnceKey> once = {};

  // The request goes ahead only if each of these rows is as given; otherwise kAborted.
  std::vector<Row> row_checks = {};
  // Rows to write, or to remove (value nullopt). Each at most once.
  std::vector<Row> row_changes = {};
};

// What became of one stream of a request: the version and position of its last event. The events
// before it stand at the versions and positions before that.
struct Appended {
  Version version = {};
  Position position = {};

  friend bool operator==(const Appended&, const Appended&) = default;
};

struct AppendResult {
  std::vector<Appended> streams = {};  // as in the request

  // Nothing was written now: this request had been appended before (same once-key, or same event
  // ids at the same expected versions), and this is what was answered then.
  bool repeated = false;
};

enum class Direction { kForwards, kBackwards };

// A stream's events at versions in (after, before), both ends excluded.
struct StreamQuery {
  std::string stream = {};
  Version after = {};
  std::optional<Version> before = {};  // nullopt: to the end
  Direction direction = Direction::kForwards;
  int64_t limit = kNoLimit;
};

// Which events of the log to see. What is given must all hold; an empty member asks nothing.
struct Filter {
  std::string category = {};  // without a '-', which no category holds
  std::vector<std::string> types = {};
  std::string stream_prefix = {};
};

// The log's events at positions in (after, before), both ends excluded. To page on, set `after`
// (forwards) or `before` (backwards) to the `looked` of the page before.
struct LogQuery {
  Position after = {};
  std::optional<Position> before = {};  // nullopt: to the end
  Direction direction = Direction::kForwards;
  Filter filter = {};
  int64_t limit = 1000;  // of events that pass the filter
};

// How far a read of the log looked. A scan ends after `limit` events, or after kMaxScan events
// looked at, or at the end of its range.
struct LogScan {
  // Forwards: all up to and including this position has been looked at. Backwards: all from here
  // on. It passes holes, and may be set although no event passed the filter.
  Position looked = {};
  // The range is exhausted: there is nothing more, for now.
  bool end = false;
};
inline constexpr int64_t kMaxScan = 65'536;

struct LogPage {
  std::vector<StoredEvent> events = {};
  Position looked = {};  // as in LogScan
  bool end = false;
};

// What is known of a stream.
struct StreamState {
  // 0: never written.
  Version version = {};
  // The lowest version still stored. 1, until the stream is deleted; then `version` + 1.
  Version first = Version(1);
  // Refuses every append for ever.
  bool tombstoned = false;

  bool exists() const { return version >= first; }
};

struct StreamPage {
  std::vector<StoredEvent> events = {};
  StreamState state = {};
};

// The names of streams that exist, in byte order.
struct StreamListQuery {
  std::string category = {};  // without a '-', which no category holds; empty: all
  std::string after = {};     // a stream's name: only those behind it
  int64_t limit = 1000;
};

// Rows of one table in byte order of their keys.
struct RowQuery {
  std::string table = {};  // not empty
  std::string key_prefix = {};
  std::string after = {};  // a key: only those behind it
  int64_t limit = 1000;
};

// Called for each event in turn. A status that is not OK ends the read and is returned from it; an
// exception too, as kInternal. What the views show ends with the call.
using Visitor = std::function<absl::Status(const RecordedEvent&)>;

class EventStore {
 public:
  virtual ~EventStore() = default;
  EventStore() = default;
  EventStore(const EventStore&) = delete;
  EventStore& operator=(const EventStore&) = delete;

  // ---- Writing --------------------------------------------------------------------------------

  // Appends, and returns when the commit is as durable as the store promises. Callers on several
  // threads share commits: throughput grows with their number.
  //
  // Repeating a request with the same event ids at the same expected versions (exactly N, or no
  // stream, for each stream of it) answers what was answered first, `repeated` set. With Any and
  // Exists, and after a delete, there is nothing to compare, and a repetition appends again: give
  // those a once-key.
  //
  // kAborted: an expected version or a row check does not hold. kFailedPrecondition: a stream is
  // tombstoned, or the store needs reopening. kInvalidArgument: a bound is broken.
  // kResourceExhausted: the disk is full. kUnavailable: another process held the file longer than
  // the busy timeout. With these nothing was written. kUnknown: see daybook/status.h.
  [[nodiscard]] virtual absl::StatusOr<AppendResult> Append(const AppendRequest& request) = 0;

  // The same for one stream.
  [[nodiscard]] absl::StatusOr<Appended> Append(std::string_view stream, ExpectedVersion expected,
                                                std::vector<NewEvent> events);

  // Removes a stream's events for good; their positions stay empty. The version does not fall: the
  // next event gets the version after the last removed. Deleting what holds no events changes
  // nothing. Cost: one transaction over all the events, about a page of the write-ahead log each.
  // Returns the stream's state after it. Statuses as for Append.
  [[nodiscard]] virtual absl::StatusOr<StreamState> Delete(std::string_view stream,
                                                           ExpectedVersion expected) = 0;

  // Delete, and refuse every later append with kFailedPrecondition.
  [[nodiscard]] virtual absl::StatusOr<StreamState> Tombstone(std::string_view stream,
                                                              ExpectedVersion expected) = 0;

  // ---- Reading --------------------------------------------------------------------------------
  // A read sees one moment of the log. Nothing to see is not an error: no events, version 0.

  // Shows the visitor each event straight from the store's row, without a copy and in constant
  // memory. The read stands open while the visitor works: with a slow visitor the write-ahead log
  // grows, so let it be quick, or use Read. A visitor may append and read.
  [[nodiscard]] virtual absl::StatusOr<StreamState> Visit(const StreamQuery& query,
                                                          const Visitor& visitor) = 0;
  [[nodiscard]] virtual absl::StatusOr<LogScan> Visit(const LogQuery& query,
                                                      const Visitor& visitor) = 0;

  // The same, copied: the read has ended when this returns. A page of the log also ends once its
  // events hold more than kMaxPageBytes. A stream is read whole unless limited.
  [[nodiscard]] absl::StatusOr<StreamPage> Read(const StreamQuery& query);
  [[nodiscard]] absl::StatusOr<LogPage> Read(const LogQuery& query);
  static constexpr size_t kMaxPageBytes = 8u << 20;

  // Cost: two index look-ups.
  [[nodiscard]] virtual absl::StatusOr<StreamState> State(std::string_view stream) = 0;

  [[nodiscard]] virtual absl::StatusOr<std::vector<std::string>> ListStreams(
      const StreamListQuery& query) = 0;

  // What was answered to the request that carried this key; nullopt if none did, or if it has been
  // forgotten since.
  [[nodiscard]] virtual absl::StatusOr<std::optional<AppendResult>> FindOnce(
      const OnceKey& once) = 0;

  [[nodiscard]] virtual absl::StatusOr<std::vector<Row>> ReadRows(const RowQuery& query) = 0;

  // ---- Following ------------------------------------------------------------------------------

  // The position of the newest event ever appended; 0 for none.
  [[nodiscard]] virtual absl::StatusOr<Position> Head() = 0;

  // A number that changes with each deletion, by whatever process, before it is acknowledged: who
  // keeps events in memory compares it with that of before they were read. Cost: a load.
  [[nodiscard]] virtual uint32_t Deletions() const = 0;

  // Waits until the head is beyond `position`, and returns the head. Woken within milliseconds,
  // also by another process's commit; idle it costs nothing. kDeadlineExceeded: the deadline came
  // first, or `stop` was requested.
  [[nodiscard]] virtual absl::StatusOr<Position> WaitBeyond(
      Position position, std::chrono::steady_clock::time_point deadline,
      std::stop_token stop = {}) = 0;
};

}  // namespace daybook

#endif  // DAYBOOK_EVENT_STORE_H_
