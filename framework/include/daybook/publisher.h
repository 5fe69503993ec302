// Publishers: subscriptions that put integration events on a broker.
//
//   daybook::Subscription publisher(store, {.name = "orders-to-rabbitmq", .category = "order"},
//                                   daybook::PublishTo(std::move(contracts), transport));
//   if (absl::Status started = publisher.Start(); !started.ok()) ...
//
// A record is done when the broker has confirmed every message made from it; so nothing is lost,
// whatever dies, and what is sent again carries the same id. Up to `max_in_flight` records (1,000
// unless said otherwise) are under way, one per lane: messages of one stream arrive in order.
//
// What the broker answers causes:
//
//   it is down, or refuses everyone    the line stops, with pauses that double; no attempt is
//                                      counted, nothing is parked; Health() says why
//   not this time                      this record is tried again, then parked
//   never this message                 this record is parked at once
//
// When a connection breaks under several records, one of them may be what broke it: each is first
// sent alone. One that alone breaks the connection kLonelyBreaks times, while others get through in
// between, is parked.

#ifndef DAYBOOK_PUBLISHER_H_
#define DAYBOOK_PUBLISHER_H_

#include "daybook/subscription.h"
#include "daybook/translator.h"
#include "daybook/transport.h"

namespace daybook {

// A handler that sends what the translator makes of each record. Owns the translator; the transport
// must outlive the subscription. An event that is neither translated nor ignored stops the
// subscription (see Halt). Use a handler for one subscription only.
[[nodiscard]] Handler PublishTo(Translator translator, Transport& transport);

inline constexpr int kLonelyBreaks = 3;

}  // namespace daybook

#endif  // DAYBOOK_PUBLISHER_H_
