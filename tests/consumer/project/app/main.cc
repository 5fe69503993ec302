#include <daybook/aggregate.h>
#include <daybook/metadata.h>
#include <daybook/options.pb.h>
#include <daybook/repository.h>
#include <daybook/sqlite_event_store.h>
#include <daybook/status.h>

#include <iostream>

#include "shop/orders/events.pb.h"

using shop::orders::OrderPlaced;

class Order : public daybook::Aggregate<Order, daybook::Events<OrderPlaced>> {
 public:
  static constexpr std::string_view kCategory = "order";

  absl::Status Place(int64_t minor) {
    OrderPlaced event;
    event.mutable_total()->set_minor(minor);
    event.mutable_total()->set_currency("EUR");
    return Emit(event);
  }
  const shop::common::Money& total() const { return total_; }

 private:
  friend Aggregate;
  void Apply(const OrderPlaced& event) { total_ = event.total(); }

  shop::common::Money total_;
};

int main() {
  auto store = daybook::SqliteEventStore::Open({.path = "shop.db"});
  if (!store.ok()) {
    std::cout << store.status() << '\n';
    return 1;
  }
  daybook::Repository<Order> orders(**store);
  auto placed = orders.Execute("42", [](Order& order) { return order.Place(1250); },
                               {.expected = daybook::Version(0)});
  auto again = orders.Execute("42", [](Order& order) { return order.Place(1); },
                              {.expected = daybook::Version(0)});
  auto order = orders.Load("42");
  if (!placed.ok() || !order.ok()) {
    std::cout << placed.status() << order.status() << '\n';
    return 1;
  }
  std::cout << "version " << placed->version << " at " << placed->position << '\n'
            << "conflict " << daybook::IsConflict(again.status()) << '\n'
            << order->total().minor() << ' ' << order->total().currency() << '\n'
            << "formerly "
            << OrderPlaced::descriptor()->options().GetExtension(daybook::former_name, 0) << '\n';
}
