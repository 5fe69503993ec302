#include <daybook/aggregate.h>

#include "compile_fail_events.pb.h"

namespace daybook::compile_fail {

class Order : public Aggregate<Order, Events<OrderPlaced, OrderShipped>> {
 public:
  static constexpr std::string_view kCategory = "order";

  absl::Status Ship() { return Emit(OrderShipped()); }

 private:
  friend Aggregate;
  void Apply(const OrderPlaced&) {}
  void Apply(const OrderShipped&) {}
};

absl::Status Use() { return Order().Ship(); }

}  // namespace daybook::compile_fail
