#include <daybook/aggregate.h>
#include <daybook/repository.h>
#include <daybook/sqlite_event_store.h>

#include "compile_fail_events.pb.h"

namespace daybook::compile_fail {

class Order : public Aggregate<Order, Events<OrderPlaced>> {
 public:
  static constexpr std::string_view kCategory = "order";

  absl::Status Place() {
#ifdef EMIT
    Emit(OrderPlaced());
#endif
    return Emit(OrderPlaced());
  }

 private:
  friend Aggregate;
  void Apply(const OrderPlaced&) {}
};

bool Use(SqliteEventStore& store, Repository<Order>& orders) {
#ifdef APPEND
  store.Append("order-42", ExpectedVersion::Any(), {});
#endif
#ifdef EXECUTE
  orders.Execute("42", &Order::Place);
#endif
  return store.Append("order-42", ExpectedVersion::Any(), {}).ok() &&
         orders.Execute("42", &Order::Place).ok();
}

}  // namespace daybook::compile_fail
