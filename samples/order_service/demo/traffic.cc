#include "demo/traffic.h"

#include <algorithm>
#include <atomic>
#include <iomanip>
#include <mutex>
#include <ostream>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "api/json.h"
#include "demo/client.h"
#include "demo/customer.h"

namespace shop {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kCustomersPerGroup = 40;

class Driver {
 public:
  Driver(const std::string& url, const DemoOptions& options, Ledger& ledger)
      : url_(url), options_(options), ledger_(ledger), begun_(Clock::now()) {}

  absl::StatusOr<Traffic> Run() {
    if (absl::Status opened = OpenGroupOrders(); !opened.ok()) return opened;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < options_.threads; ++i) threads.emplace_back([this, i] { Work(i); });
    }
    if (!failure_.ok()) return failure_;
    if (absl::Status paid = PayGroupOrders(); !paid.ok()) return paid;
    traffic_.seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
    std::sort(traffic_.latencies_ms.begin(), traffic_.latencies_ms.end());
    return std::move(traffic_);
  }

 private:
  absl::Status OpenGroupOrders() {
    Client client(url_);
    std::mt19937 random(1);
    for (int i = 0; i * kCustomersPerGroup < options_.customers; ++i) {
      const auto order = Customer(absl::StrCat("group-", i + 1), client, ledger_, random).Place(1);
      if (!order.ok()) return order.status();
      group_orders_.push_back(order->id());
    }
    Keep(client);
    return absl::OkStatus();
  }

  absl::Status PayGroupOrders() {
    Client client(url_);
    std::mt19937 random(2);
    for (const std::string& id : group_orders_) {
      const auto answer = client.Get("/orders/" + id);
      if (!answer.ok()) return answer.status();
      api::v1::Order order;
      if (absl::Status parsed = FromJson(answer->body, &order); !parsed.ok()) return parsed;
      absl::Status paid = Customer(order.customer_id(), client, ledger_, random).Pay(order);
      if (!paid.ok()) return paid;
    }
    for (const std::string& id : group_orders_) {
      absl::Status sent = Customer("group", client, ledger_, random).AwaitParcel(id);
      if (!sent.ok()) return sent;
    }
    Keep(client);
    return absl::OkStatus();
  }

  void Work(int thread) {
    Client client(url_);
    std::mt19937 random(100 + thread);
    while (Clock::now() < begun_ + options_.duration && !failed_) {
      const int number = next_customer_++ % options_.customers;
      const absl::Status visited = Visit(number, client, random);
      if (visited.ok()) continue;
      const std::lock_guard lock(mutex_);
      failure_.Update(visited);
      failed_ = true;
    }
    Keep(client);
  }

  absl::Status Visit(int number, Client& client, std::mt19937& random) {
    Customer customer(absl::StrCat("customer-", number + 1), client, ledger_, random);
    if (absl::Status shopped = customer.Shop(); !shopped.ok()) return shopped;
    ShowProgress();
    if (random() % 100 >= 15) return absl::OkStatus();
    return customer.JoinGroupOrder(group_orders_[number / kCustomersPerGroup]);
  }

  void ShowProgress() {
    const int visits = ++visits_;
    if (options_.progress == nullptr || visits % 20 != 0) return;
    const std::lock_guard lock(mutex_);
    *options_.progress << '\r' << std::setw(8) << visits << " visits" << std::flush;
  }

  void Keep(const Client& client) {
    const std::lock_guard lock(mutex_);
    traffic_.latencies_ms.insert(traffic_.latencies_ms.end(), client.latencies().begin(),
                                 client.latencies().end());
  }

  const std::string url_;
  const DemoOptions& options_;
  Ledger& ledger_;
  const Clock::time_point begun_;
  std::vector<std::string> group_orders_;
  std::atomic<int> next_customer_ = 0;
  std::atomic<int> visits_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;  // guards what follows
  absl::Status failure_;
  Traffic traffic_;
};

}  // namespace

absl::StatusOr<Traffic> DriveTraffic(const std::string& url, const DemoOptions& options,
                                     Ledger& ledger) {
  auto traffic = Driver(url, options, ledger).Run();
  if (options.progress != nullptr) *options.progress << "\r                    \r" << std::flush;
  return traffic;
}

}  // namespace shop
