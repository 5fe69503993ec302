// A read model filled from the log, beside a loop written by hand that promises as much.

#include <string>

#include "account_events.pb.h"
#include "daybook/projection.h"
#include "subscription_bench.h"

namespace daybook::bench {
namespace {

constexpr int64_t kEvents = 1'000'000;
constexpr int kAccounts = 1'000;
constexpr const char* kSchema =
    "CREATE TABLE balance (account TEXT PRIMARY KEY, cents INTEGER) STRICT";
constexpr const char* kAdd =
    "INSERT INTO balance VALUES (?1, ?2) ON CONFLICT DO UPDATE SET cents = cents + ?2";

std::unique_ptr<SqliteEventStore> MillionDeposits(const std::string& path) {
  auto store = OpenStore(path, Durability::kProcess);
  Deposited deposited;
  deposited.set_amount_minor(1250);
  deposited.set_reference(std::string(kPayload).substr(0, 60));
  const NewEvent event{.type = std::string(deposited.GetTypeName()),
                       .payload = deposited.SerializeAsString(),
                       .metadata = kMetadata};
  for (int64_t done = 0; done < kEvents; done += 1000) {
    AppendRequest request;
    for (int s = 0; s < 100; ++s) {
      request.streams.push_back({.stream = "account-" + std::to_string((done / 10 + s) % kAccounts),
                                 .events = std::vector<NewEvent>(10, event)});
    }
    OrDie(store->Append(request));
  }
  return store;
}

void FillByHand(SqliteEventStore& log, const std::string& path) {
  RawDatabase model(path);
  model.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  model.Execute(std::string(kSchema) + "; CREATE TABLE checkpoint (position INTEGER)");
  model.Execute("INSERT INTO checkpoint VALUES (0)");
  RawStatement add = model.Prepare(kAdd);
  RawStatement checkpoint = model.Prepare("UPDATE checkpoint SET position = ?1");
  LogQuery query{.filter = {.category = "account"}, .limit = 1000};
  LogPage page;
  Deposited deposited;
  while (!page.end) {
    page = OrDie(log.Read(query));
    model.Execute("BEGIN IMMEDIATE");
    for (const StoredEvent& event : page.events) {
      deposited.ParseFromString(event.payload);
      add.Text(1, IdOf(event.stream)).Int(2, deposited.amount_minor()).Run();
    }
    checkpoint.Int(1, page.looked.value()).Run();
    model.Execute("COMMIT");
    query.after = page.looked;
  }
}

}  // namespace

void AddProjections(const ScratchFolder& folder) {
  const std::string work = "fill a table from a million events";
  const auto store = std::make_shared<Lazy<SqliteEventStore>>(
      [path = folder.File("deposits.db")] { return MillionDeposits(path); });
  Add(work, "a loop of Read, 1000 in a transaction", 1, [=, &folder](benchmark::State& state) {
    SqliteEventStore& log = store->get();
    for (auto _ : state) FillByHand(log, folder.File(NewName()));
    state.SetItemsProcessed(kEvents);
  })->UseRealTime();
  Add(work, "projection", 1, [=, &folder](benchmark::State& state) {
    ProjectionHandlers handlers;
    handlers.On([](ReadModel& model, const Deposited& event, const RecordedEvent& at) {
      return model.Execute(kAdd, at.stream_id(), event.amount_minor());
    });
    SqliteProjection projection(
        store->get(),
        {.name = NewName(), .folder = folder.path(), .schema = kSchema, .category = "account"},
        handlers);
    for (auto _ : state) OrDie(projection.CatchUp());
    state.SetItemsProcessed(kEvents);
  })->UseRealTime();
}

}  // namespace daybook::bench
