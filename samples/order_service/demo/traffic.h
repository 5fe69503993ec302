// The demo's customers at work, on several threads.

#ifndef SHOP_DEMO_TRAFFIC_H_
#define SHOP_DEMO_TRAFFIC_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "demo/demo.h"
#include "demo/ledger.h"

namespace shop {

struct Traffic {
  double seconds = 0;
  std::vector<double> latencies_ms = {};  // of all requests, sorted
};

// Sends customers to the service until the time is up, and then has the group orders paid. The
// first answer that is not as it should be ends it.
absl::StatusOr<Traffic> DriveTraffic(const std::string& url, const DemoOptions& options,
                                     Ledger& ledger);

}  // namespace shop

#endif  // SHOP_DEMO_TRAFFIC_H_
