// What the service answers under which path. See README.md for the list.

#ifndef SHOP_API_ROUTES_H_
#define SHOP_API_ROUTES_H_

#include <functional>

#include "api/router.h"
#include "daybook/sqlite_event_store.h"
#include "messaging.h"
#include "readmodel/read_models.h"
#include "shop.h"

namespace shop {

// The shop, and the read models and the messaging where there are any, outlive the router.
void AddOrderRoutes(Shop& shop, ReadModels* models, Router& router);
void AddCreditNoteRoutes(Shop& shop, Router& router);
void AddHealthRoute(Shop& shop, std::function<daybook::StoreHealth()> health, ReadModels* models,
                    const Messaging* messaging, Router& router);

}  // namespace shop

#endif  // SHOP_API_ROUTES_H_
