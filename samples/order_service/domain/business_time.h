// When something happened in the shop. The log keeps, beside it, when it was recorded.

#ifndef SHOP_DOMAIN_BUSINESS_TIME_H_
#define SHOP_DOMAIN_BUSINESS_TIME_H_

#include <chrono>
#include <optional>

#include "google/protobuf/timestamp.pb.h"

namespace shop {

// nullopt: not known.
using BusinessTime = std::optional<google::protobuf::Timestamp>;

inline BusinessTime At(std::chrono::sys_seconds time) {
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(time.time_since_epoch().count());
  return timestamp;
}

inline BusinessTime Now() {
  return At(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

}  // namespace shop

#endif  // SHOP_DOMAIN_BUSINESS_TIME_H_
