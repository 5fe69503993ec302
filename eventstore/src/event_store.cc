#include "daybook/event_store.h"

#include <utility>

#include "make_status.h"
#include "status_macros.h"

namespace daybook {

absl::StatusOr<Appended> EventStore::Append(std::string_view stream, ExpectedVersion expected,
                                            std::vector<NewEvent> events) {
  AppendRequest request;
  request.streams.push_back(
      {.stream = std::string(stream), .expected = expected, .events = std::move(events)});
  DAYBOOK_ASSIGN_OR_RETURN(const AppendResult result, Append(request));
  return result.streams.front();
}

absl::StatusOr<StreamPage> EventStore::Read(const StreamQuery& query) {
  StreamPage page;
  DAYBOOK_ASSIGN_OR_RETURN(page.state, Visit(query, [&page](const RecordedEvent& event) {
                             page.events.emplace_back(event);
                             return absl::OkStatus();
                           }));
  return page;
}

absl::StatusOr<LogPage> EventStore::Read(const LogQuery& query) {
  LogPage page;
  size_t bytes = 0;
  // Ends the scan once the page is full; it is not an error of the read.
  const absl::Status full = absl::CancelledError("the page is full");
  absl::StatusOr<LogScan> scan = Visit(query, [&](const RecordedEvent& event) {
    page.events.emplace_back(event);
    bytes += event.payload().size() + event.metadata().size();
    return bytes > kMaxPageBytes ? full : absl::OkStatus();
  });
  if (bytes > kMaxPageBytes) {
    page.looked = page.events.back().position;
    return page;
  }
  DAYBOOK_RETURN_IF_ERROR(scan.status());
  page.looked = scan->looked;
  page.end = scan->end;
  return page;
}

}  // namespace daybook
