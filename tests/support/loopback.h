#ifndef DAYBOOK_TESTS_SUPPORT_LOOPBACK_H_
#define DAYBOOK_TESTS_SUPPORT_LOOPBACK_H_

#include <netinet/in.h>

#include <cstdint>

namespace daybook::test {

inline sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_SUPPORT_LOOPBACK_H_
