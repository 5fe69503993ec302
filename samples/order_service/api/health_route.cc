#include <string>
#include <utility>

#include "api/routes.h"
#include "api/views.h"

namespace shop {

void AddHealthRoute(Shop& shop, std::function<daybook::StoreHealth()> health,
                    const Messaging* messaging, Router& router) {
  router.Get(
      "/health",
      [&shop, health = std::move(health),
       messaging](const httplib::Request&) -> absl::StatusOr<Reply> {
        const daybook::StoreHealth now = health();
        const auto head = shop.store.Head();
        if (!head.ok()) return head.status();
        api::v1::Health view;
        view.set_status(now.writable.ok() ? "ok" : "writes are refused: restart the service");
        view.set_head(head->value());
        view.set_background(now.background.ok() ? "ok"
                                                : absl::StatusCodeToString(now.background.code()));
        view.set_wal_bytes(now.wal_bytes);
        if (messaging != nullptr) *view.mutable_messaging() = messaging->Health();
        return JsonReply(now.writable.ok() ? 200 : 503, view);
      });
}

}  // namespace shop
