#include "former_names.h"

#include "daybook/options.pb.h"

namespace daybook::internal {

std::vector<std::string> StoredNames(const google::protobuf::Descriptor& type) {
  std::vector<std::string> names = {std::string(type.full_name())};
  const google::protobuf::MessageOptions& options = type.options();
  for (int i = 0; i < options.ExtensionSize(former_name); ++i) {
    names.emplace_back(options.GetExtension(former_name, i));
  }
  return names;
}

}  // namespace daybook::internal
