// Projections: tables made of events, in a SQLite file of their own, to be asked with SQL.
//
//   daybook::ProjectionHandlers handlers;
//   handlers.On([](daybook::ReadModel& db, const OrderPlaced& event,
//                  const daybook::RecordedEvent& at) {
//     return db.Execute("INSERT INTO orders VALUES (?1, ?2)", at.stream_id(), event.customer());
//   });
//   daybook::SqliteProjection orders(
//       store, {.name = "orders", .folder = "models",
//               .schema = "CREATE TABLE orders (id TEXT PRIMARY KEY, customer TEXT) STRICT"},
//       handlers);
//   if (absl::Status started = orders.Start(); !started.ok()) ...    // its own threads; RAII
//
//   daybook::ProjectionReader reader = orders.Reader();
//   auto rows = reader.Query("SELECT id FROM orders WHERE customer = ?1", "ada");
//   for (const daybook::ModelRow& row : *rows) std::cout << row.Text(0) << '\n';
//
// A projection is a subscription whose checkpoint stands in the file of its tables and commits with
// them: whatever happens, the tables hold what the events up to the checkpoint made, each once.
// While its process runs behind the log, readers see an earlier moment of the log, never a torn
// one.
//
// Changed handlers or tables: Rebuild(). It fills a new file, `<name>.v<N+1>.db`, from the log's
// beginning, while the old one stays live and up to date; when it has caught up, one row in the
// log's file makes it live, and readers see it at their next query. The subscription of version N
// goes by the name `<name>@v<N>` in daybook/subscriptions.h; a pause of it is one of the next
// version when that takes its place.
//
// The files are derived: they may be deleted while nothing uses them, and are made anew. Folder and
// name belong to one log. A power cut may take the newest commits of a read model, never the
// agreement of its tables and its checkpoint.

#ifndef DAYBOOK_PROJECTION_H_
#define DAYBOOK_PROJECTION_H_

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event.h"
#include "daybook/event_handlers.h"
#include "daybook/event_store.h"
#include "daybook/subscription.h"

namespace daybook {

namespace internal {
class SqlSession;
}  // namespace internal

// An argument of a statement: an integer, a floating-point number, text (seen, not copied) or
// nullptr, which is NULL.
class SqlArgument {
 public:
  // NOLINTBEGIN(google-explicit-constructor)
  SqlArgument(std::nullptr_t) {}
  SqlArgument(std::integral auto value) : value_(static_cast<int64_t>(value)) {}
  SqlArgument(std::floating_point auto value) : value_(static_cast<double>(value)) {}
  template <typename T>
  requires std::convertible_to<const T&, std::string_view> SqlArgument(const T& text)
      : value_(std::string_view(text)) {}
  // NOLINTEND(google-explicit-constructor)

  using Value = std::variant<std::nullptr_t, int64_t, double, std::string_view>;
  const Value& value() const { return value_; }

 private:
  Value value_ = nullptr;
};

// A row that a query found; it owns its values. Columns count from 0.
class ModelRow {
 public:
  using Value = std::variant<std::nullptr_t, int64_t, double, std::string>;
  explicit ModelRow(std::vector<Value> values) : values_(std::move(values)) {}

  // 0 for what is not a number; Int cuts off a fraction.
  int64_t Int(size_t column) const;
  double Real(size_t column) const;
  // Empty for what is neither text nor a blob. Ends with the row.
  std::string_view Text(size_t column) const;
  // True also for a column that is not there.
  bool IsNull(size_t column) const;

  size_t columns() const { return values_.size(); }

 private:
  std::vector<Value> values_;
};

// What handlers write to. It is theirs for the one call; not thread-safe.
//
// Statements are prepared once for each text: keep values out of it (?1, ?2, …). What a handler has
// written it can query. Transactions are not its business: BEGIN, COMMIT, SAVEPOINT, ATTACH and
// PRAGMA are refused with kPermissionDenied, as is writing to Daybook's own tables (daybook_…), and
// whatever is TEMP: it would not be in the file.
// Never use OR ROLLBACK or RAISE(ROLLBACK): they would undo earlier records too, so the projection
// stops.
//
// kAlreadyExists: a row with this key is there. kFailedPrecondition: another constraint.
// kInvalidArgument: SQLite does not take the statement; it says why.
class ReadModel {
 public:
  explicit ReadModel(internal::SqlSession& session) : session_(session) {}
  ReadModel(const ReadModel&) = delete;
  ReadModel& operator=(const ReadModel&) = delete;

  template <typename... Args>
  [[nodiscard]] absl::Status Execute(std::string_view sql, const Args&... args) {
    return Run(sql, std::array<SqlArgument, sizeof...(Args)>{SqlArgument(args)...}).status();
  }

  // All rows, copied.
  template <typename... Args>
  [[nodiscard]] absl::StatusOr<std::vector<ModelRow>> Query(std::string_view sql,
                                                            const Args&... args) {
    return Run(sql, std::array<SqlArgument, sizeof...(Args)>{SqlArgument(args)...});
  }

 private:
  absl::StatusOr<std::vector<ModelRow>> Run(std::string_view sql,
                                            std::span<const SqlArgument> arguments);

  internal::SqlSession& session_;
};

// What a projection does with each type of event.
class ProjectionHandlers {
 public:
  // As EventHandlers::On: `callback` takes (ReadModel&, const E&, const RecordedEvent&) or
  // (ReadModel&, const E&), and returns an absl::Status or nothing. What it wrote before it failed
  // is undone. It should touch nothing but the read model: a record is handled again when its
  // transaction was lost, and during a rebuild the same callback runs on two threads.
  template <typename E, typename F>
  ProjectionHandlers& On(F callback) {
    table_.Add<E>(std::move(callback));
    return *this;
  }
  template <typename F>
  ProjectionHandlers& On(F callback) {
    using E = typename decltype(internal::EventAfter<ReadModel&>::In(callback))::type;
    return On<E, F>(std::move(callback));
  }

  absl::Status Handle(ReadModel& db, const RecordedEvent& event) const {
    return table_.Handle(db, event);
  }
  std::vector<std::string> types() const { return table_.types(); }

 private:
  internal::HandlerTable<ReadModel&> table_;
};

struct ProjectionOptions {
  // 1 to 100 letters, digits, '-', '_' and '.', the first a letter or a digit.
  std::string name = {};
  // Where its files stand. It must exist.
  std::string folder = {};
  // SQL that makes the tables of a new file, in one transaction. Views and triggers are welcome,
  // nothing that is TEMP; foreign keys are not enforced. Without NUL.
  std::string schema = {};

  // Which events: of those types that have handlers.
  std::string category = {};
  std::string stream_prefix = {};

  // After the last attempt at a record the projection stops in front of it, until it is resumed or
  // started anew: a read model that has left out an event is wrong from there on, and nobody would
  // see it. What reads the model goes on.
  RetryPolicy retry = {};

  // As SubscriptionOptions::lease.
  std::chrono::milliseconds lease = std::chrono::seconds(5);

  // Observers, called on the projection's threads, during a rebuild on two at once: they must be
  // quick, and not throw. The first tells of each version, live or being filled; the second that
  // another version is live now.
  std::function<void(int64_t version, SubscriptionState, const absl::Status&)> on_state = {};
  std::function<void(int64_t version)> on_live = {};
};

// How a projection is. A snapshot.
struct ProjectionHealth {
  int64_t version = 0;
  SubscriptionHealth live = {};

  struct Rebuild {
    int64_t version = 0;
    // Its progress: `checkpoint` of `head`.
    SubscriptionHealth health = {};
  };
  std::optional<Rebuild> rebuild = {};

  // Not OK: what stands in the way of a switch, or of seeing one.
  absl::Status trouble = absl::OkStatus();
};

// Asks a read model, whichever version is live. Used by one thread at a time; make one for each.
// May outlive its projection, not the store. Works in a process that runs no projection, too.
class ProjectionReader {
 public:
  ProjectionReader(EventStore& store, std::string_view name, std::string_view folder);
  ~ProjectionReader();
  ProjectionReader(ProjectionReader&&) noexcept;
  ProjectionReader& operator=(ProjectionReader&&) noexcept;

  // All rows, copied, as of one moment: page through large tables. Changes nothing; statuses as for
  // ReadModel, and kPermissionDenied for what would write. kUnavailable: there is no read model
  // yet. Cost: beside the query, one row of the log's file.
  template <typename... Args>
  [[nodiscard]] absl::StatusOr<std::vector<ModelRow>> Query(std::string_view sql,
                                                            const Args&... args) {
    return Run(sql, std::array<SqlArgument, sizeof...(Args)>{SqlArgument(args)...});
  }

  // Which version the last query saw; 0 before the first.
  int64_t version() const;

 private:
  absl::StatusOr<std::vector<ModelRow>> Run(std::string_view sql,
                                            std::span<const SqlArgument> arguments);

  struct State;
  std::unique_ptr<State> state_;
};

// A projection that runs. Thread-safe. The store must outlive it. As a subscription, it may be
// started in several processes over the same folder: one fills the tables, the others stand by.
class SqliteProjection {
 public:
  SqliteProjection(EventStore& store, ProjectionOptions options, ProjectionHandlers handlers);

  // Stop().
  ~SqliteProjection();

  SqliteProjection(const SqliteProjection&) = delete;
  SqliteProjection& operator=(const SqliteProjection&) = delete;

  // Begins, on threads of its own, and goes on with a rebuild that was under way.
  //
  // kInvalidArgument: an option is out of bounds, the schema is no SQL, the file is another
  // program's. kNotFound: no such folder. kDataLoss: the file stands beyond the log, or beside it:
  // the log was restored; rebuild. kFailedPrecondition: `schema` is not that of the file: rebuild;
  // or it has been started before. Once Rebuild() has been called it starts nonetheless, and what
  // is wrong with the live version stands in Health() until the new one takes its place.
  [[nodiscard]] absl::Status Start();

  // As Subscription::Stop().
  void Stop();

  // Instead of Start: brings the tables up to the head of the log on the caller's thread, and
  // finishes a rebuild first. Never sleeps. Statuses as for Start and Subscription::CatchUp.
  [[nodiscard]] absl::Status CatchUp();

  // Waits until readers see everything up to `position`, whichever process fills the tables.
  // kDeadlineExceeded: they do not; the message says what holds it back, if anything.
  [[nodiscard]] absl::Status WaitUntil(Position position,
                                       std::chrono::steady_clock::time_point deadline) const;

  ProjectionHealth Health() const;

  // Begins a rebuild, which survives restarts. Returns at once. What runs the projection, in
  // whatever process, fills the new version. One that is under way goes on as it is; one that has
  // stopped (Health().rebuild says why) stays so: mend the handler, then start the program anew, or
  // Subscriptions::Resume("<name>@v<N+1>") goes on with it, or AbandonRebuild and Rebuild begin one
  // from the beginning of the log.
  [[nodiscard]] absl::Status Rebuild();

  ProjectionReader Reader() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

// ---- From any process --------------------------------------------------------------------------

// Where a projection stands according to the log's file.
struct ProjectionStatus {
  int64_t version = 0;
  // While a rebuild is under way: what it fills, and how far it has come of how much. Told about
  // once a second.
  std::optional<int64_t> rebuilding = {};
  Position rebuilt_to = {};
  Position head = {};
};

// kNotFound: no projection of this name has been started on this log.
[[nodiscard]] absl::StatusOr<ProjectionStatus> GetProjection(EventStore& store,
                                                             std::string_view name);

// As SqliteProjection::Rebuild. kNotFound as above.
[[nodiscard]] absl::Status RequestRebuild(EventStore& store, std::string_view name);

// Gives up the rebuild under way; the live version stays. Its number is not used again. OK if there
// is none. kNotFound as above.
[[nodiscard]] absl::Status AbandonRebuild(EventStore& store, std::string_view name);

}  // namespace daybook

#endif  // DAYBOOK_PROJECTION_H_
