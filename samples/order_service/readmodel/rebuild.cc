#include "readmodel/rebuild.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "daybook/projection.h"
#include "readmodel/order_list.h"
#include "readmodel/read_models.h"
#include "readmodel/revenue.h"

namespace shop {
namespace {

constexpr std::chrono::milliseconds kPoll(20);

// The subscription "revenue@v3" fills the read model "revenue".
std::string ModelOf(const std::string& name) { return name.substr(0, name.rfind("@v")); }

absl::Status WhyItStands(const daybook::ProjectionHealth& health) {
  if (!health.rebuild.has_value()) return health.trouble;
  const daybook::SubscriptionHealth& filling = health.rebuild->health;
  return filling.state == daybook::SubscriptionState::kStopped ? filling.last_error
                                                               : health.trouble;
}

}  // namespace

absl::Status RebuildReadModel(daybook::SqliteEventStore& store, const std::string& name,
                              const std::function<void(size_t done, size_t total)>& on_progress) {
  const std::string model = ModelOf(name);
  if (model != kOrderList && model != kRevenue) {
    return absl::NotFoundError(
        absl::StrCat("no read model is called ", name, "; there are ", kOrderList, ", ", kRevenue));
  }
  const auto folder = ModelFolder(store.path());
  if (!folder.ok()) return folder.status();
  // Beside a service that runs, one of the two fills the new version.
  daybook::SqliteProjection projection(
      store, model == kRevenue ? RevenueOptions(*folder) : OrderListOptions(*folder),
      model == kRevenue ? RevenueHandlers() : OrderListHandlers());
  if (absl::Status asked = projection.Rebuild(); !asked.ok()) return asked;
  if (absl::Status started = projection.Start(); !started.ok()) return started;
  while (true) {
    const auto status = daybook::GetProjection(store, model);
    if (!status.ok()) return status.status();
    if (!status->rebuilding.has_value()) {
      on_progress(static_cast<size_t>(status->head.value()),
                  static_cast<size_t>(status->head.value()));
      return absl::OkStatus();
    }
    const daybook::ProjectionHealth health = projection.Health();
    if (absl::Status stands = WhyItStands(health); !stands.ok()) return stands;
    daybook::Position done = status->rebuilt_to;
    if (health.rebuild.has_value()) done = std::max(done, health.rebuild->health.checkpoint);
    // The last step is the switch.
    if (done < status->head) {
      on_progress(static_cast<size_t>(done.value()), static_cast<size_t>(status->head.value()));
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace shop
