// Subscriptions, beside loops written by hand that promise as much. See docs/performance.md.

#include "subscription_bench.h"

#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "daybook/subscription.h"
#include "latencies.h"

namespace daybook::bench {

std::string NewName() {
  static std::atomic<int> next = 0;
  return "new-" + std::to_string(next++);
}

namespace {

using std::chrono::steady_clock;

constexpr int64_t kEvents = 1'000'000;
constexpr int kStreamsInLog = 1'000;

std::unique_ptr<SqliteEventStore> MillionEvents(const std::string& path) {
  auto store = OpenStore(path, Durability::kProcess);
  for (int64_t done = 0; done < kEvents;) {
    AppendRequest request;
    for (int s = 0; s < 100; ++s) {
      request.streams.push_back(
          {.stream = "order-" + std::to_string((done / 10 + s) % kStreamsInLog),
           .events = std::vector<NewEvent>(10, SomeEvent())});
    }
    OrDie(store->Append(request));
    done += 1000;
  }
  return store;
}

absl::Status Look(const RecordedEvent& event) {
  benchmark::DoNotOptimize(event.position().value());
  benchmark::DoNotOptimize(event.payload().data());
  return absl::OkStatus();
}

void AddCatchUp(const ScratchFolder& folder) {
  const std::string work = "catch up over a million events";
  const auto store = std::make_shared<Lazy<SqliteEventStore>>(
      [path = folder.File("million.db")] { return MillionEvents(path); });
  Add(work, "a loop of Read, a row per 1000", 1, [=](benchmark::State& state) {
    SqliteEventStore& log = store->get();
    for (auto _ : state) {
      LogQuery query{.limit = 1000};
      LogPage page;
      while (!page.end) {
        page = OrDie(log.Read(query));
        for (const StoredEvent& event : page.events) OrDie(Look(event.View()));
        query.after = page.looked;
        OrDie(log.Append({.row_changes = {{"bench", "checkpoint", "x"}}}));
      }
    }
    state.SetItemsProcessed(kEvents);
  })->UseRealTime();
  const auto subscribe = [=](const char* subject, int max_in_flight, const Handler& handler) {
    Add(work, subject, 1, [=](benchmark::State& state) {
      Subscription subscription(store->get(), {.name = NewName(), .max_in_flight = max_in_flight},
                                handler);
      for (auto _ : state) OrDie(subscription.CatchUp());
      state.SetItemsProcessed(kEvents);
    })->UseRealTime();
  };
  subscribe("subscription", 1, Look);
  subscribe("4 in flight on threads", 4, Look);
  subscribe("1000 in flight, completed later", 1000,
            Handler::Later([](Record record, Completion done) { done(Look(*record)); }));
}

// Appends 1,000 events a second, each alone, for a while.
void AppendSteadily(SqliteEventStore& store, int64_t count) {
  const auto begin = steady_clock::now();
  for (int64_t i = 0; i < count; ++i) {
    std::this_thread::sleep_until(begin + std::chrono::milliseconds(i));
    OrDie(store.Append("order-" + std::to_string(i % kStreamsInLog), ExpectedVersion::Any(),
                       {SomeEvent()}));
  }
}

int64_t NowMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void AddLive(const ScratchFolder& folder) {
  constexpr int64_t kLive = 2000;
  const std::string work = "commit to handler at 1000 events/s";
  Add(work, "subscription", 1, [=, &folder](benchmark::State& state) {
    auto store = OpenStore(folder.File(NewName()), Durability::kProcess);
    Latencies latencies;
    Subscription subscription(*store, {.name = "live"}, [&](const RecordedEvent& event) {
      latencies.Add(
          std::chrono::microseconds(NowMicros() - event.time().time_since_epoch().count()));
      return absl::OkStatus();
    });
    OrDie(subscription.Start());
    for (auto _ : state) {
      AppendSteadily(*store, kLive);
      OrDie(subscription.WaitUntil(OrDie(store->Head()),
                                   steady_clock::now() + std::chrono::seconds(10)));
    }
    subscription.Stop();
    latencies.Report(state);
  })->UseRealTime();
}

// The processor's time that subscriptions cost, while nothing happens and while 1,000 events a
// second are appended.
void AddMany(const ScratchFolder& folder) {
  for (const bool live : {false, true}) {
    const std::string work = live ? "cost at 1000 events/s" : "cost of standing by";
    for (const int count : {0, 1, 50}) {
      Add(work, (std::to_string(count) + " subscriptions").c_str(), 1,
          [=, &folder](benchmark::State& state) {
            auto store = OpenStore(folder.File(NewName()), Durability::kProcess);
            std::vector<std::unique_ptr<Subscription>> subscriptions;
            for (int i = 0; i < count; ++i) {
              subscriptions.push_back(std::make_unique<Subscription>(
                  *store, SubscriptionOptions{.name = NewName()}, Look));
              OrDie(subscriptions.back()->Start());
            }
            const double before = CpuSeconds();
            constexpr int kSeconds = 3;
            for (auto _ : state) {
              if (live) {
                AppendSteadily(*store, 1000 * kSeconds);
              } else {
                std::this_thread::sleep_for(std::chrono::seconds(kSeconds));
              }
            }
            state.counters["cpu percent"] = 100 * (CpuSeconds() - before) / kSeconds;
            state.SetItemsProcessed(1);
          })
          ->UseRealTime();
    }
  }
}

}  // namespace
}  // namespace daybook::bench

int main(int argc, char** argv) {
  const daybook::bench::ScratchFolder folder;
  daybook::bench::AddCatchUp(folder);
  daybook::bench::AddProjections(folder);
  daybook::bench::AddLive(folder);
  daybook::bench::AddMany(folder);
  return daybook::bench::RunAndPrintRatios(argc, argv);
}
