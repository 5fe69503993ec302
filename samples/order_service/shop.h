// The shop: the log, and the aggregates in it.

#ifndef SHOP_SHOP_H_
#define SHOP_SHOP_H_

#include "daybook/event_store.h"
#include "daybook/repository.h"
#include "domain/credit_note.h"
#include "domain/order.h"

namespace shop {

// Thread-safe, as its parts are. The store must outlive it.
struct Shop {
  explicit Shop(daybook::EventStore& event_store, const daybook::RepositoryOptions& options = {})
      : store(event_store), orders(event_store, options), credit_notes(event_store, options) {}

  daybook::EventStore& store;
  daybook::Repository<Order> orders;
  daybook::Repository<CreditNote> credit_notes;
};

}  // namespace shop

#endif  // SHOP_SHOP_H_
