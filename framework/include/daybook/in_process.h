// A transport to consumers in this process: for samples, for tests, and where they are here. Target
// daybook::in_process.
//
//   daybook::InProcessTransport transport;
//   transport.Connect([&](const daybook::IntegrationEvent& event) {
//     return inbox.Receive(event).status();
//   });

#ifndef DAYBOOK_IN_PROCESS_H_
#define DAYBOOK_IN_PROCESS_H_

#include <boost/signals2/connection.hpp>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "daybook/integration_event.h"
#include "daybook/transport.h"

namespace daybook {

// Calls its slots with one message at a time, in the order they were sent, on a thread of its own.
// Parsing this header costs 2 s (Boost.Signals2).
class InProcessTransport : public Transport {
 public:
  InProcessTransport();
  ~InProcessTransport() override;

  // A message is confirmed when every slot has returned OK. Otherwise the first other answer
  // decides: Permanent has failed for good, Outage is an endpoint that is down, anything else, a
  // throw too, is to be tried again; then all slots get it again. While nothing is connected the
  // endpoint is down. A slot may connect, disconnect, append and send.
  using Slot = std::function<absl::Status(const IntegrationEvent&)>;
  boost::signals2::connection Connect(Slot slot);

  void Send(std::shared_ptr<const IntegrationEvent> event, Done done) override;
  TransportHealth Health() const override;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace daybook

#endif  // DAYBOOK_IN_PROCESS_H_
