#include "utf8.h"

#include <boost/locale/utf.hpp>

namespace daybook::internal {

bool IsUtf8(std::string_view text) {
  using Utf8 = boost::locale::utf::utf_traits<char>;
  for (auto at = text.begin(); at != text.end();) {
    if (!boost::locale::utf::is_valid_codepoint(Utf8::decode(at, text.end()))) return false;
  }
  return true;
}

}  // namespace daybook::internal
