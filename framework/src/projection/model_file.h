#ifndef DAYBOOK_SRC_PROJECTION_MODEL_FILE_H_
#define DAYBOOK_SRC_PROJECTION_MODEL_FILE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daybook/event.h"
#include "sqlite/database.h"

namespace daybook::internal {

inline constexpr int32_t kModelApplicationId = 0x44617952;  // "DayR"
inline constexpr int32_t kModelFormatVersion = 1;

std::string ModelPath(std::string_view folder, std::string_view name, int64_t version);

// Removes a read model's files. Who has them open keeps what they hold.
void RemoveModel(const std::string& path);

// A read model's file, as long as somebody in this process uses it. Thread-safe.
class ModelFile {
 public:
  // One object for each path.
  static std::shared_ptr<ModelFile> Of(const std::string& path);

  explicit ModelFile(std::string path) : path_(std::move(path)) {}
  // Removes it, if it is retired.
  ~ModelFile();
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  const std::string& path() const { return path_; }
  void Retire() { retired_ = true; }

 private:
  const std::string path_;
  std::atomic<bool> retired_ = false;
};

// The two tables that stand beside the user's. What a file is:
struct ModelIdentity {
  std::string id = {};  // of this version, as the log's file has it
  std::string schema = {};
};
// And how far it has come. The event is the last that was handled: the position may be a hole, or
// an event that is none of its business.
struct ModelStanding {
  int64_t epoch = 0;
  Position position = {};
  Position event_position = {};
  EventId event_id = {};
};

// A connection. Only kMake makes a file that is not there. kInvalidArgument: it is another
// program's.
enum class Access { kMake, kWrite, kRead };
absl::StatusOr<std::unique_ptr<Database>> ConnectModel(const std::string& path, Access access);

// Whether the file has tables.
absl::StatusOr<bool> IsMade(Database& database);

// REQUIRES: in a transaction; `database` is an empty file.
absl::Status MakeOwnTables(Database& database, const ModelIdentity& identity);

absl::StatusOr<ModelIdentity> ReadIdentity(Database& database);
absl::StatusOr<ModelStanding> ReadStanding(Database& database);
absl::Status WriteStanding(Database& database, const ModelStanding& standing);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_PROJECTION_MODEL_FILE_H_
