#include <optional>
#include <string>

#include "api/answers.h"
#include "api/routes.h"

namespace shop {
namespace {

absl::StatusOr<Reply> OpenCreditNote(Shop& shop, const httplib::Request& request) {
  api::v1::OpenCreditNote body;
  if (absl::Status read = ReadBody(request, &body); !read.ok()) return read;
  std::optional<Order> order;
  if (!body.order_id().empty()) {
    if (!IsId(body.order_id())) return Refuse(422, "there is no such order");
    auto found = shop.orders.Load(body.order_id());
    if (absl::IsNotFound(found.status())) return Refuse(422, "there is no such order");
    if (!found.ok()) return found.status();
    order = *std::move(found);
  }
  const BusinessTime now = Now();
  return Write<CreditNote>(
      shop.store, shop.credit_notes,
      {.id = daybook::EventId::Generate().ToString(), .success = 201, .location = "/credit-notes/"},
      request, [&](CreditNote& note) {
        absl::Status done = order.has_value() ? note.OpenFor(*order, now)
                                              : note.Open(body.customer_id(), body.currency(), now);
        for (int i = 0; done.ok() && i < body.items_size(); ++i) {
          done = note.ReturnItem(FromView(body.items(i)));
        }
        return done;
      });
}

void AddReads(Shop& shop, Router& router) {
  router.Get("/credit-notes", [&shop](const httplib::Request& request) {
    return ListIds(shop.store, std::string(CreditNote::kCategory), request);
  });
  router.Get("/credit-notes/{id}",
             [&shop](const httplib::Request& request) -> absl::StatusOr<Reply> {
               const auto id = PathId(request);
               return id.ok() ? Show(shop.credit_notes, *id, request) : id.status();
             });
  router.Get("/credit-notes/{id}/events",
             [&shop](const httplib::Request& request) -> absl::StatusOr<Reply> {
               const auto id = PathId(request);
               return id.ok() ? ShowHistory(shop.store, "credit_note-" + *id, request)
                              : id.status();
             });
}

}  // namespace

void AddCreditNoteRoutes(Shop& shop, Router& router) {
  AddReads(shop, router);
  router.Post("/credit-notes",
              [&shop](const httplib::Request& request) { return OpenCreditNote(shop, request); });
  router.Post("/credit-notes/{id}/items",
              Command<CreditNote, api::v1::NewLine>(shop.store, shop.credit_notes,
                                                    [](CreditNote& note, const auto& body) {
                                                      return note.ReturnItem(FromView(body));
                                                    }));
  router.Post("/credit-notes/{id}/issue",
              Command<CreditNote, api::v1::IssueCreditNote>(
                  shop.store, shop.credit_notes,
                  [](CreditNote& note, const auto&) { return note.Issue(Now()); }));
  router.Post("/credit-notes/{id}/refund",
              Command<CreditNote, api::v1::RefundCreditNote>(
                  shop.store, shop.credit_notes, [](CreditNote& note, const auto& body) {
                    return note.Refund(body.reference(), Now());
                  }));
}

}  // namespace shop
