// How long single operations took, and how large the write-ahead log became.

#ifndef DAYBOOK_BENCH_LATENCIES_H_
#define DAYBOOK_BENCH_LATENCIES_H_

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace daybook::bench {

class Latencies {
 public:
  void Begin() { begin_ = Clock::now(); }
  void End() { Add(Clock::now() - begin_); }
  void Add(std::chrono::nanoseconds latency) {
    micros_.push_back(std::chrono::duration<double, std::micro>(latency).count());
  }

  // Counters in microseconds; each operation counts as an item.
  void Report(benchmark::State& state) {
    std::sort(micros_.begin(), micros_.end());
    state.SetItemsProcessed(state.iterations());
    state.counters["p50 us"] = At(0.5);
    state.counters["p99 us"] = At(0.99);
    state.counters["p99.9 us"] = At(0.999);
    state.counters["slowest us"] = At(1);
  }

 private:
  using Clock = std::chrono::steady_clock;

  double At(double part) const {
    return micros_[static_cast<size_t>(part * static_cast<double>(micros_.size() - 1))];
  }

  Clock::time_point begin_;
  std::vector<double> micros_;
};

// A write-ahead log that starts over keeps its size: this is the largest it was.
inline void ReportWal(benchmark::State& state, const std::string& database) {
  state.counters["wal KiB"] =
      static_cast<double>(std::filesystem::file_size(database + "-wal")) / 1024;
}

}  // namespace daybook::bench

#endif  // DAYBOOK_BENCH_LATENCIES_H_
