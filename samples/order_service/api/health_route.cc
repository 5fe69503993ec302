#include <algorithm>
#include <string>
#include <utility>

#include "api/routes.h"
#include "api/views.h"

namespace shop {

namespace {

void Describe(const daybook::SubscriptionHealth& health, api::v1::ReadModel* view) {
  view->set_name(health.name);
  view->set_state(std::string(Name(health.state)));
  view->set_checkpoint(health.checkpoint.value());
  view->set_lag(health.lag);
  view->set_error(std::string(health.last_error.message()));
}

bool Moves(const std::string& state) { return state == "running" || state == "standby"; }

bool IsWell(const api::v1::Health& view) {
  const auto& models = view.read_models();
  const bool read = std::all_of(models.begin(), models.end(),
                                [](const auto& model) { return Moves(model.state()); });
  if (!view.has_messaging()) return read;
  const api::v1::Messaging& messaging = view.messaging();
  return read && Moves(messaging.publisher().state()) && messaging.consumer().error().empty();
}

}  // namespace

void AddHealthRoute(Shop& shop, std::function<daybook::StoreHealth()> health, ReadModels* models,
                    const Messaging* messaging, Router& router) {
  router.Get(
      "/health",
      [&shop, health = std::move(health), models,
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
        if (models != nullptr) {
          Describe(models->order_list().Health().live, view.add_read_models());
          Describe(models->revenue().Health().live, view.add_read_models());
        }
        if (messaging != nullptr) *view.mutable_messaging() = messaging->Health();
        if (now.writable.ok() && !IsWell(view)) view.set_status("degraded");
        return JsonReply(now.writable.ok() ? 200 : 503, view);
      });
}

}  // namespace shop
