#ifndef DAYBOOK_SRC_TRANSPORT_RABBITMQ_DIAL_H_
#define DAYBOOK_SRC_TRANSPORT_RABBITMQ_DIAL_H_

#include <chrono>
#include <string>

#include "absl/status/statusor.h"
#include "transport/rabbitmq/bell.h"

namespace daybook::internal::rabbitmq {

// A connected, non-blocking TCP socket. Tries all addresses of the host within `timeout`; ends
// early when stopped. kUnavailable says why not.
absl::StatusOr<int> Dial(const std::string& host, int port, std::chrono::milliseconds timeout,
                         const Stopper& stopper);

}  // namespace daybook::internal::rabbitmq

#endif  // DAYBOOK_SRC_TRANSPORT_RABBITMQ_DIAL_H_
