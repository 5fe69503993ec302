#include "demo/steady.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "demo/client.h"
#include "demo/customer.h"
#include "demo/ledger.h"

namespace shop {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes kClientPatience(1);

absl::Status PlaceAndPay(int number, Client& client, Ledger& ledger) {
  std::mt19937 random(number);
  Customer customer(absl::StrCat("customer-", number), client, ledger, random);
  const auto order = customer.Place(1 + number % 3);
  return order.ok() ? customer.Pay(*order) : order.status();
}

}  // namespace

absl::Status DriveSteadily(const SteadyOptions& options) {
  const Clock::time_point begun = Clock::now();
  Ledger ledger;
  std::atomic<int> next = 0;
  std::mutex mutex;
  absl::Status failure;
  const auto work = [&] {
    Client client(options.url, kClientPatience);
    for (int number; (number = next++) < options.orders;) {
      std::this_thread::sleep_until(
          begun + std::chrono::duration_cast<Clock::duration>(
                      std::chrono::duration<double>(number) / options.per_second));
      const absl::Status done = PlaceAndPay(number, client, ledger);
      if (done.ok()) continue;
      next = options.orders;
      const std::lock_guard lock(mutex);
      failure.Update(done);
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < options.threads; ++i) threads.emplace_back(work);
  threads.clear();
  return failure;
}

}  // namespace shop
