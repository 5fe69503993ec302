// Making a read model anew, whether or not the service runs.

#ifndef SHOP_READMODEL_REBUILD_H_
#define SHOP_READMODEL_REBUILD_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "daybook/sqlite_event_store.h"

namespace shop {

// Returns when the new version is what readers see. Where it is interrupted, it goes on with the
// next call, or with the service. kNotFound: no read model has this name.
absl::Status RebuildReadModel(daybook::SqliteEventStore& store, const std::string& name,
                              const std::function<void(size_t done, size_t total)>& on_progress);

}  // namespace shop

#endif  // SHOP_READMODEL_REBUILD_H_
