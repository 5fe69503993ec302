// A transport into a file or standard output, one JSON document a line: for looking and piping.
// Target daybook::jsonl.
//
//   auto lines = daybook::JsonlTransport::Open("events.jsonl");

#ifndef DAYBOOK_JSONL_H_
#define DAYBOOK_JSONL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daybook/integration_event.h"
#include "daybook/transport.h"

namespace daybook {

// Writes structured CloudEvents, each with one write(2), which confirms it: it survives the
// process, not the plug. Several processes may append to one file. A full disk is an endpoint that
// is down; a line that it cut off is ended before the next.
class JsonlTransport : public Transport {
 public:
  // Appends to the file, which is made if it is not there; "-" is standard output. The statuses of
  // open(2): kNotFound, kPermissionDenied, ...; kInvalidArgument: empty, or of a SQLite database (a
  // -wal, -shm, -turn or -journal, or a file beside which there is one).
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<JsonlTransport>> Open(
      const std::string& path);
  ~JsonlTransport() override;

  void Send(std::shared_ptr<const IntegrationEvent> event, Done done) override;
  TransportHealth Health() const override;

 private:
  class Impl;
  explicit JsonlTransport(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace daybook

#endif  // DAYBOOK_JSONL_H_
