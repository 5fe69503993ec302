#ifndef DAYBOOK_TESTS_SUPPORT_WATCHED_STORE_H_
#define DAYBOOK_TESTS_SUPPORT_WATCHED_STORE_H_

#include <atomic>
#include <functional>
#include <string>
#include <utility>

#include "daybook/event_store.h"

namespace daybook::test {

// A real store, watched: counts what is read of streams, and lets a test fail a call or do
// something just before it.
class WatchedStore : public EventStore {
 public:
  explicit WatchedStore(EventStore& store) : store_(store) {}

  // Each asked before the call it is named after; a status that is not OK is answered instead.
  std::function<absl::Status()> before_append = [] { return absl::OkStatus(); };
  std::function<absl::Status()> before_stream_visit = [] { return absl::OkStatus(); };
  std::function<absl::Status()> before_log_visit = [] { return absl::OkStatus(); };
  // What an append that has happened is answered with.
  std::function<absl::Status()> after_append = [] { return absl::OkStatus(); };

  int stream_visits() const { return stream_visits_; }
  int events_visited() const { return events_visited_; }

  using EventStore::Append;
  absl::StatusOr<AppendResult> Append(const AppendRequest& request) override {
    if (absl::Status status = before_append(); !status.ok()) return status;
    absl::StatusOr<AppendResult> result = store_.Append(request);
    if (absl::Status status = after_append(); !status.ok()) return status;
    return result;
  }
  absl::StatusOr<StreamState> Delete(std::string_view stream, ExpectedVersion expected) override {
    return store_.Delete(stream, expected);
  }
  absl::StatusOr<StreamState> Tombstone(std::string_view stream,
                                        ExpectedVersion expected) override {
    return store_.Tombstone(stream, expected);
  }
  absl::StatusOr<StreamState> Visit(const StreamQuery& query, const Visitor& visitor) override {
    ++stream_visits_;
    if (absl::Status status = before_stream_visit(); !status.ok()) return status;
    return store_.Visit(query, [&](const RecordedEvent& event) {
      ++events_visited_;
      return visitor(event);
    });
  }
  absl::StatusOr<LogScan> Visit(const LogQuery& query, const Visitor& visitor) override {
    if (absl::Status status = before_log_visit(); !status.ok()) return status;
    return store_.Visit(query, visitor);
  }
  absl::StatusOr<StreamState> State(std::string_view stream) override {
    return store_.State(stream);
  }
  absl::StatusOr<std::vector<std::string>> ListStreams(const StreamListQuery& query) override {
    return store_.ListStreams(query);
  }
  absl::StatusOr<std::optional<AppendResult>> FindOnce(const OnceKey& once) override {
    return store_.FindOnce(once);
  }
  absl::StatusOr<std::vector<Row>> ReadRows(const RowQuery& query) override {
    return store_.ReadRows(query);
  }
  absl::StatusOr<Position> Head() override { return store_.Head(); }
  uint32_t Deletions() const override { return store_.Deletions(); }
  absl::StatusOr<Position> WaitBeyond(Position position,
                                      std::chrono::steady_clock::time_point deadline,
                                      std::stop_token stop) override {
    return store_.WaitBeyond(position, deadline, std::move(stop));
  }

 private:
  EventStore& store_;
  std::atomic<int> stream_visits_ = 0;
  std::atomic<int> events_visited_ = 0;
};

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_SUPPORT_WATCHED_STORE_H_
