#include "store_file.h"

#include <stdexcept>

namespace daybook::test {

std::unique_ptr<SqliteEventStore> StoreFile::Open() const {
  auto store = SqliteEventStore::Open({.path = folder_.File("log.db")});
  if (!store.ok()) throw std::runtime_error(store.status().ToString());
  return *std::move(store);
}

NewEvent Stored(const google::protobuf::Message& event) {
  return {.type = std::string(event.GetDescriptor()->full_name()),
          .payload = event.SerializeAsString()};
}

}  // namespace daybook::test
