#include "sqlite/stream_cache.h"

#include <utility>

namespace daybook::internal {

KnownStream* StreamCache::Find(std::string_view name) {
  if (auto found = young_.find(name); found != young_.end()) return &found->second;
  auto found = old_.find(name);
  if (found == old_.end()) return nullptr;
  auto node = old_.extract(found);
  MakeRoom();
  return &young_.insert(std::move(node)).position->second;
}

KnownStream* StreamCache::Put(std::string_view name, const KnownStream& stream) {
  MakeRoom();
  return &young_.insert_or_assign(std::string(name), stream).first->second;
}

void StreamCache::Clear() {
  young_.clear();
  old_.clear();
}

void StreamCache::MakeRoom() {
  if (young_.size() < kGeneration) return;
  old_ = std::exchange(young_, {});
}

}  // namespace daybook::internal
