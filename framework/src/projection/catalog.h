#ifndef DAYBOOK_SRC_PROJECTION_CATALOG_H_
#define DAYBOOK_SRC_PROJECTION_CATALOG_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event_store.h"
#include "daybook/subscription.pb.h"

namespace daybook::internal {

// Which versions a projection has: one row in the log's file, by the projection's name.
struct CatalogEntry {
  Row stored = {};  // without a value if there is none
  ProjectionRow row = {};

  bool exists() const { return stored.value.has_value(); }
};

absl::StatusOr<CatalogEntry> ReadCatalog(EventStore& store, std::string_view name);

// Enters a projection that is new, at version 1.
absl::StatusOr<CatalogEntry> EnterCatalog(EventStore& store, std::string_view name);

// kAborted, IsConflict(): the entry is not as it was read any more.
absl::Status BeginRebuild(EventStore& store, const CatalogEntry& entry);
absl::Status EndRebuild(EventStore& store, const CatalogEntry& entry);  // gives it up
// A pause of the live version is one of the next from then on. IsConflict() also if its row has
// changed meanwhile.
absl::Status SwitchToNext(EventStore& store, const CatalogEntry& entry);

// kFailedPrecondition: it is the subscription of a version that a projection shows or fills.
absl::Status CheckNotInUse(EventStore& store, std::string_view subscription);

std::string SubscriptionOf(std::string_view name, int64_t version);

// kInvalidArgument unless it can be part of a file's name.
absl::Status CheckProjectionName(std::string_view name);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_PROJECTION_CATALOG_H_
