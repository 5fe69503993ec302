#ifndef DAYBOOK_SRC_PROJECTION_MODEL_VERSION_H_
#define DAYBOOK_SRC_PROJECTION_MODEL_VERSION_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daybook/event_store.h"
#include "daybook/projection.h"
#include "projection/catalog.h"
#include "projection/model_file.h"
#include "projection/model_writer.h"
#include "subscription/runner.h"

namespace daybook::internal {

// One version of a projection: its file, and the subscription that fills it.
struct ModelVersion {
  ModelVersion(EventStore& store, const ProjectionOptions& options,
               const ProjectionHandlers& handlers, int64_t number, std::string id, bool is_live);

  const int64_t number;
  const std::shared_ptr<ModelFile> file;
  ModelWriter writer;
  Runner runner;
};

// How far the tables of the live version have come; 0 if there are none. kDataLoss: they are not of
// this log, which was restored.
absl::StatusOr<Position> CommittedIn(EventStore& store, const CatalogEntry& entry,
                                     const std::string& path);

// Makes `next` live, once it shows no less than the live version does: that is held still for as
// long as this takes. False: it has not come so far until `deadline`, or the entry has changed.
absl::StatusOr<bool> Switch(EventStore& store, const CatalogEntry& entry,
                            const std::string& live_path, const ModelVersion& next,
                            std::chrono::steady_clock::time_point deadline);

// Removes what is left of versions before the live one: files and subscriptions.
void RemoveOldVersions(EventStore& store, const ProjectionOptions& options, int64_t live);
void RemoveSubscription(EventStore& store, const std::string& name);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_PROJECTION_MODEL_VERSION_H_
