// The service, as a customer's program sees it: over HTTP.

#ifndef SHOP_DEMO_CLIENT_H_
#define SHOP_DEMO_CLIENT_H_

#include <httplib.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace shop {

struct Answer {
  int status = 0;
  std::string body = {};
  std::string etag = {};
  std::string position = {};
};

// Not thread-safe. kUnavailable: no answer came.
class Client {
 public:
  // A Post that gets no answer is sent again for so long; the service must know it again by its
  // Idempotency-Key.
  explicit Client(const std::string& url, std::chrono::milliseconds patience = {});

  absl::StatusOr<Answer> Get(const std::string& path);
  absl::StatusOr<Answer> Post(const std::string& path, const google::protobuf::Message& body,
                              const httplib::Headers& headers = {});
  absl::StatusOr<Answer> Put(const std::string& path, const google::protobuf::Message& body,
                             const httplib::Headers& headers = {});
  absl::StatusOr<Answer> Delete(const std::string& path, const httplib::Headers& headers = {});

  // How long each request took, in milliseconds.
  const std::vector<double>& latencies() const { return latencies_; }

 private:
  template <typename Send>
  absl::StatusOr<Answer> Ask(Send send);

  httplib::Client http_;
  const std::chrono::milliseconds patience_;
  std::vector<double> latencies_;
};

}  // namespace shop

#endif  // SHOP_DEMO_CLIENT_H_
