// The subjects of store_bench: a Daybook store, and bare SQLite beside it.

#ifndef DAYBOOK_BENCH_STORES_H_
#define DAYBOOK_BENCH_STORES_H_

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "daybook/sqlite_event_store.h"
#include "raw_log.h"
#include "raw_sqlite.h"

namespace daybook::bench {

// A benchmark does not go on after a failure.
template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << value.status() << '\n';
  std::exit(1);
}
inline void OrDie(const absl::Status& status) {
  if (!status.ok()) OrDie(absl::StatusOr<int>(status));
}

inline std::unique_ptr<SqliteEventStore> OpenStore(const std::string& path, Durability durability) {
  return OrDie(SqliteEventStore::Open({.path = path, .durability = durability}));
}

inline NewEvent SomeEvent(std::string_view type = "shop.orders.v1.LineAddedToOrder") {
  return {.type = std::string(type), .payload = kPayload, .metadata = kMetadata};
}

// Made when a benchmark first needs it; those that are filtered out cost nothing. Thread-safe.
template <typename T>
class Lazy {
 public:
  explicit Lazy(std::function<std::unique_ptr<T>()> make) : make_(std::move(make)) {}

  T& get() {
    const std::lock_guard lock(mutex_);
    if (made_ == nullptr) made_ = make_();
    return *made_;
  }

 private:
  std::mutex mutex_;
  std::function<std::unique_ptr<T>()> make_;
  std::unique_ptr<T> made_;
};

struct Promise {
  const char* name;
  Durability durability;
  const char* synchronous;  // what makes bare SQLite promise the same
};
inline constexpr Promise kPromises[] = {{"power loss", Durability::kPowerLoss, "FULL"},
                                        {"process", Durability::kProcess, "NORMAL"}};

inline benchmark::internal::Benchmark* Add(const std::string& work, const char* subject,
                                           int iterations,
                                           std::function<void(benchmark::State&)> body) {
  return benchmark::RegisterBenchmark((work + "/" + subject).c_str(), std::move(body))
      ->Iterations(iterations);
}

// Each registers its benchmarks, which keep their files in `folder`.
void AddAppends(const ScratchFolder& folder);
void AddReads(const ScratchFolder& folder);
void AddRepository(const ScratchFolder& folder);

}  // namespace daybook::bench

#endif  // DAYBOOK_BENCH_STORES_H_
