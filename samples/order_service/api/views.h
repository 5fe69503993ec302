// What the outside sees of aggregates and of their history.

#ifndef SHOP_API_VIEWS_H_
#define SHOP_API_VIEWS_H_

#include "absl/status/statusor.h"
#include "api/api.pb.h"
#include "daybook/event.h"
#include "domain/credit_note.h"
#include "domain/lines.h"
#include "domain/order.h"

namespace shop {

NewLine FromView(const api::v1::NewLine& line);

api::v1::Order ViewOf(const Order& order);
api::v1::CreditNote ViewOf(const CreditNote& note);

// Decoded, with the name of its type. kDataLoss: this program does not know the type, or cannot
// read the bytes.
absl::StatusOr<api::v1::Event> ViewOf(const daybook::StoredEvent& event);

}  // namespace shop

#endif  // SHOP_API_VIEWS_H_
