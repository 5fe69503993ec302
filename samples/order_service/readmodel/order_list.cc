#include "readmodel/order_list.h"

#include "absl/strings/str_cat.h"
#include "domain/order.h"

namespace shop {
namespace {

using daybook::ModelRow;
using daybook::ReadModel;
using daybook::RecordedEvent;

constexpr char kOrderListSchema[] = R"(
CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  status TEXT NOT NULL,
  customer TEXT NOT NULL,
  country TEXT NOT NULL,
  currency TEXT NOT NULL,
  total_minor INTEGER NOT NULL,
  placed_at INTEGER
) STRICT;
CREATE INDEX orders_by_status ON orders (status, id);
CREATE INDEX orders_by_customer ON orders (customer, id);
CREATE TABLE line (
  order_id TEXT NOT NULL,
  line INTEGER NOT NULL,
  quantity INTEGER NOT NULL,
  unit_price_minor INTEGER NOT NULL,
  PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;
)";

absl::Status SetStatus(ReadModel& db, const RecordedEvent& at, OrderStatus status) {
  return db.Execute("UPDATE orders SET status = ?2 WHERE id = ?1", at.stream_id(), Name(status));
}

absl::Status AddToTotal(ReadModel& db, const RecordedEvent& at, int64_t minor) {
  return db.Execute("UPDATE orders SET total_minor = total_minor + ?2 WHERE id = ?1",
                    at.stream_id(), minor);
}

// What the line comes to with this quantity, less what it comes to now.
absl::StatusOr<int64_t> Difference(ReadModel& db, const RecordedEvent& at, int line, int quantity) {
  const auto found = db.Query(
      "SELECT unit_price_minor * (?3 - quantity) FROM line WHERE order_id = ?1 AND line = ?2",
      at.stream_id(), line, quantity);
  if (!found.ok()) return found.status();
  if (found->empty()) return absl::DataLossError(absl::StrCat("there is no line ", line));
  return found->front().Int(0);
}

absl::Status NotePlaced(ReadModel& db, const orders::v1::OrderPlaced& event,
                        const RecordedEvent& at) {
  const auto insert = [&](auto placed_at) {
    return db.Execute("INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)", at.stream_id(),
                      Name(OrderStatus::kOpen), event.customer_id(), event.country(),
                      event.currency(), placed_at);
  };
  return event.has_placed_at() ? insert(event.placed_at().seconds()) : insert(nullptr);
}

absl::Status NoteLine(ReadModel& db, const orders::v1::LineAdded& event, const RecordedEvent& at) {
  absl::Status added = db.Execute("INSERT INTO line VALUES (?1, ?2, ?3, ?4)", at.stream_id(),
                                  event.line(), event.quantity(), event.unit_price_minor());
  if (!added.ok()) return added;
  return AddToTotal(db, at, event.quantity() * event.unit_price_minor());
}

absl::Status NoteQuantity(ReadModel& db, const orders::v1::QuantityChanged& event,
                          const RecordedEvent& at) {
  const auto difference = Difference(db, at, event.line(), event.quantity());
  if (!difference.ok()) return difference.status();
  absl::Status set = db.Execute("UPDATE line SET quantity = ?3 WHERE order_id = ?1 AND line = ?2",
                                at.stream_id(), event.line(), event.quantity());
  return set.ok() ? AddToTotal(db, at, *difference) : set;
}

absl::Status NoteRemoval(ReadModel& db, const orders::v1::LineRemoved& event,
                         const RecordedEvent& at) {
  const auto difference = Difference(db, at, event.line(), 0);
  if (!difference.ok()) return difference.status();
  absl::Status removed = db.Execute("DELETE FROM line WHERE order_id = ?1 AND line = ?2",
                                    at.stream_id(), event.line());
  return removed.ok() ? AddToTotal(db, at, *difference) : removed;
}

api::v1::OrderSummary SummaryOf(const ModelRow& row) {
  api::v1::OrderSummary summary;
  summary.set_id(std::string(row.Text(0)));
  summary.set_status(std::string(row.Text(1)));
  summary.set_customer_id(std::string(row.Text(2)));
  summary.set_country(std::string(row.Text(3)));
  summary.set_currency(std::string(row.Text(4)));
  summary.set_total_minor(row.Int(5));
  if (!row.IsNull(6)) summary.mutable_placed_at()->set_seconds(row.Int(6));
  return summary;
}

}  // namespace

daybook::ProjectionOptions OrderListOptions(const std::string& folder) {
  return {.name = kOrderList,
          .folder = folder,
          .schema = kOrderListSchema,
          .category = std::string(Order::kCategory)};
}

daybook::ProjectionHandlers OrderListHandlers() {
  daybook::ProjectionHandlers handlers;
  handlers.On(&NotePlaced).On(&NoteLine).On(&NoteQuantity).On(&NoteRemoval);
  handlers.On([](ReadModel& db, const orders::v1::OrderPaid&, const RecordedEvent& at) {
    return SetStatus(db, at, OrderStatus::kPaid);
  });
  handlers.On([](ReadModel& db, const orders::v1::OrderShipped&, const RecordedEvent& at) {
    return SetStatus(db, at, OrderStatus::kShipped);
  });
  handlers.On([](ReadModel& db, const orders::v1::OrderDelivered&, const RecordedEvent& at) {
    return SetStatus(db, at, OrderStatus::kDelivered);
  });
  handlers.On([](ReadModel& db, const orders::v1::OrderCancelled&, const RecordedEvent& at) {
    return SetStatus(db, at, OrderStatus::kCancelled);
  });
  return handlers;
}

absl::StatusOr<api::v1::OrderList> ListOrders(daybook::ProjectionReader& reader,
                                              const OrderListQuery& query) {
  // One text for each set of filters, so that each finds its index.
  const std::string sql = absl::StrCat(
      "SELECT id, status, customer, country, currency, total_minor, placed_at FROM orders WHERE ",
      query.status.empty() ? "?1 = ''" : "status = ?1", " AND ",
      query.customer.empty() ? "?2 = ''" : "customer = ?2", " AND id > ?3 ORDER BY id LIMIT ?4");
  const auto rows = reader.Query(sql, query.status, query.customer, query.behind, query.limit);
  if (!rows.ok()) return rows.status();
  api::v1::OrderList list;
  for (const ModelRow& row : *rows) *list.add_orders() = SummaryOf(row);
  return list;
}

}  // namespace shop
