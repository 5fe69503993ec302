#include "daybook/repository.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "aggregate_cache.h"
#include "aggregate_loader.h"
#include "execution.h"
#include "make_status.h"
#include "status_macros.h"

namespace daybook::internal {

class RepositoryCore::Impl {
 public:
  Impl(EventStore& store, const AggregateType& type, const RepositoryOptions& options)
      : store_(store),
        max_attempts_(options.max_attempts),
        loader_(store, type),
        cache_(options.cached_aggregates) {}

  absl::Status Load(std::string_view id, const std::function<void(const AggregateBase&)>& copy) {
    DAYBOOK_ASSIGN_OR_RETURN(const AggregateCache::Lease lease, cache_.Take(id));
    Instance& instance = lease.instance();
    DAYBOOK_RETURN_IF_ERROR(loader_.Refresh(id, instance));
    if (instance.aggregate->version() < instance.first) {
      return MakeStatus(absl::StatusCode::kNotFound,
                        absl::StrCat(loader_.StreamOf(id), " does not exist"));
    }
    try {
      copy(*instance.aggregate);
    } catch (...) {
      return FromCurrentException(absl::StrCat(loader_.StreamOf(id), ": copying the aggregate"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<AggregateBase>> LoadAt(std::string_view id, Version version) {
    return loader_.LoadAt(id, version);
  }

  absl::StatusOr<Committed> Execute(std::string_view id,
                                    const std::function<absl::Status(AggregateBase&)>& command,
                                    const ExecuteOptions& options) {
    DAYBOOK_ASSIGN_OR_RETURN(const AggregateCache::Lease lease, cache_.Take(id));
    return Execution(store_, loader_, id, command, options, lease.instance()).Run(max_attempts_);
  }

 private:
  EventStore& store_;
  const int max_attempts_;
  AggregateLoader loader_;
  AggregateCache cache_;
};

RepositoryCore::RepositoryCore(EventStore& store, const AggregateType& type,
                               const RepositoryOptions& options)
    : impl_(std::make_unique<Impl>(store, type, options)) {}

RepositoryCore::~RepositoryCore() = default;

absl::Status RepositoryCore::Load(std::string_view id,
                                  const std::function<void(const AggregateBase&)>& copy) {
  return impl_->Load(id, copy);
}

absl::StatusOr<std::unique_ptr<AggregateBase>> RepositoryCore::LoadAt(std::string_view id,
                                                                      Version version) {
  return impl_->LoadAt(id, version);
}

absl::StatusOr<Committed> RepositoryCore::Execute(
    std::string_view id, const std::function<absl::Status(AggregateBase&)>& command,
    const ExecuteOptions& options) {
  return impl_->Execute(id, command, options);
}

}  // namespace daybook::internal
