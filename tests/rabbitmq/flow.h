// What flow_test and the processes that it kills have in common: numbered events, published under
// the contract of the same name, and their effects in an inbox's file.

#ifndef DAYBOOK_TESTS_RABBITMQ_FLOW_H_
#define DAYBOOK_TESTS_RABBITMQ_FLOW_H_

#include <google/protobuf/wrappers.pb.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "daybook/inbox.h"
#include "daybook/publisher.h"
#include "daybook/rabbitmq.h"

namespace daybook::test {

inline Translator FlowContracts() {
  Translator contracts({.source = "/flow"});
  contracts.On([](const google::protobuf::Int64Value& event) { return event; });
  return contracts;
}

inline std::unique_ptr<Subscription> FlowPublisher(EventStore& store, Transport& transport) {
  using std::chrono::milliseconds;
  return std::make_unique<Subscription>(
      store,
      SubscriptionOptions{
          .name = "flow",
          .category = "key",
          .retry = {.outage = {.first = milliseconds(50), .longest = milliseconds(500)}},
          // So seldom that whenever a publisher is killed, it has confirms that it did not keep.
          .checkpoint_every = 700,
          .checkpoint_interval = std::chrono::hours(1),
          .lease = milliseconds(200)},
      PublishTo(FlowContracts(), transport));
}

inline absl::StatusOr<std::unique_ptr<Inbox>> FlowInbox(const std::string& path,
                                                        std::function<void()> handled = {}) {
  InboxHandlers handlers;
  handlers.On([handled = std::move(handled)](
                  ReadModel& db, const google::protobuf::Int64Value& message, const Received& at) {
    if (handled) handled();
    return db.Execute("INSERT INTO effect (key, sequence, number) VALUES (?1, ?2, ?3)",
                      at.event().partition_key, at.event().sequence, int64_t{message.value()});
  });
  return Inbox::Open({.path = path,
                      .schema = "CREATE TABLE effect (place INTEGER PRIMARY KEY AUTOINCREMENT, "
                                "key TEXT, sequence TEXT, number INTEGER)",
                      .consumer = "flow"},
                     std::move(handlers));
}

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_RABBITMQ_FLOW_H_
