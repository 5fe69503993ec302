#include <string>

#include "api/answers.h"
#include "api/report_routes.h"
#include "api/routes.h"

namespace shop {
namespace {

constexpr char kOrders[] = "/orders";
constexpr char kOneOrder[] = "/orders/{id}";
constexpr char kOneLine[] = "/orders/{id}/lines/{n}";

absl::StatusOr<Reply> PlaceOrder(Shop& shop, const httplib::Request& request) {
  api::v1::PlaceOrder body;
  if (absl::Status read = ReadBody(request, &body); !read.ok()) return read;
  if (body.customer_id().empty()) return Refuse(400, "customerId is missing");
  const BusinessTime now = Now();
  return Write<Order>(
      shop.store, shop.orders,
      {.id = daybook::EventId::Generate().ToString(), .success = 201, .location = "/orders/"},
      request, [&](Order& order) {
        absl::Status done = order.Place(body.customer_id(), body.currency(), now, body.country());
        for (int i = 0; done.ok() && i < body.lines_size(); ++i) {
          done = order.AddLine(FromView(body.lines(i)));
        }
        return done;
      });
}

absl::StatusOr<Reply> ChangeQuantity(Shop& shop, const httplib::Request& request) {
  const auto id = PathId(request);
  if (!id.ok()) return id.status();
  const auto line = PathLine(request, 2);
  if (!line.ok()) return line.status();
  api::v1::ChangeQuantity body;
  if (absl::Status read = ReadBody(request, &body); !read.ok()) return read;
  return Write<Order>(shop.store, shop.orders, {.id = *id}, request,
                      [&](Order& order) { return order.ChangeQuantity(*line, body.quantity()); });
}

absl::StatusOr<Reply> RemoveLine(Shop& shop, const httplib::Request& request) {
  const auto id = PathId(request);
  if (!id.ok()) return id.status();
  const auto line = PathLine(request, 2);
  if (!line.ok()) return line.status();
  return Write<Order>(shop.store, shop.orders, {.id = *id}, request,
                      [&](Order& order) { return order.RemoveLine(*line); });
}

void AddReads(Shop& shop, ReadModels* models, Router& router) {
  router.Get(kOrders, [&shop, models](const httplib::Request& request) {
    if (models != nullptr && AsksForList(request)) return ShowList(*models, request);
    return ListIds(shop.store, std::string(Order::kCategory), request);
  });
  router.Get(kOneOrder, [&shop](const httplib::Request& request) -> absl::StatusOr<Reply> {
    const auto id = PathId(request);
    return id.ok() ? Show(shop.orders, *id, request) : id.status();
  });
  router.Get("/orders/{id}/events",
             [&shop](const httplib::Request& request) -> absl::StatusOr<Reply> {
               const auto id = PathId(request);
               return id.ok() ? ShowHistory(shop.store, "order-" + *id, request) : id.status();
             });
}

void AddSteps(Shop& shop, Router& router) {
  router.Post("/orders/{id}/pay", Command<Order, api::v1::PayOrder>(
                                      shop.store, shop.orders, [](Order& order, const auto& body) {
                                        return order.Pay(body.amount_minor(), body.currency(),
                                                         body.reference(), Now());
                                      }));
  router.Post("/orders/{id}/ship", Command<Order, api::v1::ShipOrder>(
                                       shop.store, shop.orders, [](Order& order, const auto& body) {
                                         return order.Ship(body.carrier(), body.tracking(), Now());
                                       }));
  router.Post("/orders/{id}/deliver",
              Command<Order, api::v1::DeliverOrder>(
                  shop.store, shop.orders, [](Order& order, const auto& body) {
                    return order.Deliver(body.received_by(), Now());
                  }));
  router.Post("/orders/{id}/cancel",
              Command<Order, api::v1::CancelOrder>(shop.store, shop.orders,
                                                   [](Order& order, const auto& body) {
                                                     return order.Cancel(body.reason(), Now());
                                                   }));
}

}  // namespace

void AddOrderRoutes(Shop& shop, ReadModels* models, Router& router) {
  AddReads(shop, models, router);
  router.Post(kOrders,
              [&shop](const httplib::Request& request) { return PlaceOrder(shop, request); });
  router.Post(
      "/orders/{id}/lines",
      Command<Order, api::v1::NewLine>(shop.store, shop.orders, [](Order& order, const auto& body) {
        return order.AddLine(FromView(body));
      }));
  router.Put(kOneLine,
             [&shop](const httplib::Request& request) { return ChangeQuantity(shop, request); });
  router.Delete(kOneLine,
                [&shop](const httplib::Request& request) { return RemoveLine(shop, request); });
  AddSteps(shop, router);
}

}  // namespace shop
