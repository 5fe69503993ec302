#include "api/answers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daybook/metadata.h"

namespace shop {
namespace {

constexpr int64_t kDefaultPage = 100;
constexpr int64_t kMaxPage = 1000;

}  // namespace

absl::StatusOr<int64_t> PageSize(const httplib::Request& request) {
  const auto limit = QueryNumber(request, "limit");
  if (!limit.ok()) return limit.status();
  return std::clamp<int64_t>(limit->value_or(kDefaultPage), 1, kMaxPage);
}

std::string ETagOf(daybook::Version version) { return absl::StrCat("\"", version.value(), "\""); }

absl::StatusOr<std::string> FirstTarget(daybook::EventStore& store,
                                        const daybook::Committed& answered,
                                        const daybook::ExecuteOptions& options) {
  const auto page = store.Read(
      daybook::LogQuery{.after = answered.position - 1, .before = answered.position + 1});
  if (!page.ok()) return page.status();
  if (page->events.empty()) return absl::InternalError("the first answer's event is gone");
  const daybook::RecordedEvent event = page->events.front().View();
  const auto metadata = daybook::MetadataOf(event);
  if (!metadata.ok()) return metadata.status();
  if (FingerprintIn(*metadata) != FingerprintIn(options.cause)) {
    return Refuse(422, "this Idempotency-Key came with a different request before");
  }
  return std::string(event.stream_id());
}

absl::StatusOr<Reply> ListIds(daybook::EventStore& store, const std::string& category,
                              const httplib::Request& request) {
  const auto limit = PageSize(request);
  if (!limit.ok()) return limit.status();
  daybook::StreamListQuery query{.category = category, .limit = *limit};
  // The ids come from the log itself: whatever position is asked for is there.
  if (const auto after = QueryNumber(request, "after"); !after.ok()) return after.status();
  if (request.has_param("from")) {
    const std::string from = request.get_param_value("from");
    if (!IsId(from)) return Refuse(400, "from is not an id");
    query.after = absl::StrCat(category, "-", from);
  }
  const auto streams = store.ListStreams(query);
  if (!streams.ok()) return streams.status();
  api::v1::Ids ids;
  for (const std::string& stream : *streams) ids.add_ids(std::string(daybook::IdOf(stream)));
  if (ids.ids_size() == *limit) ids.set_next_from(ids.ids(ids.ids_size() - 1));
  return JsonReply(200, ids);
}

absl::StatusOr<Reply> ShowHistory(daybook::EventStore& store, const std::string& stream,
                                  const httplib::Request& request) {
  const auto limit = PageSize(request);
  if (!limit.ok()) return limit.status();
  const auto after = QueryNumber(request, "after");
  if (!after.ok()) return after.status();
  const auto page = store.Read(daybook::StreamQuery{
      .stream = stream, .after = daybook::Version(after->value_or(0)), .limit = *limit});
  if (!page.ok()) return page.status();
  if (!page->state.exists()) return Refuse(404, "nothing is known of it");
  api::v1::History history;
  history.set_stream(stream);
  history.set_version(page->state.version.value());
  for (const daybook::StoredEvent& stored : page->events) {
    auto event = ViewOf(stored);
    if (!event.ok()) return event.status();
    *history.add_events() = *std::move(event);
  }
  if (!page->events.empty() && page->events.back().version < page->state.version) {
    history.set_next_after(page->events.back().version.value());
  }
  return JsonReply(200, history, {{"ETag", ETagOf(page->state.version)}});
}

}  // namespace shop
