// Customers who keep a service busy for a while, and do not mind that it goes away meanwhile.

#ifndef SHOP_DEMO_STEADY_H_
#define SHOP_DEMO_STEADY_H_

#include <string>

#include "absl/status/status.h"

namespace shop {

struct SteadyOptions {
  std::string url = "http://127.0.0.1:8080";
  int orders = 300;
  double per_second = 50;
  int threads = 4;
};

// Places and pays that many orders. What gets no answer is sent again, with the same
// Idempotency-Key, for up to a minute. The first answer that is not as it should be ends it.
absl::Status DriveSteadily(const SteadyOptions& options);

}  // namespace shop

#endif  // SHOP_DEMO_STEADY_H_
