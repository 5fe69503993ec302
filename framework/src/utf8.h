#ifndef DAYBOOK_SRC_UTF8_H_
#define DAYBOOK_SRC_UTF8_H_

#include <string_view>

namespace daybook::internal {

// Whether a Protobuf string field may hold these bytes (RFC 3629).
bool IsUtf8(std::string_view text);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_UTF8_H_
