#ifndef DAYBOOK_SRC_FORMER_NAMES_H_
#define DAYBOOK_SRC_FORMER_NAMES_H_

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace daybook::internal {

// The names under which events of this type may be found in the log: its own, then the former ones.
std::vector<std::string> StoredNames(const google::protobuf::Descriptor& type);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_FORMER_NAMES_H_
