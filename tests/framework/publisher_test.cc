#include "daybook/publisher.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "account.h"
#include "account_contracts.pb.h"
#include "daybook/subscriptions.h"
#include "status_testing.h"
#include "store_file.h"
#include "support/patience.h"

namespace daybook::test {
namespace {

using contracts::v1::AccountCredited;
using contracts::v1::BalanceMoved;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr RetryPolicy kHasty = {.max_attempts = 3,
                                .backoff = {.first = milliseconds(1), .longest = milliseconds(1)},
                                .outage = {.first = milliseconds(1), .longest = milliseconds(1)}};

bool Comes(const std::function<bool()>& condition) {
  const steady_clock::time_point deadline = Soon();
  while (!condition()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

bool Stops(const Subscription& subscription) {
  return Comes([&] { return subscription.Health().state == SubscriptionState::kStopped; });
}

DeliveryResult Failing(Delivery delivery) {
  return {delivery, absl::UnavailableError(std::string(Name(delivery)))};
}

// A transport whose answers are the test's: what a broker that misbehaves at will would give.
class ScriptedTransport : public Transport {
 public:
  struct Sent {
    std::shared_ptr<const IntegrationEvent> event;
    Done done;
  };

  void Send(std::shared_ptr<const IntegrationEvent> event, Done done) override {
    const std::lock_guard lock(mutex_);
    all_.push_back(event->subject);
    ids_.push_back(event->id);
    waiting_.push_back({std::move(event), std::move(done)});
    changed_.notify_all();
  }
  TransportHealth Health() const override { return {}; }

  // The next `count` that were sent, answered by the caller.
  std::vector<Sent> Take(size_t count) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, Patience(), [&] { return waiting_.size() >= count; })) {
      throw std::runtime_error(std::to_string(waiting_.size()) + " of " + std::to_string(count));
    }
    std::vector<Sent> taken;
    for (; taken.size() < count && !waiting_.empty(); waiting_.pop_front()) {
      taken.push_back(std::move(waiting_.front()));
    }
    return taken;
  }
  void Answer(const DeliveryResult& result, size_t count = 1) {
    for (Sent& sent : Take(count)) sent.done(result);
  }

  size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  std::vector<std::string> ids() const {
    const std::lock_guard lock(mutex_);
    return ids_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Sent> waiting_;
  std::vector<std::string> all_, ids_;
};

class PublisherTest : public ::testing::Test {
 protected:
  Position Append(const std::string& account) {
    const auto appended =
        store_->Append("account-" + account, ExpectedVersion::Any(), {Stored(Deposit(1))});
    EXPECT_THAT(appended, IsOk());
    return appended->position;
  }

  static Translator Contracts() {
    Translator contracts({.source = "/bank"});
    contracts.On([](const Deposited&) { return AccountCredited(); });
    return contracts;
  }

  std::unique_ptr<Subscription> Publish(Translator contracts = Contracts(),
                                        Transport* transport = nullptr) {
    auto publisher = std::make_unique<Subscription>(
        *store_, SubscriptionOptions{.name = "publisher", .retry = kHasty},
        PublishTo(std::move(contracts), transport == nullptr ? transport_ : *transport));
    EXPECT_THAT(publisher->Start(), IsOk());
    return publisher;
  }

  std::vector<ParkedRecord> Parked() {
    const auto parked = Subscriptions(*store_).Parked("publisher");
    EXPECT_THAT(parked, IsOk());
    return *parked;
  }

  StoreFile file_;
  std::unique_ptr<SqliteEventStore> store_ = file_.Open();
  ScriptedTransport transport_;
};

TEST_F(PublisherTest, ARecordIsDoneWhenAllThatWasMadeFromItIsConfirmed) {
  // given
  Translator contracts = Contracts();
  contracts.On([](const Deposited&) { return BalanceMoved(); });
  Append("1");
  const auto publisher = Publish(std::move(contracts));
  std::vector<ScriptedTransport::Sent> sent = transport_.Take(2);
  EXPECT_EQ(sent[0].event->type, "daybook.test.contracts.v1.AccountCredited");
  EXPECT_EQ(sent[1].event->type, "daybook.test.contracts.v1.BalanceMoved");
  // when
  sent[1].done({});
  Append("1");
  Append("2");
  // then: the next of its stream waits
  for (ScriptedTransport::Sent& other : transport_.Take(2)) {
    EXPECT_EQ(other.event->subject, "2");
    other.done({});
  }
  EXPECT_EQ(publisher->Health().checkpoint, Position(0));
  sent[0].done({});
  transport_.Answer({}, 2);
  EXPECT_THAT(publisher->WaitUntil(Position(3), Soon()), IsOk());
}

TEST_F(PublisherTest, OfAStreamOneIsUnderWayAndOfOthersMany) {
  for (int i = 0; i < 20; ++i) Append(std::to_string(i % 10));
  const auto publisher = Publish();
  std::vector<ScriptedTransport::Sent> first = transport_.Take(10);
  std::set<std::string> subjects;
  for (const ScriptedTransport::Sent& sent : first) subjects.insert(sent.event->subject);
  EXPECT_THAT(subjects, SizeIs(10));
  EXPECT_EQ(transport_.waiting(), 0u);
  first[7].done({});
  std::vector<ScriptedTransport::Sent> next = transport_.Take(1);
  EXPECT_EQ(next[0].event->subject, first[7].event->subject);
  EXPECT_EQ(publisher->options().max_in_flight, 1000);
  // The publisher's end waits for its answers.
  for (size_t i = 0; i < first.size(); ++i) {
    if (i != 7) first[i].done({});
  }
  next[0].done({});
  transport_.Answer({}, 9);
}

TEST_F(PublisherTest, WhatMakesNoMessageIsDoneAtOnce) {
  Translator contracts({.source = "/bank"});
  contracts.Ignore<Deposited>();
  Append("1");
  const auto publisher = Publish(std::move(contracts));
  EXPECT_THAT(publisher->WaitUntil(Position(1), Soon()), IsOk());
  EXPECT_THAT(transport_.all(), IsEmpty());
}

TEST_F(PublisherTest, AnEventThatIsForgottenStopsTheLine) {
  Translator contracts({.source = "/bank"});
  contracts.Ignore<Withdrawn>();
  Append("1");
  const auto publisher = Publish(std::move(contracts));
  ASSERT_TRUE(Stops(*publisher));
  EXPECT_THAT(publisher->Health().last_error,
              Fails(absl::StatusCode::kFailedPrecondition, "neither translated nor ignored"));
  EXPECT_EQ(publisher->Health().checkpoint, Position(0));
}

TEST_F(PublisherTest, ATranslatorThatCannotWorkIsRefusedAtTheStart) {
  const auto started = [&](Translator contracts) {
    return Subscription(*store_, {.name = "publisher"}, PublishTo(std::move(contracts), transport_))
        .Start();
  };
  EXPECT_THAT(started(Translator({.source = "my bank"})),
              Fails(absl::StatusCode::kInvalidArgument, "'my bank'"));
  EXPECT_THAT(started(Contracts().Ignore<Deposited>()),
              Fails(absl::StatusCode::kInvalidArgument, "Deposited"));
}

// A broker outage burned every message's attempts, elsewhere.
TEST_F(PublisherTest, AnEndpointThatIsDownParksNothingAndCountsNoAttempt) {
  for (int i = 0; i < 3; ++i) Append(std::to_string(i));
  const auto publisher = Publish();
  transport_.Answer(Failing(Delivery::kDown), 3);
  for (int i = 0; i < 20; ++i) {
    transport_.Answer(Failing(Delivery::kDown));
    EXPECT_EQ(publisher->Health().parked_records, 0);
  }
  transport_.Take(1)[0].done({});
  transport_.Answer({}, 2);
  EXPECT_THAT(publisher->WaitUntil(Position(3), Soon()), IsOk());
  EXPECT_THAT(Parked(), IsEmpty());
}

TEST_F(PublisherTest, AMessageThatFailsIsTriedAgainAndParkedOneThatNeverCanGoAtOnce) {
  Append("1");
  Append("2");
  const auto publisher = Publish();
  for (ScriptedTransport::Sent& sent : transport_.Take(2)) {
    sent.done(Failing(sent.event->subject == "1" ? Delivery::kTryAgain : Delivery::kFailed));
  }
  transport_.Answer(Failing(Delivery::kTryAgain), 1);
  transport_.Answer(Failing(Delivery::kTryAgain), 1);
  EXPECT_THAT(publisher->WaitUntil(Position(2), Soon()), IsOk());
  publisher->Stop();
  const std::vector<ParkedRecord> parked = Parked();
  ASSERT_THAT(parked, SizeIs(2));
  EXPECT_EQ(parked[0].attempts, 3);
  EXPECT_EQ(parked[1].attempts, 1);
  EXPECT_THAT(std::string(parked[1].reason.message()), HasSubstr("failed"));
}

TEST_F(PublisherTest, WhatIsSentAgainHasTheSameId) {
  Append("1");
  {
    const auto publisher = Publish();
    transport_.Answer(Failing(Delivery::kTryAgain));
    transport_.Answer(Failing(Delivery::kNotKnown));
    transport_.Answer(Failing(Delivery::kDown));
    const std::jthread down([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        if (transport_.waiting() > 0) transport_.Answer(Failing(Delivery::kDown));
      }
    });
    publisher->Stop();
  }
  const auto publisher = Publish();
  transport_.Answer({});
  EXPECT_THAT(publisher->WaitUntil(Position(1), Soon()), IsOk());
  const std::vector<std::string> ids = transport_.ids();
  EXPECT_THAT(ids, Each(ids.front()));
}

// ---- Which of them broke the connection? -------------------------------------------------------

TEST_F(PublisherTest, AfterABreakThoseInFlightGoOneAtATime) {
  // given
  for (int i = 0; i < 5; ++i) Append(std::to_string(i));
  std::atomic<int> translated = 0;
  Translator contracts({.source = "/bank"});
  contracts.On([&](const Deposited&) {
    ++translated;
    return AccountCredited();
  });
  const auto publisher = Publish(std::move(contracts));
  transport_.Answer(Failing(Delivery::kNotKnown), 5);
  // when
  std::vector<ScriptedTransport::Sent> probe = transport_.Take(1);
  Append("new");
  probe[0].done({});
  // then: the others have been handed to the publisher, and wait there
  EXPECT_TRUE(Comes([&] { return translated == 5 + 1 + 4 + 1; }));
  for (int i = 0; i < 4; ++i) {
    std::vector<ScriptedTransport::Sent> alone = transport_.Take(1);
    EXPECT_EQ(transport_.waiting(), 0u);
    EXPECT_NE(alone[0].event->subject, "new");
    alone[0].done({});
  }
  std::vector<ScriptedTransport::Sent> last = transport_.Take(1);
  EXPECT_EQ(last[0].event->subject, "new");
  last[0].done({});
  EXPECT_THAT(publisher->WaitUntil(Position(6), Soon()), IsOk());
}

// Breaks whenever it meets a message of account 13: then it knows nothing of those around it.
class FragileTransport : public Transport {
 public:
  FragileTransport() : thread_([this] { Run(); }) {}
  ~FragileTransport() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void Send(std::shared_ptr<const IntegrationEvent> event, Done done) override {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(event), std::move(done)});
    changed_.notify_all();
  }
  TransportHealth Health() const override { return {}; }

  std::map<std::string, std::vector<std::string>> confirmed() const {
    const std::lock_guard lock(mutex_);
    return confirmed_;
  }
  int breaks() const {
    const std::lock_guard lock(mutex_);
    return breaks_;
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      std::vector<ScriptedTransport::Sent> batch = std::exchange(waiting_, {});
      bool broken = false;
      for (const auto& sent : batch) broken |= sent.event->subject == "13";
      breaks_ += broken ? 1 : 0;
      if (!broken) {
        for (const auto& sent : batch)
          confirmed_[sent.event->subject].push_back(sent.event->sequence);
      }
      lock.unlock();
      for (auto& sent : batch) {
        sent.done(broken ? Failing(Delivery::kNotKnown) : DeliveryResult());
      }
      lock.lock();
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ScriptedTransport::Sent> waiting_;
  std::map<std::string, std::vector<std::string>> confirmed_;
  int breaks_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

TEST_F(PublisherTest, TheOneThatAloneBreaksTheConnectionIsParkedAndTheOthersGoThrough) {
  // given
  FragileTransport fragile;
  constexpr int kAccounts = 20, kEach = 10;
  for (int i = 0; i < kAccounts * kEach; ++i) Append(std::to_string(i % kAccounts));
  // when
  const auto publisher = Publish(Contracts(), &fragile);
  EXPECT_THAT(publisher->WaitUntil(Position(kAccounts * kEach), Soon()), IsOk());
  publisher->Stop();
  // then
  const std::vector<ParkedRecord> parked = Parked();
  ASSERT_THAT(parked, SizeIs(kEach));
  EXPECT_EQ(parked[0].position, Position(14));
  EXPECT_THAT(std::string(parked[0].reason.message()), HasSubstr("alone broke the connection"));
  EXPECT_EQ(parked[0].attempts, 1) << "no break was counted";
  for (const ParkedRecord& record : parked) EXPECT_EQ(record.lane, "account-13");
  const auto confirmed = fragile.confirmed();
  EXPECT_THAT(confirmed, SizeIs(kAccounts - 1));
  for (const auto& [account, sequences] : confirmed) {
    EXPECT_THAT(sequences, SizeIs(kEach)) << account;
    EXPECT_TRUE(std::is_sorted(sequences.begin(), sequences.end())) << account;
  }
}

TEST_F(PublisherTest, ABreakWithoutOthersThatPassProvesNothing) {
  FragileTransport fragile;
  Append("13");
  const auto publisher = Publish(Contracts(), &fragile);
  EXPECT_TRUE(Comes([&] { return fragile.breaks() >= 20; }));
  EXPECT_EQ(publisher->Health().parked_records, 0);
  EXPECT_EQ(publisher->Health().checkpoint, Position(0));
}

}  // namespace
}  // namespace daybook::test
