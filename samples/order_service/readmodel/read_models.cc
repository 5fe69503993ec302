#include "readmodel/read_models.h"

#include <filesystem>

#include "readmodel/order_list.h"
#include "readmodel/revenue.h"

namespace shop {

ReadModels::ReadModels(daybook::EventStore& store, const std::string& folder)
    : order_list_(store, OrderListOptions(folder), OrderListHandlers()),
      revenue_(store, RevenueOptions(folder), RevenueHandlers()) {}

absl::StatusOr<std::string> ModelFolder(const std::string& db) {
  std::string folder = db + "-models";
  std::error_code failed;
  std::filesystem::create_directory(folder, failed);
  if (!failed) return folder;
  return absl::PermissionDeniedError("cannot make " + folder + ": " + failed.message());
}

absl::StatusOr<std::unique_ptr<ReadModels>> ReadModels::Start(daybook::EventStore& store,
                                                              const std::string& db) {
  const auto folder = ModelFolder(db);
  if (!folder.ok()) return folder.status();
  std::unique_ptr<ReadModels> models(new ReadModels(store, *folder));
  for (daybook::SqliteProjection* model : {&models->order_list_, &models->revenue_}) {
    absl::Status started = model->Start();
    // A file that is not of this log, or of another schema, is made anew; until then the service
    // answers from the old one.
    if (absl::IsDataLoss(started) || absl::IsFailedPrecondition(started)) {
      started = model->Rebuild();
      if (started.ok()) started = model->Start();
    }
    if (!started.ok()) return started;
  }
  return models;
}

}  // namespace shop
