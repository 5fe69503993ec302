// The demo: serves, with shipping in the same process, drives itself over HTTP as some hundreds of
// customers, and compares what they were told with what the log holds.

#ifndef SHOP_DEMO_DEMO_H_
#define SHOP_DEMO_DEMO_H_

#include <chrono>
#include <iosfwd>
#include <string>

#include "absl/status/statusor.h"
#include "api/api.pb.h"

namespace shop {

struct DemoOptions {
  std::string db = {};  // a file that does not exist yet
  std::chrono::milliseconds duration = std::chrono::seconds(4);
  int customers = 300;
  int threads = 8;
  std::ostream* progress = nullptr;  // a terminal, for a line that is overwritten
};

// Runs it on a free port of the loopback. An error: something went wrong on the way. Otherwise the
// checks of the report say what holds.
absl::StatusOr<api::v1::DemoReport> RunDemo(const DemoOptions& options);

bool AllHold(const api::v1::DemoReport& report);

void Print(std::ostream& out, const api::v1::DemoReport& report);

}  // namespace shop

#endif  // SHOP_DEMO_DEMO_H_
