#ifndef DAYBOOK_SRC_TRANSPORT_RABBITMQ_URI_H_
#define DAYBOOK_SRC_TRANSPORT_RABBITMQ_URI_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace daybook::internal::rabbitmq {

struct Address {
  bool tls = false;
  std::string host = {};
  int port = 0;
  std::string user = "guest";
  std::string password = "guest";
  std::string vhost = "/";

  // As a URI, without user and password.
  std::string Shown() const;
};

// kInvalidArgument says which part is wrong, and quotes none of it: a password that should have
// been percent-encoded may stand anywhere.
absl::StatusOr<Address> ParseUri(std::string_view uri);

}  // namespace daybook::internal::rabbitmq

#endif  // DAYBOOK_SRC_TRANSPORT_RABBITMQ_URI_H_
