// A publisher to a real RabbitMQ, which it starts, beside a bare loop on the same client that sends
// the very same messages. See docs/performance.md.

#include <amqp.h>
#include <amqp_tcp_socket.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "account_contracts.pb.h"
#include "account_events.pb.h"
#include "daybook/publisher.h"
#include "daybook/rabbitmq.h"
#include "latencies.h"
#include "ratio_table.h"
#include "stores.h"
#include "support/rabbit_client.h"
#include "support/rabbit_server.h"
#include "transport/rabbitmq/message.h"

namespace daybook::bench {
namespace {

using std::chrono::steady_clock;

constexpr char kExchange[] = "bench";
constexpr char kQueue[] = "bench";

test::RabbitServer& Server() {
  static test::RabbitServer* const server = [] {
    static test::RabbitServer started;
    started.Start();
    test::RabbitClient client(started.port());
    client.DeclareExchange(kExchange);
    client.DeclareQueue(kQueue);
    client.Bind(kQueue, kExchange);
    return &started;
  }();
  return *server;
}

Translator Contracts() {
  Translator contracts({.source = "/bench/accounts"});
  contracts.On([](const Deposited& event, const RecordedEvent& at) {
    AccountCredited out;
    out.set_account(std::string(at.stream_id()));
    out.set_amount_minor(event.amount_minor());
    return out;
  });
  return contracts;
}

struct Log {
  std::unique_ptr<SqliteEventStore> store;
  std::vector<IntegrationEvent> messages;
};

NewEvent SomeDeposit() {
  Deposited deposited;
  deposited.set_amount_minor(1250);
  deposited.set_reference("an invoice of last month");
  return {.type = "daybook.bench.Deposited", .payload = deposited.SerializeAsString()};
}

std::unique_ptr<Log> MakeLog(const std::string& path, int64_t events, int64_t streams) {
  auto log = std::make_unique<Log>();
  log->store = OpenStore(path, Durability::kProcess);
  const size_t each = streams == 1 ? 100 : 1;
  for (int64_t done = 0; done < events;) {
    AppendRequest request;
    for (int64_t i = 0; i < std::min<int64_t>(streams, 100); ++i) {
      request.streams.push_back({.stream = "account-" + std::to_string((done + i) % streams),
                                 .events = std::vector<NewEvent>(each, SomeDeposit())});
    }
    OrDie(log->store->Append(request));
    done += 100;
  }
  const Translator contracts = Contracts();
  for (LogQuery query{.limit = 10'000};;) {
    const LogPage page = OrDie(log->store->Read(query));
    for (const StoredEvent& event : page.events) {
      for (IntegrationEvent& one : OrDie(contracts.Translate(event.View()))) {
        log->messages.push_back(std::move(one));
      }
    }
    if (page.end) break;
    query.after = page.looked;
  }
  return log;
}

void Must(bool holds, const char* doing) {
  if (holds) return;
  std::fprintf(stderr, "%s failed\n", doing);
  std::exit(1);
}

// Sends and counts confirms, with no more than `window` of them open. Nothing else.
class BareLoop {
 public:
  explicit BareLoop(size_t window) : window_(window), connection_(amqp_new_connection()) {
    Must(amqp_socket_open(amqp_tcp_socket_new(connection_), "127.0.0.1", Server().port()) == 0,
         "connecting");
    Must(amqp_login(connection_, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest")
                 .reply_type == AMQP_RESPONSE_NORMAL,
         "logging in");
    Must(amqp_channel_open(connection_, 1) != nullptr, "opening a channel");
    Must(amqp_confirm_select(connection_, 1) != nullptr, "asking for confirms");
  }
  ~BareLoop() {
    amqp_connection_close(connection_, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection_);
  }
  BareLoop(const BareLoop&) = delete;
  BareLoop& operator=(const BareLoop&) = delete;

  void Send(const std::vector<IntegrationEvent>& events) {
    internal::rabbitmq::Message message;
    for (const IntegrationEvent& event : events) {
      while (sent_ - confirmed_ >= window_) TakeFrame(nullptr);
      OrDie(message.Set(event, ContentMode::kBinary,
                        static_cast<size_t>(amqp_get_frame_max(connection_))));
      const amqp_bytes_t key = amqp_cstring_bytes(event.type.c_str());
      Must(amqp_basic_publish(
               connection_, 1, amqp_cstring_bytes(kExchange), key, 1, 0, &message.properties(),
               {message.body().size(), const_cast<char*>(message.body().data())}) == AMQP_STATUS_OK,
           "publishing");
      ++sent_;
      timeval at_once{};
      if (sent_ % 16 == 0) {
        while (TakeFrame(&at_once)) {
        }
      }
    }
    while (confirmed_ < sent_) TakeFrame(nullptr);
  }

 private:
  bool TakeFrame(timeval* patience) {
    amqp_frame_t frame;
    amqp_maybe_release_buffers(connection_);
    const int result = amqp_simple_wait_frame_noblock(connection_, &frame, patience);
    if (result == AMQP_STATUS_TIMEOUT) return false;
    Must(result == AMQP_STATUS_OK && frame.frame_type == AMQP_FRAME_METHOD &&
             frame.payload.method.id == AMQP_BASIC_ACK_METHOD,
         "waiting for a confirm");
    const auto* ack = static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded);
    confirmed_ = ack->multiple ? ack->delivery_tag : confirmed_ + 1;
    return true;
  }

  const size_t window_;
  const amqp_connection_state_t connection_;
  uint64_t sent_ = 0, confirmed_ = 0;
};

std::string NewName() {
  static int next = 0;
  return "publisher-" + std::to_string(next++);
}

void AddThroughput(const std::string& work, const std::string& path, int64_t events,
                   int64_t streams, size_t window) {
  const auto log = std::make_shared<Lazy<Log>>([=] { return MakeLog(path, events, streams); });
  Add(work, "a bare loop", 1, [=](benchmark::State& state) {
    const Log& all = log->get();
    BareLoop loop(window);
    for (auto _ : state) loop.Send(all.messages);
    state.SetItemsProcessed(events);
    test::RabbitClient(Server().port()).Purge(kQueue);
  })->UseRealTime();
  Add(work, "publisher", 1, [=](benchmark::State& state) {
    Log& all = log->get();
    auto transport =
        OrDie(RabbitMqTransport::Connect({.uri = Server().uri(), .exchange = kExchange}));
    Subscription publisher(*all.store, {.name = NewName()}, PublishTo(Contracts(), *transport));
    for (auto _ : state) OrDie(publisher.CatchUp());
    state.SetItemsProcessed(events);
    test::RabbitClient(Server().port()).Purge(kQueue);
  })->UseRealTime();
}

// From before the append to the confirm, at 500 events a second.
void AddLatency(const ScratchFolder& folder) {
  constexpr int64_t kCount = 2000;
  Add("commit to confirm at 500 events/s", "publisher", 1, [=, &folder](benchmark::State& state) {
    auto store = OpenStore(folder.File(NewName()), Durability::kProcess);
    auto transport =
        OrDie(RabbitMqTransport::Connect({.uri = Server().uri(), .exchange = kExchange}));
    Subscription publisher(*store, {.name = "live"}, PublishTo(Contracts(), *transport));
    OrDie(publisher.Start());
    Latencies latencies;
    for (auto _ : state) {
      const auto begin = steady_clock::now();
      for (int64_t i = 0; i < kCount; ++i) {
        std::this_thread::sleep_until(begin + i * std::chrono::milliseconds(2));
        const Appended appended = OrDie(
            store->Append("account-" + std::to_string(i), ExpectedVersion::Any(), {SomeDeposit()}));
        latencies.Begin();
        OrDie(
            publisher.WaitUntil(appended.position, steady_clock::now() + std::chrono::seconds(9)));
        latencies.End();
      }
    }
    latencies.Report(state);
    test::RabbitClient(Server().port()).Purge(kQueue);
  })->UseRealTime();
}

}  // namespace
}  // namespace daybook::bench

int main(int argc, char** argv) {
  using namespace daybook::bench;
  const ScratchFolder folder;
  AddThroughput("publish 100,000 events of 10,000 streams", folder.File("many.db"), 100'000, 10'000,
                1000);
  AddThroughput("publish 5,000 events of one stream", folder.File("one.db"), 5'000, 1, 1);
  AddLatency(folder);
  return RunAndPrintRatios(argc, argv);
}
