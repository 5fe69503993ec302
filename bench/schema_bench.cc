// The measurement that the schema was chosen by: ways to lay out the log in SQLite, each driven by
// bare statements with the same events. The first is the one Daybook uses. See docs/performance.md.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ratio_table.h"
#include "raw_log.h"
#include "raw_sqlite.h"

namespace daybook::bench {
namespace {

Layout WithPragmas(const char* name, const char* pragmas) {
  Layout layout = ChosenLayout(name);
  layout.pragmas = pragmas;
  return layout;
}

Layout TextNames() {
  Layout layout = ChosenLayout("text_names");
  layout.tables = kPosition +
                  "stream TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL, id BLOB NOT "
                  "NULL, time INTEGER NOT NULL, metadata BLOB NOT NULL, payload BLOB NOT NULL) "
                  "STRICT; " +
                  kByStream;
  layout.names = Names::kText;
  return layout;
}

Layout JoinedNames() {
  Layout layout = ChosenLayout("names_joined_in_sql");
  const std::string columns =
      "SELECT position, stream.name, version, type.name, id, time, metadata, payload FROM event "
      "JOIN stream ON stream.key = event.stream JOIN type ON type.key = event.type ";
  layout.replay = columns + "WHERE event.stream = ?1 AND version > 0 ORDER BY version";
  layout.scan = columns + "WHERE position > ?1 AND position <= ?2 ORDER BY position";
  return layout;
}

Layout IdIndex(const char* name, Ids ids) {
  Layout layout = ChosenLayout(name);
  layout.tables += "CREATE UNIQUE INDEX by_id ON event(id);";
  layout.ids = ids;
  return layout;
}

Layout TwoIntegerId() {
  Layout layout = ChosenLayout("id_two_integers");
  layout.tables = kPosition +
                  "stream INTEGER NOT NULL, version INTEGER NOT NULL, type INTEGER NOT NULL, id "
                  "INTEGER NOT NULL, id_low INTEGER NOT NULL, time INTEGER NOT NULL, metadata BLOB "
                  "NOT NULL, payload BLOB NOT NULL) STRICT; " +
                  kByStream;
  layout.insert =
      "INSERT INTO event(position, " + kColumns + ", id_low) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)";
  layout.ids = Ids::kTwoIntegers;
  return layout;
}

Layout Clustered() {
  Layout layout = ChosenLayout("clustered_by_stream");
  layout.tables = "CREATE TABLE event(position INTEGER NOT NULL, " + kKeyColumns +
                  ", PRIMARY KEY(stream, version)) STRICT, WITHOUT ROWID; "
                  "CREATE UNIQUE INDEX by_position ON event(position);";
  return layout;
}

Layout OwnRowid() {
  Layout layout = ChosenLayout("position_indexed_apart");
  layout.tables = "CREATE TABLE event(position INTEGER NOT NULL UNIQUE, " + kKeyColumns +
                  ", PRIMARY KEY(stream, version)) STRICT;";
  return layout;
}

Layout HeadPerStream() {
  Layout layout = ChosenLayout("head_row_per_stream");
  layout.per_append_too = "UPDATE stream SET first = ?3 WHERE key = ?2";
  return layout;
}

Layout Autoincrement() {
  Layout layout = ChosenLayout("autoincrement");
  layout.tables = "CREATE TABLE event(position INTEGER PRIMARY KEY AUTOINCREMENT, " + kKeyColumns +
                  ") STRICT; " + kByStream;
  layout.insert = "INSERT INTO event(" + kColumns + ") VALUES(?2,?3,?4,?5,?6,?7,?8)";
  return layout;
}

Layout CounterRow() {
  Layout layout = ChosenLayout("counter_row_per_commit");
  layout.per_append = "UPDATE log SET head = ?1";
  return layout;
}

Layout NotStrict() {
  Layout layout = ChosenLayout("not_strict");
  layout.tables = kPosition + kKeyColumns + "); " + kByStream;
  return layout;
}

std::vector<Layout> Layouts() {
  return {ChosenLayout(),
          ChosenLayout("chosen_again"),
          TextNames(),
          JoinedNames(),
          IdIndex("id_index_uuid7", Ids::kBlob),
          IdIndex("id_index_random", Ids::kRandomBlob),
          TwoIntegerId(),
          Clustered(),
          OwnRowid(),
          HeadPerStream(),
          Autoincrement(),
          CounterRow(),
          NotStrict(),
          WithPragmas("cache_half_mib", "PRAGMA cache_size = -512;"),
          WithPragmas("cache_8_mib", "PRAGMA cache_size = -8192;"),
          WithPragmas("cache_64_mib", "PRAGMA cache_size = -65536;"),
          WithPragmas("page_8_kib", "PRAGMA page_size = 8192;"),
          WithPragmas("page_16_kib", "PRAGMA page_size = 16384;")};
}

class Logs {
 public:
  RawLog& Of(const Layout& layout) {
    std::unique_ptr<RawLog>& log = logs_[layout.name];
    if (log == nullptr) log = std::make_unique<RawLog>(folder_.File(layout.name), layout);
    return *log;
  }

 private:
  ScratchFolder folder_;
  std::map<std::string, std::unique_ptr<RawLog>> logs_;
};

// What one transaction does.
struct Work {
  const char* name;
  const char* synchronous;
  int transactions;
  int appends;  // of different streams
  int events;   // in each
  int64_t stream = 0;
};

constexpr Work kWrites[] = {
    {"append 1, power loss", "FULL", 600, 1, 1},
    {"append 1, process", "NORMAL", 3000, 1, 1},
    {"append 1 to one stream, process", "NORMAL", 3000, 1, 1, kStreams},
    {"append 100 to one stream, power loss", "FULL", 60, 1, 100},
    {"append 100 to one stream, process", "NORMAL", 100, 1, 100},
    {"append 1 to 100 streams each, process", "NORMAL", 100, 100, 1},
};

void Write(benchmark::State& state, RawLog& log, const Work& work) {
  log.SetSynchronous(work.synchronous);
  for (auto _ : state) {
    log.Begin();
    for (int i = 0; i < work.appends; ++i) {
      log.Append(work.stream != 0 ? work.stream : log.AnyStream(), work.events);
    }
    log.Commit();
  }
  state.SetItemsProcessed(state.iterations() * work.appends * work.events);
}

void AddWrites(Logs& logs, const std::vector<Layout>& layouts) {
  for (const Work& work : kWrites) {
    for (const Layout& layout : layouts) {
      auto* added = benchmark::RegisterBenchmark(
          (std::string(work.name) + "/" + layout.name).c_str(),
          [&](benchmark::State& state) { Write(state, logs.Of(layout), work); });
      added->Iterations(work.transactions);
      // CPU time tells little of what waits for the disk, and more of what does not.
      if (work.synchronous == std::string_view("FULL")) added->UseRealTime();
    }
  }
}

template <typename Body>
void AddRead(Logs& logs, const std::vector<Layout>& layouts, const std::string& work,
             int iterations, Body body) {
  for (const Layout& layout : layouts) {
    benchmark::RegisterBenchmark((work + "/" + layout.name).c_str(), [&logs, &layout, body](
                                                                         benchmark::State& state) {
      RawLog& log = logs.Of(layout);
      log.database().Execute("PRAGMA wal_checkpoint(TRUNCATE)");
      int64_t events = 0;
      for (auto _ : state) events += body(log);
      state.SetItemsProcessed(events);
    })->Iterations(iterations);
  }
}

void AddReads(Logs& logs, const std::vector<Layout>& layouts) {
  AddRead(logs, layouts, "replay, 9 events", 1000,
          [](RawLog& log) { return log.Replay(log.AnyStream()); });
  AddRead(logs, layouts, "replay, 10000 events", 3,
          [](RawLog& log) { return log.Replay(kLongStream); });
  AddRead(logs, layouts, "scan, 100000 events", 1,
          [](RawLog& log) { return log.Scan(0, kPrefilled); });
}

}  // namespace
}  // namespace daybook::bench

int main(int argc, char** argv) {
  daybook::bench::Logs logs;
  const std::vector<daybook::bench::Layout> layouts = daybook::bench::Layouts();
  daybook::bench::AddWrites(logs, layouts);
  daybook::bench::AddReads(logs, layouts);
  return daybook::bench::RunAndPrintRatios(argc, argv);
}
