#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "contract/contract.h"
#include "daybook/testing.h"

namespace daybook::testing {
namespace {

class ContractTest : public ::testing::Test {
 public:
  ContractTest(const EventStoreFactory& factory, void (*run)(EventStore& store))
      : factory_(factory), run_(run) {}

  void TestBody() override {
    const std::shared_ptr<EventStore> store = factory_();
    ASSERT_NE(store, nullptr) << "the factory made no store";
    run_(*store);
  }

 private:
  const EventStoreFactory factory_;
  void (*const run_)(EventStore& store);
};

}  // namespace

void RegisterEventStoreContract(const std::string& name, const EventStoreFactory& factory) {
  for (const auto& cases :
       {contract::AppendCases(), contract::OnceAndRowCases(), contract::StreamCases(),
        contract::ReadStreamCases(), contract::ReadLogCases(), contract::FollowCases()}) {
    for (const contract::Case& one : cases) {
      ::testing::RegisterTest(
          name.c_str(), one.name, nullptr, nullptr, __FILE__, one.line,
          [factory, run = one.run]() -> ContractTest* { return new ContractTest(factory, run); });
    }
  }
}

namespace contract {

NewEvent Event(std::string type, std::string payload) {
  return {.id = EventId::Generate(), .type = std::move(type), .payload = std::move(payload)};
}

std::vector<NewEvent> Events(int count) {
  std::vector<NewEvent> events;
  for (int i = 0; i < count; ++i) events.push_back(Event());
  return events;
}

absl::StatusOr<Appended> Append(EventStore& store, std::string_view stream, int count) {
  return store.Append(stream, ExpectedVersion::Any(), Events(count));
}

std::vector<int64_t> Versions(const StreamPage& page) {
  std::vector<int64_t> versions;
  for (const StoredEvent& event : page.events) versions.push_back(event.version.value());
  return versions;
}

std::vector<int64_t> Positions(const LogPage& page) {
  std::vector<int64_t> positions;
  for (const StoredEvent& event : page.events) positions.push_back(event.position.value());
  return positions;
}

}  // namespace contract
}  // namespace daybook::testing
