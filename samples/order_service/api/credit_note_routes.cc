#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/answers.h"
#include "api/routes.h"

namespace shop {
namespace {

// For an order: what names the customer and the currency, unless the body says otherwise.
absl::StatusOr<Order> FindOrder(Shop& shop, const api::v1::OpenCreditNote& body) {
  if (!IsId(body.order_id())) return Refuse(422, "there is no such order");
  auto order = shop.orders.Load(body.order_id());
  if (absl::IsNotFound(order.status())) return Refuse(422, "there is no such order");
  if (!order.ok()) return order.status();
  const auto contradicts = [](const std::string& said, const std::string& is) {
    return !said.empty() && said != is;
  };
  if (contradicts(body.customer_id(), order->customer_id()) ||
      contradicts(body.currency(), order->currency())) {
    return Refuse(400, "the order is another customer's, or in another currency");
  }
  return order;
}

// The notes of an order are numbered. A note is no longer changed once it is issued, so what they
// come to together is known when the next one is opened, and two of them opened at once are one.
struct NextNote {
  std::string id = {};
  int64_t credited_minor = 0;  // by those before
};

absl::StatusOr<NextNote> NextNoteOf(Shop& shop, const std::string& order_id) {
  NextNote next;
  for (int number = 1;; ++number) {
    next.id = absl::StrCat(order_id, ".", number);
    if (!IsId(next.id)) return Refuse(422, "the order's id is too long for a credit note");
    const auto note = shop.credit_notes.Load(next.id);
    if (absl::IsNotFound(note.status())) return next;
    if (!note.ok()) return note.status();
    if (note->status() == CreditNoteStatus::kOpen) return next;
    next.credited_minor += note->lines().total_minor();
  }
}

absl::StatusOr<Reply> OpenCreditNote(Shop& shop, const httplib::Request& request) {
  api::v1::OpenCreditNote body;
  if (absl::Status read = ReadBody(request, &body); !read.ok()) return read;
  std::optional<Order> order;
  NextNote next = {.id = daybook::EventId::Generate().ToString()};
  if (!body.order_id().empty()) {
    auto found = FindOrder(shop, body);
    if (!found.ok()) return found.status();
    order = *std::move(found);
    auto numbered = NextNoteOf(shop, body.order_id());
    if (!numbered.ok()) return numbered.status();
    next = *std::move(numbered);
  } else if (body.customer_id().empty()) {
    return Refuse(400, "neither orderId nor customerId is there");
  }
  const BusinessTime now = Now();
  return Write<CreditNote>(
      shop.store, shop.credit_notes, {.id = next.id, .success = 201, .location = "/credit-notes/"},
      request, [&](CreditNote& note) {
        absl::Status done =
            order.has_value() ? note.OpenFor(*order, next.credited_minor, now)
                              : note.Open(body.customer_id(), body.currency(), now, body.country());
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
