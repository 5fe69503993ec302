#ifndef DAYBOOK_SRC_TO_ABSL_H_
#define DAYBOOK_SRC_TO_ABSL_H_

#include <string_view>

#include "absl/strings/string_view.h"

namespace daybook::internal {

// absl::string_view is the standard's type in some builds of Abseil and a type of its own in
// others.
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_TO_ABSL_H_
