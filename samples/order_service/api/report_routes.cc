#include "api/report_routes.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "api/problem.h"
#include "api/request.h"
#include "domain/order.h"
#include "domain/text.h"
#include "readmodel/order_list.h"
#include "readmodel/revenue.h"

namespace shop {
namespace {

constexpr std::chrono::seconds kCatchesUpWithin(5);

bool Stands(const daybook::SqliteProjection& model) {
  const daybook::SubscriptionState state = model.Health().live.state;
  return state == daybook::SubscriptionState::kPaused ||
         state == daybook::SubscriptionState::kStopped;
}

absl::Status WaitFor(const httplib::Request& request, const daybook::SqliteProjection& model) {
  const auto after = QueryNumber(request, "after");
  if (!after.ok()) return after.status();
  if (!after->has_value()) return absl::OkStatus();
  const bool stands = Stands(model);
  const auto patience = stands ? std::chrono::seconds(0) : kCatchesUpWithin;
  const absl::Status waited =
      model.WaitUntil(daybook::Position(**after), std::chrono::steady_clock::now() + patience);
  if (!absl::IsDeadlineExceeded(waited)) return waited;
  return Refuse(503,
                absl::StrCat("position ", **after, " is not to be seen here yet",
                             stands ? ": the read model does not go on until it is resumed" : ""));
}

absl::StatusOr<std::string> Text(const httplib::Request& request, const std::string& name) {
  std::string text = request.get_param_value(name);
  if (!IsUtf8(text) || text.find('\0') != std::string::npos) {
    return Refuse(400, name + " is no text");
  }
  return text;
}

absl::StatusOr<std::string> Day(const httplib::Request& request, const std::string& name) {
  const std::string text = request.get_param_value(name);
  absl::CivilDay day;
  if (text.empty()) return text;
  if (text.size() != 10 || !absl::ParseCivilTime(text, &day)) {
    return Refuse(400, name + " is no day such as 2024-03-01");
  }
  return text;
}

bool IsStatus(const std::string& name) {
  constexpr OrderStatus kAll[] = {OrderStatus::kOpen, OrderStatus::kPaid, OrderStatus::kShipped,
                                  OrderStatus::kDelivered, OrderStatus::kCancelled};
  return std::any_of(std::begin(kAll), std::end(kAll),
                     [&](OrderStatus status) { return Name(status) == name; });
}

std::string NextPage(const OrderListQuery& query, const std::string& last) {
  httplib::Params params;
  if (!query.status.empty()) params.emplace("status", query.status);
  if (!query.customer.empty()) params.emplace("customer", query.customer);
  params.emplace("limit", std::to_string(query.limit));
  params.emplace("from", last);
  return "/orders?" + httplib::detail::params_to_query_str(params);
}

absl::StatusOr<OrderListQuery> ListQuery(const httplib::Request& request) {
  const auto limit = PageSize(request);
  if (!limit.ok()) return limit.status();
  const auto customer = Text(request, "customer");
  if (!customer.ok()) return customer.status();
  const std::string from = request.get_param_value("from");
  if (!from.empty() && !IsId(from)) return Refuse(400, "from is not an id");
  const std::string status = request.get_param_value("status");
  if (!status.empty() && !IsStatus(status)) {
    return Refuse(400, "status is none of open, paid, shipped, delivered, cancelled");
  }
  return OrderListQuery{.status = status, .customer = *customer, .behind = from, .limit = *limit};
}

absl::StatusOr<Reply> ShowRevenue(ReadModels& models, const httplib::Request& request) {
  const auto from = Day(request, "from");
  if (!from.ok()) return from.status();
  const auto to = Day(request, "to");
  if (!to.ok()) return to.status();
  const auto country = Text(request, "country");
  if (!country.ok()) return country.status();
  if (absl::Status waited = WaitFor(request, models.revenue()); !waited.ok()) return waited;
  daybook::ProjectionReader reader = models.revenue().Reader();
  const auto report = ReportRevenue(reader, {.from = *from, .to = *to, .country = *country});
  return report.ok() ? JsonReply(200, *report) : report.status();
}

}  // namespace

bool AsksForList(const httplib::Request& request) {
  return request.has_param("status") || request.has_param("customer");
}

absl::StatusOr<Reply> ShowList(ReadModels& models, const httplib::Request& request) {
  const auto query = ListQuery(request);
  if (!query.ok()) return query.status();
  if (absl::Status waited = WaitFor(request, models.order_list()); !waited.ok()) return waited;
  daybook::ProjectionReader reader = models.order_list().Reader();
  auto list = ListOrders(reader, *query);
  if (!list.ok()) return list.status();
  if (list->orders_size() == query->limit) {
    list->set_next(NextPage(*query, list->orders(list->orders_size() - 1).id()));
  }
  return JsonReply(200, *list);
}

void AddReportRoutes(ReadModels& models, Router& router) {
  router.Get("/reports/revenue",
             [&models](const httplib::Request& request) { return ShowRevenue(models, request); });
}

}  // namespace shop
