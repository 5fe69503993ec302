// What reads and writes answer, alike for orders and credit notes.

#ifndef SHOP_API_ANSWERS_H_
#define SHOP_API_ANSWERS_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "api/problem.h"
#include "api/request.h"
#include "api/router.h"
#include "api/views.h"
#include "daybook/event_store.h"
#include "daybook/repository.h"
#include "daybook/status.h"

namespace shop {

std::string ETagOf(daybook::Version version);

// The id of the stream that a request with this once-key wrote to. Refuses with 422 a request that
// is not the one that was answered then.
absl::StatusOr<std::string> FirstTarget(daybook::EventStore& store,
                                        const daybook::Committed& answered,
                                        const daybook::ExecuteOptions& options);

// What ?limit=N asks for: from 1 to 1,000; 100 unless given.
absl::StatusOr<int64_t> PageSize(const httplib::Request& request);

// The ids of a category, a page at a time: ?from=ID&limit=N.
absl::StatusOr<Reply> ListIds(daybook::EventStore& store, const std::string& category,
                              const httplib::Request& request);

// A stream's events, decoded, a page at a time: ?after=VERSION&limit=N.
absl::StatusOr<Reply> ShowHistory(daybook::EventStore& store, const std::string& stream,
                                  const httplib::Request& request);

// The aggregate as it stands, or as it was at ?version=N; 304 if that is what the asker has.
template <typename A>
absl::StatusOr<Reply> Show(daybook::Repository<A>& repository, const std::string& id,
                           const httplib::Request& request) {
  const auto version = QueryNumber(request, "version");
  if (!version.ok()) return version.status();
  if (version->has_value() && **version == 0) return Refuse(404, "versions begin with 1");
  const absl::StatusOr<A> found = version->has_value()
                                      ? repository.LoadAt(id, daybook::Version(**version))
                                      : repository.Load(id);
  if (absl::IsNotFound(found.status())) return Refuse(404, "nothing is known of it");
  if (!found.ok()) return found.status();
  const std::string etag = ETagOf(found->version());
  if (request.get_header_value("If-None-Match") == etag) {
    return Reply{.status = 304, .headers = {{"ETag", etag}}};
  }
  return JsonReply(200, ViewOf(*found), {{"ETag", etag}});
}

struct WriteTarget {
  std::string id = {};
  int success = 200;          // the HTTP status when it has worked
  std::string location = {};  // with 201: where such things are, e.g. "/orders/"
};

// Runs a command as the request's headers say, and answers with what the aggregate has become. A
// request repeated with the same Idempotency-Key gets the first answer.
template <typename A>
absl::StatusOr<Reply> Write(daybook::EventStore& store, daybook::Repository<A>& repository,
                            WriteTarget target, const httplib::Request& request,
                            const std::function<absl::Status(A&)>& command) {
  const auto options = OptionsOf(request);
  if (!options.ok()) return options.status();
  std::optional<A> after;
  const auto committed = repository.Execute(
      target.id,
      [&](A& aggregate) {
        absl::Status decided = command(aggregate);
        if (decided.ok()) after = aggregate;
        return decided;
      },
      *options);
  if (daybook::IsConflict(committed.status()) && options->expected.has_value()) {
    return Refuse(412, "it has changed since: " + std::string(committed.status().message()));
  }
  if (!committed.ok()) return committed.status();
  if (committed->repeated) {
    auto first = FirstTarget(store, *committed, *options);
    if (!first.ok()) return first.status();
    target.id = *std::move(first);
    auto then = repository.LoadAt(target.id, committed->version);
    if (!then.ok()) return then.status();
    after = *std::move(then);
  }
  httplib::Headers headers = {
      {"ETag", ETagOf(committed->version)},
      {"Daybook-Position", std::to_string(committed->position.value())},
      {"X-Correlation-Id", options->cause.correlation_id()},
  };
  if (!target.location.empty()) headers.emplace("Location", target.location + target.id);
  return JsonReply(target.success, ViewOf(*after), std::move(headers));
}

// A command on the aggregate that the path names, with a body of this type.
template <typename A, typename Body>
Router::Handler Command(daybook::EventStore& store, daybook::Repository<A>& repository,
                        std::function<absl::Status(A&, const Body&)> command) {
  return [&store, &repository,
          command = std::move(command)](const httplib::Request& request) -> absl::StatusOr<Reply> {
    const auto id = PathId(request);
    if (!id.ok()) return id.status();
    Body body;
    if (absl::Status read = ReadBody(request, &body); !read.ok()) return read;
    return Write<A>(store, repository, {.id = *id}, request,
                    [&](A& aggregate) { return command(aggregate, body); });
  };
}

}  // namespace shop

#endif  // SHOP_API_ANSWERS_H_
