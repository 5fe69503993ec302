// flow_child publish LOG URI EXCHANGE
// flow_child consume INBOX URI QUEUE
//
// The processes that flow_test kills. A first report says that it is ready, a consumer's further
// ones that a message is being handled.

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "daybook/sqlite_event_store.h"
#include "fault/child_process.h"
#include "rabbitmq/flow.h"

namespace daybook::test {
namespace {

[[noreturn]] void End(const absl::Status& status) {
  std::cerr << status << std::endl;
  std::_Exit(2);
}

void Tell() {
  const fault::Report report;
  if (write(STDOUT_FILENO, &report, sizeof(report)) != sizeof(report)) std::_Exit(3);
}

void WaitToBeKilled() {
  while (true) pause();
}

void Publish(const char* log, const char* uri, const char* exchange) {
  auto store = SqliteEventStore::Open({.path = log});
  if (!store.ok()) End(store.status());
  auto transport = RabbitMqTransport::Connect({.uri = uri, .exchange = exchange});
  if (!transport.ok()) End(transport.status());
  const auto publisher = FlowPublisher(**store, **transport);
  if (absl::Status started = publisher->Start(); !started.ok()) End(started);
  Tell();
  WaitToBeKilled();
}

void Consume(const char* path, const char* uri, const char* queue) {
  auto inbox = FlowInbox(path, Tell);
  if (!inbox.ok()) End(inbox.status());
  auto consumer = RabbitMqConsumer::Start({.uri = uri, .queue = queue}, **inbox);
  if (!consumer.ok()) End(consumer.status());
  Tell();
  WaitToBeKilled();
}

}  // namespace
}  // namespace daybook::test

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc < 5) return 1;
  if (std::string_view(argv[1]) == "publish") daybook::test::Publish(argv[2], argv[3], argv[4]);
  daybook::test::Consume(argv[2], argv[3], argv[4]);
}
