// Appends: one at a time by several threads (group commit against a mutex around SQLite), in
// batches, and continuously, where the write-ahead log must be copied meanwhile.

#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "latencies.h"
#include "stores.h"

namespace daybook::bench {
namespace {

std::string AnyStream() {
  thread_local std::mt19937_64 random{std::random_device()()};
  return StreamName(static_cast<int64_t>(random() % (kStreams - 1)) + 2);
}

// What a program without Daybook would do: one connection, one mutex.
class Sqlite {
 public:
  explicit Sqlite(std::string path) : path_(std::move(path)), log_(path_, ChosenLayout()) {}

  const std::string& path() const { return path_; }

  void Promise(const Promise& promise) {
    const std::lock_guard lock(mutex_);
    log_.SetSynchronous(promise.synchronous);
  }

  void Append(int events) {
    const std::lock_guard lock(mutex_);
    log_.Begin();
    log_.Append(log_.AnyStream(), events);
    log_.Commit();
  }

 private:
  const std::string path_;
  std::mutex mutex_;
  RawLog log_;
};

// A store that begins with as many events in the same streams.
class Daybook {
 public:
  Daybook(const std::string& path, Durability durability) {
    Fill(*OpenStore(path, Durability::kProcess));
    store_ = OpenStore(path, durability);
  }

  const std::string& path() const { return store_->path(); }

  void Append(int events) {
    OrDie(store_->Append(AnyStream(), ExpectedVersion::Any(),
                         std::vector<NewEvent>(static_cast<size_t>(events), SomeEvent())));
  }

 private:
  static void Fill(SqliteEventStore& store) {
    const std::vector<NewEvent> events(kPrefilled / kStreams, SomeEvent());
    for (int first = 1; first <= kStreams; first += 100) {
      AppendRequest request;
      for (int stream = first; stream < first + 100; ++stream) {
        request.streams.push_back({.stream = StreamName(stream), .events = events});
      }
      OrDie(store.Append(request));
    }
  }

  std::unique_ptr<SqliteEventStore> store_;
};

struct Subjects {
  Promise promise;
  std::shared_ptr<Lazy<Sqlite>> sqlite;
  std::shared_ptr<Lazy<Daybook>> daybook;
};

void AddAppend(const Subjects& subjects, int threads, int events, int iterations) {
  const std::string work = "append " + std::to_string(events) + ", " + std::to_string(threads) +
                           (threads == 1 ? " thread, " : " threads, ") + subjects.promise.name;
  Add(work, "sqlite", iterations / threads,
      [=](benchmark::State& state) {
        Sqlite& sqlite = subjects.sqlite->get();
        sqlite.Promise(subjects.promise);
        for (auto _ : state) sqlite.Append(events);
        state.SetItemsProcessed(state.iterations() * events);
      })
      ->Threads(threads)
      ->UseRealTime();
  Add(work, "daybook", iterations / threads,
      [=](benchmark::State& state) {
        Daybook& daybook = subjects.daybook->get();
        for (auto _ : state) daybook.Append(events);
        state.SetItemsProcessed(state.iterations() * events);
      })
      ->Threads(threads)
      ->UseRealTime();
}

template <typename Subject>
void MeasureEach(benchmark::State& state, Subject& subject) {
  Latencies latencies;
  for (auto _ : state) {
    latencies.Begin();
    subject.Append(1);
    latencies.End();
  }
  latencies.Report(state);
  ReportWal(state, subject.path());
}

// SQLite checkpoints in line every 1,000 pages; Daybook in its own way.
void AddContinuous(const Subjects& subjects, int iterations) {
  const std::string work = std::string("append 1 without a pause, ") + subjects.promise.name;
  Add(work, "sqlite", iterations, [=](benchmark::State& state) {
    subjects.sqlite->get().Promise(subjects.promise);
    MeasureEach(state, subjects.sqlite->get());
  })->UseRealTime();
  Add(work, "daybook", iterations, [=](benchmark::State& state) {
    MeasureEach(state, subjects.daybook->get());
  })->UseRealTime();
}

}  // namespace

void AddAppends(const ScratchFolder& folder) {
  auto sqlite = std::make_shared<Lazy<Sqlite>>(
      [&folder] { return std::make_unique<Sqlite>(folder.File("append-sqlite.db")); });
  for (const Promise& promise : kPromises) {
    const bool synced = promise.durability == Durability::kPowerLoss;
    auto daybook = std::make_shared<Lazy<Daybook>>([&folder, promise] {
      return std::make_unique<Daybook>(folder.File(std::string("append-") + promise.name + ".db"),
                                       promise.durability);
    });
    const Subjects subjects{.promise = promise, .sqlite = sqlite, .daybook = daybook};
    for (int threads : {1, 8, 32}) AddAppend(subjects, threads, 1, synced ? 1920 : 9600);
    AddAppend(subjects, 1, 100, synced ? 60 : 200);
    AddContinuous(subjects, synced ? 3000 : 20'000);
  }
}

}  // namespace daybook::bench
