// Reads, by Daybook and by bare statements on the very same file. Rates are per second of CPU time.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "stores.h"

namespace daybook::bench {
namespace {

constexpr int64_t kEvents = 120'000;
constexpr char kRareType[] = "shop.orders.v1.OrderCancelled";

// One stream of 100,000 events, ten of 1,000 and a thousand of 10, all written side by side. The
// last are of the category "invoice", the others of "order"; one event in a hundred is rare.
class File {
 public:
  explicit File(const std::string& path)
      : store_(OpenStore(path, Durability::kProcess)), db_(path) {
    for (int round = 0; round < 1000; ++round) {
      AppendRequest request;
      request.streams.push_back({.stream = StreamOf(100'000), .events = Events(100)});
      request.streams.push_back({.stream = StreamOf(1000, round % 10), .events = Events(10)});
      for (int i = 0; i < 10; ++i) {
        request.streams.push_back(
            {.stream = StreamOf(10, round / 10 * 10 + i), .events = Events(1)});
      }
      OrDie(store_->Append(request));
    }
    db_.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
    RawStatement streams = db_.Prepare("SELECT name FROM stream ORDER BY key");
    while (streams.Step()) names_.emplace_back(streams.ColumnBytes(0));
  }

  static std::string StreamOf(int events, int number = 0) {
    return (events == 10 ? "invoice-" : "order-of-" + std::to_string(events) + "-") +
           std::to_string(number);
  }

  SqliteEventStore& store() { return *store_; }
  RawDatabase& db() { return db_; }
  const std::string& NameOf(int64_t stream) { return names_[static_cast<size_t>(stream - 1)]; }

 private:
  static std::vector<NewEvent> Events(int count) {
    std::vector<NewEvent> events(static_cast<size_t>(count), SomeEvent());
    if (count == 100) events.front().type = kRareType;
    return events;
  }

  std::unique_ptr<SqliteEventStore> store_;
  RawDatabase db_;
  std::vector<std::string> names_;
};

using LazyFile = std::shared_ptr<Lazy<File>>;

absl::Status Look(const RecordedEvent& event) {
  benchmark::DoNotOptimize(event.position().value() + event.version().value());
  benchmark::DoNotOptimize(event.id());
  benchmark::DoNotOptimize(event.payload().data());
  return absl::OkStatus();
}

// position, version, type, time, id, metadata, payload
void Touch(const RawStatement& row) {
  for (int column : {0, 1, 2, 3}) benchmark::DoNotOptimize(row.ColumnInt(column));
  for (int column : {4, 5, 6}) benchmark::DoNotOptimize(row.ColumnBytes(column).data());
}

void AddReplay(const LazyFile& file, int events, int iterations) {
  const std::string work = "replay " + std::to_string(events) + " events";
  const auto count = [=](benchmark::State& state) {
    state.SetItemsProcessed(state.iterations() * events);
  };
  Add(work, "sqlite", iterations, [=](benchmark::State& state) {
    RawDatabase& db = file->get().db();
    RawStatement key = db.Prepare("SELECT key FROM stream WHERE name = ?1");
    RawStatement rows = db.Prepare(
        "SELECT position, version, type, time, id, metadata, payload FROM event "
        "WHERE stream = ?1 AND version > 0 ORDER BY version");
    const std::string stream = File::StreamOf(events);
    for (auto _ : state) {
      key.Text(1, stream).Step();
      rows.Int(1, key.ColumnInt(0));
      key.Reset();
      while (rows.Step()) Touch(rows);
    }
    count(state);
  });
  Add(work, "daybook Visit", iterations, [=](benchmark::State& state) {
    const StreamQuery query{.stream = File::StreamOf(events)};
    for (auto _ : state) OrDie(file->get().store().Visit(query, Look));
    count(state);
  });
  Add(work, "daybook Read", iterations, [=](benchmark::State& state) {
    const StreamQuery query{.stream = File::StreamOf(events)};
    for (auto _ : state) {
      const StreamPage page = OrDie(file->get().store().Read(query));
      benchmark::DoNotOptimize(page.events.data());
    }
    count(state);
  });
}

// Looks at the whole log; rates count the events looked at.
void AddScan(const LazyFile& file, const std::string& work, const std::string& where,
             const Filter& filter) {
  constexpr int kIterations = 2;
  Add(work, "sqlite", kIterations, [=](benchmark::State& state) {
    RawStatement rows = file->get().db().Prepare(
        "SELECT e.position, version, type, time, id, metadata, payload, stream FROM event e " +
        where + " ORDER BY e.position");
    for (auto _ : state) {
      while (rows.Step()) {
        Touch(rows);
        benchmark::DoNotOptimize(file->get().NameOf(rows.ColumnInt(7)).data());
      }
    }
    state.SetItemsProcessed(state.iterations() * kEvents);
  });
  Add(work, "daybook Visit", kIterations, [=](benchmark::State& state) {
    for (auto _ : state) {
      LogQuery query{.filter = filter, .limit = kNoLimit};
      LogScan scan;
      while (!scan.end) {
        scan = OrDie(file->get().store().Visit(query, Look));
        query.after = scan.looked;
      }
    }
    state.SetItemsProcessed(state.iterations() * kEvents);
  });
  Add(work, "daybook Read", kIterations, [=](benchmark::State& state) {
    for (auto _ : state) {
      LogQuery query{.filter = filter};
      LogPage page;
      while (!page.end) {
        page = OrDie(file->get().store().Read(query));
        query.after = page.looked;
      }
    }
    state.SetItemsProcessed(state.iterations() * kEvents);
  });
}

}  // namespace

void AddReads(const ScratchFolder& folder) {
  auto file = std::make_shared<Lazy<File>>(
      [&folder] { return std::make_unique<File>(folder.File("read.db")); });
  AddReplay(file, 10, 3000);
  AddReplay(file, 1000, 60);
  AddReplay(file, 100'000, 1);
  AddScan(file, "scan the log", "", {});
  AddScan(file, "scan for one type",
          std::string("WHERE type = (SELECT key FROM type WHERE name = '") + kRareType + "')",
          {.types = {kRareType}});
  AddScan(file, "scan for one category",
          "CROSS JOIN stream s ON s.key = e.stream WHERE s.name > 'invoice-' AND s.name < "
          "'invoice.'",
          {.category = "invoice"});
}

}  // namespace daybook::bench
