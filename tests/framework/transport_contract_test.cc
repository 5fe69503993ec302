// Every transport must pass the contract; here are those that need no broker.

#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "daybook/in_process.h"
#include "daybook/jsonl.h"
#include "daybook/testing.h"
#include "heard.h"
#include "support/temp_dir.h"

namespace daybook::test {
namespace {

testing::TransportUnderTest InProcess() {
  auto heard = std::make_shared<Heard<IntegrationEvent>>();
  auto transport = std::make_unique<InProcessTransport>();
  auto connection = std::make_shared<boost::signals2::connection>();
  const auto connect = [heard, connection, &slots = *transport] {
    *connection = slots.Connect([heard](const IntegrationEvent& event) {
      heard->Add(event);
      return absl::OkStatus();
    });
  };
  connect();
  return {.transport = std::move(transport),
          .received = [heard](size_t count) { return heard->Await(count); },
          .break_endpoint = [connection] { connection->disconnect(); },
          .restore_endpoint = connect,
          .ground = heard};
}

std::vector<IntegrationEvent> EventsIn(const std::string& path) {
  std::vector<IntegrationEvent> events;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const absl::StatusOr<IntegrationEvent> event = FromCloudEventJson(line);
    if (event.ok()) events.push_back(*event);
  }
  return events;
}

// Files of this process can grow no further than this.
void LimitFiles(rlim_t bytes) {
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  setrlimit(RLIMIT_FSIZE, &limit);
}

struct FolderWithALimit {
  FolderWithALimit() { signal(SIGXFSZ, SIG_IGN); }
  ~FolderWithALimit() { LimitFiles(RLIM_INFINITY); }
  TempDir folder;
};

testing::TransportUnderTest Jsonl() {
  auto ground = std::make_shared<FolderWithALimit>();
  const std::string path = ground->folder.File("events.jsonl");
  auto transport = JsonlTransport::Open(path);
  EXPECT_TRUE(transport.ok()) << transport.status();
  return {.transport = transport.ok() ? *std::move(transport) : nullptr,
          .received = [path](size_t) { return EventsIn(path); },
          .break_endpoint = [] { LimitFiles(1); },
          .restore_endpoint = [] { LimitFiles(RLIM_INFINITY); },
          .ground = ground};
}

const bool kRegistered = [] {
  testing::RegisterTransportContract("InProcessTransportContract", &InProcess);
  testing::RegisterTransportContract("JsonlTransportContract", &Jsonl);
  return true;
}();

}  // namespace
}  // namespace daybook::test
