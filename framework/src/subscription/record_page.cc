#include <algorithm>
#include <cstring>
#include <string_view>

#include "subscription/feed.h"

namespace daybook::internal {
namespace {

constexpr size_t kBlockBytes = 32u << 10;

}  // namespace

struct RecordPageBuilder::Page {
  std::string_view Keep(std::string_view bytes) {
    if (bytes.empty()) return {};
    if (bytes.size() > left) {
      left = std::max(kBlockBytes, bytes.size());
      blocks.push_back(std::make_unique_for_overwrite<char[]>(left));
      next = blocks.back().get();
    }
    std::memcpy(next, bytes.data(), bytes.size());
    const std::string_view kept(next, bytes.size());
    next += bytes.size();
    left -= bytes.size();
    total += bytes.size();
    return kept;
  }

  std::vector<std::unique_ptr<char[]>> blocks;
  char* next = nullptr;
  size_t left = 0;
  size_t total = 0;
  std::vector<RecordedEvent> events;
};

RecordPageBuilder::RecordPageBuilder() : page_(std::make_shared<Page>()) {}
RecordPageBuilder::~RecordPageBuilder() = default;

void RecordPageBuilder::Add(const RecordedEvent& event) {
  page_->events.push_back(RecordedEvent({.position = event.position(),
                                         .version = event.version(),
                                         .id = event.id(),
                                         .time = event.time(),
                                         .type_key = event.type_key(),
                                         .stream = page_->Keep(event.stream()),
                                         .type = page_->Keep(event.type()),
                                         .metadata = page_->Keep(event.metadata()),
                                         .payload = page_->Keep(event.payload())}));
}

size_t RecordPageBuilder::bytes() const { return page_->total; }

std::vector<Record> RecordPageBuilder::Finish() {
  std::vector<Record> records;
  records.reserve(page_->events.size());
  for (const RecordedEvent& event : page_->events) records.emplace_back(page_, &event);
  page_ = std::make_shared<Page>();
  return records;
}

}  // namespace daybook::internal
