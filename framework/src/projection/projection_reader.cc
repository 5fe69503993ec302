#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daybook/projection.h"
#include "make_status.h"
#include "projection/catalog.h"
#include "projection/model_file.h"
#include "projection/sql_session.h"
#include "status_macros.h"

namespace daybook {

using internal::CatalogEntry;
using internal::ModelFile;
using internal::SqlSession;

struct ProjectionReader::State {
  absl::Status Follow();
  absl::Status Open(const CatalogEntry& entry);
  absl::Status NotThere() const {
    return internal::MakeStatus(absl::StatusCode::kUnavailable,
                                absl::StrCat("there is no read model '", name, "' in ", folder,
                                             " yet; start the projection"));
  }

  EventStore& store;
  const std::string name;
  const std::string folder;
  std::string id = {};  // of the version that is open
  int64_t version = 0;
  std::shared_ptr<ModelFile> file = {};
  std::unique_ptr<SqlSession> session = {};  // closed before the file is let go
};

absl::Status ProjectionReader::State::Follow() {
  DAYBOOK_ASSIGN_OR_RETURN(const CatalogEntry entry, internal::ReadCatalog(store, name));
  if (!entry.exists()) return NotThere();
  if (session != nullptr && entry.row.live_id() == id) return absl::OkStatus();
  session.reset();
  file.reset();
  const absl::Status opened = Open(entry);
  if (opened.ok()) return opened;
  session.reset();
  file.reset();
  return opened;
}

absl::Status ProjectionReader::State::Open(const CatalogEntry& entry) {
  file = ModelFile::Of(internal::ModelPath(folder, name, entry.row.live()));
  std::error_code ignored;
  if (!std::filesystem::exists(file->path(), ignored)) return NotThere();
  DAYBOOK_ASSIGN_OR_RETURN(auto database,
                           internal::ConnectModel(file->path(), internal::Access::kRead));
  session = std::make_unique<SqlSession>(std::move(database));
  session->SetReader();
  DAYBOOK_ASSIGN_OR_RETURN(const bool made, internal::IsMade(session->database()));
  if (!made) return NotThere();
  version = entry.row.live();
  id = entry.row.live_id();
  return absl::OkStatus();
}

ProjectionReader::ProjectionReader(EventStore& store, std::string_view name,
                                   std::string_view folder) {
  std::error_code none;
  state_.reset(new State{.store = store,
                         .name = std::string(name),
                         .folder = std::filesystem::absolute(folder, none).string()});
}
ProjectionReader::~ProjectionReader() = default;
ProjectionReader::ProjectionReader(ProjectionReader&&) noexcept = default;
ProjectionReader& ProjectionReader::operator=(ProjectionReader&&) noexcept = default;

absl::StatusOr<std::vector<ModelRow>> ProjectionReader::Run(
    std::string_view sql, std::span<const SqlArgument> arguments) {
  absl::Status followed = state_->Follow();
  // Between the look at the row and that at the file another version may have become live.
  if (absl::IsUnavailable(followed)) followed = state_->Follow();
  DAYBOOK_RETURN_IF_ERROR(followed);
  return state_->session->Run(sql, arguments);
}

int64_t ProjectionReader::version() const { return state_->version; }

}  // namespace daybook
