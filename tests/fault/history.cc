#include "fault/history.h"

#include <thread>

#include "daybook/status.h"

namespace daybook::fault {
namespace {

constexpr size_t kOwnStreams = 4;
constexpr int64_t kSmallWal = 1 << 20;

}  // namespace

HistoryWriter::HistoryWriter(uint64_t seed, int number)
    : random_(seed * 1000 + static_cast<uint64_t>(number)), number_(number) {
  for (size_t i = 0; i < kOwnStreams; ++i) {
    streams_.emplace_back("own-" + std::to_string(number) + "-" + std::to_string(i), Version());
  }
}

std::string HistoryWriter::Payload() {
  const uint64_t kind = Below(20);
  const uint64_t size = kind == 0 ? Below(60'000) : kind < 3 ? Below(20'000) : Below(300);
  return std::string(size, static_cast<char>('a' + made_ % 26));
}

std::vector<NewEvent> HistoryWriter::Events() {
  std::vector<NewEvent> events;
  for (uint64_t left = 1 + Below(4); left > 0; --left) {
    NewEvent event = MakeEvent(MakeId(static_cast<uint64_t>(number_) + 1, ++made_), Payload());
    event.type = "fault.Type" + std::to_string(Below(5));
    if (Below(3) == 0) event.metadata = "metadata";
    events.push_back(std::move(event));
  }
  return events;
}

StreamAppend HistoryWriter::OnOwnStream(size_t stream) {
  const auto& [name, version] = streams_[stream];
  return {.stream = name, .expected = version, .events = Events()};
}

StreamAppend HistoryWriter::OnSharedStream() {
  return {.stream = "shared-" + std::to_string(Below(3)), .events = Events()};
}

absl::Status HistoryWriter::Send(SqliteEventStore& store, const AppendRequest& request) {
  absl::StatusOr<AppendResult> answer = store.Append(request);
  ledger_.Note(request, answer);
  if (!answer.ok()) return answer.status();
  if (answer->repeated) surprises_.push_back("a new request was taken for a repetition");
  for (size_t s = 0; s < request.streams.size(); ++s) {
    for (auto& [name, version] : streams_) {
      if (name == request.streams[s].stream) version = answer->streams[s].version;
    }
  }
  return absl::OkStatus();
}

absl::Status HistoryWriter::AppendToOwn(SqliteEventStore& store) {
  const AppendRequest request{.streams = {OnOwnStream(Below(streams_.size()))}};
  absl::Status sent = Send(store, request);
  if (!sent.ok()) return sent;
  repeatable_ = request;
  const Version version =
      *request.streams[0].expected.exact() + static_cast<int64_t>(request.streams[0].events.size());
  absl::StatusOr<StreamPage> page =
      store.Read({.stream = request.streams[0].stream, .after = version - 1});
  if (!page.ok()) return page.status();
  if (page->events.size() != 1 || page->events[0].id != request.streams[0].events.back().id) {
    surprises_.push_back("an acknowledged event is not read back");
    return absl::OkStatus();
  }
  repeatable_answer_ = {.streams = {{version, page->events[0].position}}, .repeated = true};
  return absl::OkStatus();
}

absl::Status HistoryWriter::AppendBatch(SqliteEventStore& store) {
  AppendRequest request{.streams = {OnSharedStream()}};
  const size_t first = Below(streams_.size());
  const size_t count = 1 + Below(streams_.size() - 1);
  for (size_t i = 0; i < count; ++i) {
    request.streams.push_back(OnOwnStream((first + i) % streams_.size()));
  }
  return Send(store, request);
}

absl::Status HistoryWriter::AppendOnce(SqliteEventStore& store) {
  AppendRequest request{
      .streams = {OnSharedStream()},
      .once = OnceKey{"command", std::to_string(number_) + "/" + std::to_string(made_)}};
  absl::Status sent = Send(store, request);
  if (!sent.ok() || Below(2) == 0) return sent;
  absl::StatusOr<AppendResult> again = store.Append(request);
  if (again.ok() && !again->repeated) surprises_.push_back("a once-key was used twice");
  return again.status();
}

absl::Status HistoryWriter::ChangeRows(SqliteEventStore& store) {
  const std::string key = "row-" + std::to_string(number_);
  std::optional<std::string> value = "value " + std::to_string(++made_);
  if (row_ && Below(4) == 0) value = std::nullopt;
  AppendRequest request{.row_checks = {{"fault", key, row_}},
                        .row_changes = {{"fault", key, value}}};
  if (Below(2) == 0) request.streams.push_back(OnSharedStream());
  absl::Status sent = Send(store, request);
  if (sent.ok()) row_ = value;
  return sent;
}

absl::Status HistoryWriter::Repeat(SqliteEventStore& store) {
  if (repeatable_.streams.empty()) return absl::OkStatus();
  absl::StatusOr<AppendResult> answer = store.Append(repeatable_);
  if (!answer.ok()) return answer.status();
  if (!answer->repeated || answer->streams != repeatable_answer_.streams) {
    surprises_.push_back("a repetition was not answered as the first time");
  }
  return absl::OkStatus();
}

absl::Status HistoryWriter::Conflict(SqliteEventStore& store) {
  AppendRequest request{.streams = {OnOwnStream(Below(streams_.size())), OnSharedStream()}};
  request.streams[0].expected = *request.streams[0].expected.exact() + 1;
  absl::StatusOr<AppendResult> answer = store.Append(request);
  ledger_.Note(request, answer);
  if (answer.ok()) surprises_.push_back("a wrong expected version was accepted");
  return IsConflict(answer.status()) ? absl::OkStatus() : answer.status();
}

absl::Status HistoryWriter::Remove(SqliteEventStore& store) {
  const size_t chosen = Below(streams_.size());
  auto& [name, version] = streams_[chosen];
  const bool tombstone = Below(4) == 0;
  absl::StatusOr<StreamState> answer =
      tombstone ? store.Tombstone(name, version) : store.Delete(name, version);
  ledger_.NoteRemoval(name, answer);
  if (!answer.ok()) return answer.status();
  if (answer->version != version || answer->exists() || answer->tombstoned != tombstone) {
    surprises_.push_back("a removal was answered with a strange state");
  }
  if (!repeatable_.streams.empty() && repeatable_.streams[0].stream == name) repeatable_ = {};
  if (tombstone) {
    name = "own-" + std::to_string(number_) + "-again-" + std::to_string(++made_);
    version = Version();
  }
  return absl::OkStatus();
}

bool HistoryWriter::Step(SqliteEventStore& store, const FaultVfs& vfs) {
  const uint64_t dice = Below(100);
  const absl::Status done = dice < 45   ? AppendToOwn(store)
                            : dice < 60 ? AppendBatch(store)
                            : dice < 70 ? AppendOnce(store)
                            : dice < 80 ? ChangeRows(store)
                            : dice < 86 ? Repeat(store)
                            : dice < 92 ? Conflict(store)
                                        : Remove(store);
  if (done.ok()) return true;
  if (!vfs.power_is_off()) surprises_.push_back("with power on: " + done.ToString());
  return false;
}

History RunHistory(const std::string& path, const FaultVfs& vfs, const HistoryOptions& options) {
  std::mt19937_64 random(options.seed);
  const int writers = random() % 3 == 0 ? 2 + static_cast<int>(random() % 3) : 1;
  const int sessions = 1 + static_cast<int>(random() % 3);
  const int steps = 1 + static_cast<int>(random() % 40) / writers;
  std::vector<HistoryWriter> crew;
  for (int i = 0; i < writers; ++i) crew.emplace_back(options.seed, i);

  History history;
  for (int session = 0; session < sessions && !vfs.power_is_off(); ++session) {
    absl::StatusOr<std::unique_ptr<SqliteEventStore>> store =
        SqliteEventStore::Open({.path = path,
                                .durability = options.durability,
                                .wal_limit = kSmallWal,
                                .vfs = vfs.name()});
    if (!store.ok()) {
      if (!vfs.power_is_off()) history.surprises.push_back("opening: " + store.status().ToString());
      break;
    }
    std::vector<std::jthread> threads;
    auto work = [&](HistoryWriter& writer) {
      for (int step = 0; step < steps && writer.Step(**store, vfs); ++step) {
      }
    };
    for (int i = 1; i < writers; ++i) threads.emplace_back(work, std::ref(crew[i]));
    work(crew[0]);
    threads.clear();
  }
  for (const HistoryWriter& writer : crew) {
    history.ledger.Merge(writer.ledger());
    history.surprises.insert(history.surprises.end(), writer.surprises().begin(),
                             writer.surprises().end());
    history.streams.insert(history.streams.end(), writer.streams().begin(), writer.streams().end());
  }
  return history;
}

}  // namespace daybook::fault
