// The read models of the shop, in a folder beside its database.

#ifndef SHOP_READMODEL_READ_MODELS_H_
#define SHOP_READMODEL_READ_MODELS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daybook/event_store.h"
#include "daybook/projection.h"

namespace shop {

// `<db>-models`, made if it is not there.
absl::StatusOr<std::string> ModelFolder(const std::string& db);

// Thread-safe. The store outlives it.
class ReadModels {
 public:
  // Keeps the models up to date from then on.
  static absl::StatusOr<std::unique_ptr<ReadModels>> Start(daybook::EventStore& store,
                                                           const std::string& db);

  daybook::SqliteProjection& order_list() { return order_list_; }
  daybook::SqliteProjection& revenue() { return revenue_; }

 private:
  ReadModels(daybook::EventStore& store, const std::string& folder);

  daybook::SqliteProjection order_list_;
  daybook::SqliteProjection revenue_;
};

}  // namespace shop

#endif  // SHOP_READMODEL_READ_MODELS_H_
