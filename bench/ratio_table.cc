#include "ratio_table.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace daybook::bench {
namespace {

// What one subject measured in all repetitions.
struct Samples {
  std::string work, subject;
  std::vector<double> rates;
  std::map<std::string, std::vector<double>> counters;
};

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Iteration) Add(run);
    }
  }

  void Print() const {
    std::string work;
    double base = 0;
    for (const auto& [order, samples] : subjects_) {
      if (samples.work != work) {
        work = samples.work;
        base = Median(samples.rates);
        std::printf("\n%s\n", work.c_str());
      }
      PrintOne(samples, base);
    }
  }

 private:
  void Add(const Run& run) {
    const std::string& name = run.run_name.function_name;
    const size_t slash = name.rfind('/');
    Samples& samples = subjects_[run.family_index];
    samples.work = name.substr(0, slash);
    samples.subject = name.substr(slash + 1);
    for (const auto& [counter, value] : run.counters) {
      if (counter == "items_per_second") {
        samples.rates.push_back(value);
      } else {
        samples.counters[counter].push_back(value);
      }
    }
  }

  static void PrintOne(const Samples& samples, double base) {
    const double rate = Median(samples.rates);
    std::printf("  %-30s %10.0f /s  x %5.2f", samples.subject.c_str(), rate, rate / base);
    for (const auto& [counter, values] : samples.counters) {
      std::printf("  %s %.0f", counter.c_str(), Median(values));
    }
    std::printf("\n");
  }

  std::map<int64_t, Samples> subjects_;  // in the order of registration
};

}  // namespace

int RunAndPrintRatios(int argc, char** argv) {
  std::vector<std::string> arguments = {argv[0], "--benchmark_enable_random_interleaving=true",
                                        "--benchmark_repetitions=9"};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 1;
  Collector collector;
  if (benchmark::RunSpecifiedBenchmarks(&collector) == 0) return 1;
  collector.Print();
  return 0;
}

}  // namespace daybook::bench
