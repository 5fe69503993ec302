#ifndef DAYBOOK_SRC_PROJECTION_MODEL_WRITER_H_
#define DAYBOOK_SRC_PROJECTION_MODEL_WRITER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event_store.h"
#include "daybook/projection.h"
#include "mutex.h"
#include "projection/model_file.h"
#include "projection/sql_session.h"
#include "subscription/runner.h"

namespace daybook::internal {

inline constexpr int kMaxBatchRecords = 1000;
inline constexpr std::chrono::milliseconds kMaxBatchTime(50);

// kDataLoss: what the file has seen is not what the log holds.
absl::Status CheckAgainstLog(EventStore& store, const std::string& path,
                             const ModelStanding& standing);
absl::Status AnotherThanTheLogs(const std::string& path);

// Fills one version of a read model: the handlers' writes and the position behind them commit
// together. Used by one thread at a time, except where it says otherwise.
class ModelWriter final : public Effects {
 public:
  // `is_live`: what the file holds is not to be thrown away.
  ModelWriter(EventStore& store, std::shared_ptr<ModelFile> file, ModelIdentity identity,
              bool is_live);

  absl::StatusOr<Position> Begin(int64_t epoch) override;
  int64_t LastEpoch() const override { return last_epoch_; }
  absl::Status BeginBatch() override;
  bool IsFull() const override;
  absl::Status Commit(Position checkpoint) override;
  void RollBack() override;

  // All of what the handlers do with a record, or nothing. NotNow(): the whole batch is undone, and
  // the subscription is to begin anew. REQUIRES: in a batch.
  absl::Status Handle(const ProjectionHandlers& handlers, const RecordedEvent& record);

  // Whether the file could be begun with, the last time. From any thread.
  absl::Status begun() const;
  // From any thread.
  void SetLive() { is_live_ = true; }

 private:
  absl::StatusOr<ModelStanding> Open(int64_t epoch);
  absl::Status OpenFile();
  absl::StatusOr<bool> IsToBeMadeAnew();
  absl::Status Make();
  absl::StatusOr<ModelStanding> TakeOver(int64_t epoch);
  absl::Status RunOwn(const char* sql);  // a constant
  absl::Status CallHandlers(const ProjectionHandlers& handlers, const RecordedEvent& record);
  absl::Status EndRecord(absl::Status handled, const RecordedEvent& record, bool in_savepoint);
  absl::Status Finish(Position checkpoint);
  Database& database() { return session_->database(); }

  EventStore& store_;
  const std::shared_ptr<ModelFile> file_;
  const ModelIdentity identity_;
  std::atomic<bool> is_live_;

  std::unique_ptr<SqlSession> session_;         // once it has begun
  absl::Status in_the_way_ = absl::OkStatus();  // of the last Begin()
  ModelStanding standing_;                      // as committed
  int64_t last_epoch_ = 0;                      // found in the file
  bool in_batch_ = false;
  int records_ = 0;  // handled in this batch
  // A savepoint for each record costs as much as half a write. So there is none until a record
  // fails that has written behind others; then that batch comes again, with savepoints.
  Position careful_until_ = {};
  ModelStanding next_;
  std::chrono::steady_clock::time_point batch_since_;
  // This batch is not what it was: a handler has rolled back more than its own record.
  absl::Status undone_ = absl::OkStatus();

  mutable Mutex mutex_;
  absl::Status begun_ ABSL_GUARDED_BY(mutex_) = absl::OkStatus();
};

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_PROJECTION_MODEL_WRITER_H_
