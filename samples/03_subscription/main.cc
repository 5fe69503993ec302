// A subscription: sends a mail for each order that is shipped. One cannot be sent: it is parked
// with what follows it in its stream, and the others go on. Mended, it is replayed.

#include <daybook/sqlite_event_store.h>
#include <daybook/subscription.h>
#include <daybook/subscriptions.h>

#include <iostream>

#include "order.pb.h"

using shop::v1::OrderCancelled, shop::v1::OrderShipped;

// A program with rules appends through a Repository; this one only needs events.
absl::Status Append(daybook::EventStore& store, const std::string& stream,
                    const google::protobuf::Message& event) {
  return store
      .Append(stream, daybook::ExpectedVersion::Any(),
              {{.type = std::string(event.GetTypeName()), .payload = event.SerializeAsString()}})
      .status();
}

absl::Status Ship(daybook::EventStore& store, const std::string& id, const std::string& email) {
  OrderShipped event;
  event.set_email(email);
  return Append(store, "order-" + id, event);
}

absl::Status Run(const std::string& path) {
  auto store = daybook::SqliteEventStore::Open({.path = path});
  if (!store.ok()) return store.status();
  for (absl::Status done :
       {Ship(**store, "1", "ada@example.org"), Ship(**store, "2", "bob"),
        Append(**store, "order-2", OrderCancelled()), Ship(**store, "3", "cyd@example.org")}) {
    if (!done.ok()) return done;
  }

  bool knows_bob = false;
  daybook::EventHandlers handlers;
  handlers.On([&](const OrderShipped& event, const daybook::RecordedEvent& at) -> absl::Status {
    if (event.email().find('@') == std::string::npos && !knows_bob) {
      return daybook::Permanent(absl::InvalidArgumentError("no address: " + event.email()));
    }
    std::cout << at.stream() << ": shipped, mail to " << event.email() << '\n';
    return absl::OkStatus();
  });
  handlers.On([](const OrderCancelled&, const daybook::RecordedEvent& at) {
    std::cout << at.stream() << ": cancelled\n";
  });
  daybook::Subscription mails(**store, {.name = "mails", .category = "order"}, handlers);
  // A service would Start() it instead.
  if (absl::Status done = mails.CatchUp(); !done.ok()) return done;

  daybook::Subscriptions subscriptions(**store);
  auto parked = subscriptions.Parked("mails");
  if (!parked.ok()) return parked.status();
  for (const daybook::ParkedRecord& record : *parked) {
    std::cout << "parked: " << record.lane << ", position " << record.position << ", "
              << record.reason.message() << '\n';
  }

  knows_bob = true;
  if (absl::Status asked = subscriptions.ReplayAll("mails"); !asked.ok()) return asked;
  return mails.CatchUp();
}

int main(int argc, char** argv) {
  absl::Status status = Run(argc > 1 ? argv[1] : "orders.db");
  if (!status.ok()) std::cerr << status << '\n';
  return status.ok() ? 0 : 1;
}
