// Every store must pass the contract; here is the embedded one.

#include <memory>
#include <utility>

#include "daybook/testing.h"
#include "store_file.h"

namespace daybook::test {
namespace {

std::shared_ptr<EventStore> NewStore() {
  struct StoreAndFile {
    StoreFile file;
    std::unique_ptr<SqliteEventStore> store = file.Open();
  };
  auto both = std::make_shared<StoreAndFile>();
  EventStore* const store = both->store.get();
  return {std::move(both), store};
}

const bool kRegistered =
    (testing::RegisterEventStoreContract("SqliteEventStoreContract", &NewStore), true);

}  // namespace
}  // namespace daybook::test
