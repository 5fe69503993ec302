#include "projection/model_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "mutex.h"
#include "status_macros.h"
#include "to_absl.h"

namespace daybook::internal {
namespace {

constexpr std::chrono::seconds kModelBusyTimeout(5);

constexpr char kMakeModelTables[] = R"(
CREATE TABLE daybook_model (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL,
  schema TEXT NOT NULL
) STRICT;
CREATE TABLE daybook_projection (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  epoch INTEGER NOT NULL,
  position INTEGER NOT NULL,
  event_position INTEGER NOT NULL,
  event_id BLOB NOT NULL
) STRICT;
INSERT INTO daybook_projection VALUES (1, 0, 0, 0, zeroblob(16));
)";

struct Files {
  Mutex mutex;
  std::map<std::string, std::weak_ptr<ModelFile>> by_path ABSL_GUARDED_BY(mutex);
};

Files& AllFiles() {
  static Files* const files = new Files;
  return *files;
}

absl::Status Damaged(const Database& database) {
  return MakeStatus(absl::StatusCode::kDataLoss,
                    absl::StrCat(database.path(),
                                 " is damaged: Daybook's own tables are not as they were written; "
                                 "rebuild, or delete the file while nothing uses it"));
}

absl::Status CheckApplication(Database& database) {
  DAYBOOK_ASSIGN_OR_RETURN(const int64_t application, database.QueryInt("PRAGMA application_id"));
  DAYBOOK_ASSIGN_OR_RETURN(const int64_t format, database.QueryInt("PRAGMA user_version"));
  DAYBOOK_ASSIGN_OR_RETURN(const int64_t objects,
                           database.QueryInt("SELECT count(*) FROM sqlite_schema"));
  const bool empty = application == 0 && format == 0 && objects == 0;
  if (!empty && application != kModelApplicationId) {
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      absl::StrCat(database.path(), " is another program's database"));
  }
  if (format > kModelFormatVersion) {
    return MakeStatus(absl::StatusCode::kFailedPrecondition,
                      absl::StrCat(database.path(), " was made by a newer Daybook"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string ModelPath(std::string_view folder, std::string_view name, int64_t version) {
  return absl::StrCat(ToAbsl(folder), "/", ToAbsl(name), ".v", version, ".db");
}

void RemoveModel(const std::string& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix, ignored);
}

std::shared_ptr<ModelFile> ModelFile::Of(const std::string& path) {
  Files& all = AllFiles();
  MutexLock lock(all.mutex);
  std::erase_if(all.by_path, [](const auto& one) { return one.second.expired(); });
  std::weak_ptr<ModelFile>& known = all.by_path[path];
  std::shared_ptr<ModelFile> file = known.lock();
  if (file == nullptr) {
    file = std::make_shared<ModelFile>(path);
    known = file;
  }
  return file;
}

ModelFile::~ModelFile() {
  if (retired_) RemoveModel(path_);
}

absl::StatusOr<std::unique_ptr<Database>> ConnectModel(const std::string& path, Access access) {
  const int flags = SQLITE_OPEN_READWRITE | (access == Access::kMake ? SQLITE_OPEN_CREATE : 0);
  DAYBOOK_ASSIGN_OR_RETURN(auto database, Database::Open(path, flags, "", kModelBusyTimeout));
  DAYBOOK_RETURN_IF_ERROR(CheckApplication(*database));
  if (access == Access::kMake) {
    DAYBOOK_RETURN_IF_ERROR(database->Execute("PRAGMA journal_mode = WAL"));
  } else {
    // Who fills it decides what becomes of the write-ahead log.
    database->KeepLogAtClose();
  }
  DAYBOOK_RETURN_IF_ERROR(database->Execute(
      access == Access::kRead
          ? "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY"
          : "PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000; "
            "PRAGMA journal_size_limit = 16777216; PRAGMA secure_delete = OFF"));
  return database;
}

absl::StatusOr<bool> IsMade(Database& database) {
  DAYBOOK_ASSIGN_OR_RETURN(const int64_t application, database.QueryInt("PRAGMA application_id"));
  return application == kModelApplicationId;
}

absl::Status MakeOwnTables(Database& database, const ModelIdentity& identity) {
  DAYBOOK_RETURN_IF_ERROR(database.Execute(
      absl::StrCat(kMakeModelTables, "PRAGMA application_id = ", kModelApplicationId,
                   "; PRAGMA user_version = ", kModelFormatVersion)));
  static constexpr char kSql[] = "INSERT INTO daybook_model VALUES (1, ?1, ?2)";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * insert, database.Prepared(kSql));
  insert->Bind(std::string_view(identity.id), std::string_view(identity.schema));
  return insert->Run();
}

absl::StatusOr<ModelIdentity> ReadIdentity(Database& database) {
  static constexpr char kSql[] = "SELECT id, schema FROM daybook_model";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database.Prepared(kSql));
  const ResetAtExit reset(*select);
  DAYBOOK_ASSIGN_OR_RETURN(const bool found, select->Step());
  if (!found) return Damaged(database);
  return ModelIdentity{.id = std::string(select->Bytes(0)),
                       .schema = std::string(select->Bytes(1))};
}

absl::StatusOr<ModelStanding> ReadStanding(Database& database) {
  static constexpr char kSql[] =
      "SELECT epoch, position, event_position, event_id FROM daybook_projection";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * select, database.Prepared(kSql));
  const ResetAtExit reset(*select);
  DAYBOOK_ASSIGN_OR_RETURN(const bool found, select->Step());
  const std::string_view bytes = found ? select->Bytes(3) : std::string_view();
  if (bytes.size() != EventId::kSize) return Damaged(database);
  std::array<uint8_t, EventId::kSize> id;
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return ModelStanding{.epoch = select->Int(0),
                       .position = Position(select->Int(1)),
                       .event_position = Position(select->Int(2)),
                       .event_id = EventId(id)};
}

absl::Status WriteStanding(Database& database, const ModelStanding& standing) {
  static constexpr char kSql[] =
      "UPDATE daybook_projection SET epoch = ?1, position = ?2, event_position = ?3, event_id = ?4";
  DAYBOOK_ASSIGN_OR_RETURN(Statement * update, database.Prepared(kSql));
  const auto id = standing.event_id.bytes();
  update->Bind(standing.epoch, standing.position.value(), standing.event_position.value(),
               AsBlob({reinterpret_cast<const char*>(id.data()), id.size()}));
  return update->Run();
}

}  // namespace daybook::internal
