// Guarantee 3 when the subscribing process is killed at any instant, and when two processes contend
// for one subscription while each is stopped and let go on.
//
// Long proof: 100 kills, and 100 stops, at DAYBOOK_TEST_SCALE=100.

#include "fault/subscriber.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "daybook/subscription.pb.h"
#include "daybook/subscriptions.h"
#include "fault/child_process.h"
#include "fault/support.h"
#include "subscription/process.h"
#include "support/patience.h"

namespace daybook::fault {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// What one process has handled, against what all before it have.
class Witness {
 public:
  // One record handled by a process that began with the checkpoint `began_at`.
  void Note(const Report& report) {
    const std::string stream = report.stream.data();
    const auto mine = own_.find(stream);
    if (mine == own_.end()) {
      EXPECT_LE(report.version, all_[stream] + 1) << stream << ": a record was skipped";
    } else {
      EXPECT_EQ(report.version, mine->second + 1) << stream << ": not in order";
    }
    own_[stream] = report.version;
    if (report.version <= all_[stream]) {
      ++repeats_;
    } else {
      all_[stream] = report.version;
    }
    ++handled_;
  }

  void BeginProcess() {
    own_.clear();
    repeats_ = 0;
  }

  int64_t repeats() const { return repeats_; }
  int64_t handled() const { return handled_; }
  int64_t distinct() const {
    int64_t sum = 0;
    for (const auto& [stream, version] : all_) sum += version;
    return sum;
  }

 private:
  std::map<std::string, int64_t> own_, all_;
  int64_t repeats_ = 0;
  int64_t handled_ = 0;
};

class SubscriberTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = SqliteEventStore::Open(
        {.path = path_, .durability = Durability::kProcess, .busy_timeout = milliseconds(20)});
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }

  void Append(int count) {
    while (count > 0 && !HasFailure()) count -= TryToAppend() ? 1 : 0;
  }

  // False: another process, which may be stopped, holds the file.
  bool TryToAppend() {
    const std::string stream = "item-" + std::to_string(random_() % 8);
    const auto appended = store_->Append(stream, ExpectedVersion::Any(), {MakeEvent({})});
    if (absl::IsUnavailable(appended.status())) return false;
    EXPECT_THAT(appended, IsOk());
    ++appended_;
    return true;
  }

  std::unique_ptr<ChildProcess> Subscribe(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {path_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto child = std::make_unique<ChildProcess>(DAYBOOK_SUBSCRIBING_CHILD, arguments);
    const std::optional<Report> ready = child->Next();
    EXPECT_TRUE(ready.has_value()) << "the child could not start";
    return child;
  }

  TempDir dir_;
  const std::string path_ = dir_.File("log.db");
  std::unique_ptr<SqliteEventStore> store_;
  std::mt19937_64 random_{1};
  int64_t appended_ = 0;
};

TEST_F(SubscriberTest, NothingIsMissedWhenTheSubscribingProcessIsKilled) {
  const SubscriptionOptions options = ItemsOptions();
  Witness witness;
  int64_t most_repeats = 0;
  const int64_t kills = Scaled(100, 5);
  for (int64_t kill = 0; kill <= kills && !HasFailure(); ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill));
    Append(static_cast<int>(random_() % 300));
    // given
    std::unique_ptr<ChildProcess> child = Subscribe();
    witness.BeginProcess();
    // when: it is killed, wherever it is; the last one only when it has caught up
    const bool last = kill == kills;
    const auto enough = static_cast<int64_t>(random_() % 250);
    for (int64_t i = 0; last || i < enough; ++i) {
      if (witness.distinct() == appended_) break;
      const std::optional<Report> report = child->Next();
      ASSERT_TRUE(report.has_value()) << "the child ended by itself";
      witness.Note(*report);
      if (i % 10 == 0) Append(1);
    }
    child->Kill();
    while (const std::optional<Report> report = child->Next()) witness.Note(*report);
    child->Wait();
    most_repeats = std::max(most_repeats, witness.repeats());
  }
  // then
  EXPECT_EQ(witness.distinct(), appended_);
  // The window, and what was finished since the last checkpoint: one was due after so many, and
  // when a process looks whether one is due, it may just have handled as many again.
  EXPECT_LE(most_repeats, options.window + 2 * options.checkpoint_every);
  std::cout << "[ repeats  ] at most " << most_repeats << " after one kill; " << witness.handled()
            << " handled of " << appended_ << std::endl;
}

// After a restart nobody followed the log until the lease of the dead process had run out.
TEST_F(SubscriberTest, WhatAProcessThatEndedHeldIsFreeAtOnce) {
  // given: a lease of an hour
  std::unique_ptr<ChildProcess> owner = Subscribe({"3600000"});
  Subscription here(*store_, ItemsOptions(), [](const RecordedEvent&) { return absl::OkStatus(); });
  Subscriptions subscriptions(*store_);
  EXPECT_NE(subscriptions.Get("items")->owner, "");
  // when: it is stopped, then killed; nobody waits for its end, so it is a zombie
  kill(owner->pid(), SIGSTOP);
  EXPECT_THAT(here.CatchUp(), HasCode(absl::StatusCode::kUnavailable)) << "it lives";
  kill(owner->pid(), SIGKILL);
  siginfo_t ended;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(owner->pid()), &ended, WEXITED | WNOWAIT), 0);
  // then
  EXPECT_EQ(subscriptions.Get("items")->owner, "");
  EXPECT_EQ(subscriptions.Get("items")->state, SubscriptionState::kNotStarted);
  EXPECT_THAT(here.CatchUp(), IsOk());
  // the same when its end has been waited for
  owner = Subscribe({"3600000"});
  owner->Kill();
  owner->Wait();
  EXPECT_EQ(subscriptions.Get("items")->owner, "");
  EXPECT_THAT(here.CatchUp(), IsOk());
}

TEST(ProcessTest, OnlyWhatIsKnownToHaveEndedHas) {
  internal::ProcessRow self;
  internal::IdentifySelf(self);
  ASSERT_NE(self.place(), "") << "without /proc nothing is known";
  EXPECT_FALSE(internal::HasEnded(self));
  EXPECT_FALSE(internal::HasEnded(internal::ProcessRow()));
  // another process that has its number
  internal::ProcessRow earlier = self;
  earlier.set_started_at(self.started_at() - 1);
  EXPECT_TRUE(internal::HasEnded(earlier));
  // on another machine
  earlier.set_place("elsewhere");
  EXPECT_FALSE(internal::HasEnded(earlier));
}

// The rows of the subscription as they were written, in the order of their commits.
std::vector<internal::SubscriptionRow> ReadAudit(EventStore& store) {
  std::vector<internal::SubscriptionRow> rows;
  const auto read = store.Visit(StreamQuery{.stream = kAuditStream}, [&](const RecordedEvent& e) {
    EXPECT_TRUE(rows.emplace_back().ParseFromString(std::string(e.payload())));
    return absl::OkStatus();
  });
  EXPECT_THAT(read, IsOk());
  return rows;
}

TEST_F(SubscriberTest, TwoContendingProcessesNeverWriteBehindEachOther) {
  // given
  std::vector<std::unique_ptr<ChildProcess>> contenders;
  for (int i = 0; i < 2; ++i) contenders.push_back(Subscribe());
  std::vector<Report> reports;
  std::map<std::string, int64_t> newest;  // the newest version of each stream that was handled
  const auto take = [&](milliseconds patience) {
    std::vector<pollfd> outputs;
    for (const auto& one : contenders) outputs.push_back({one->output(), POLLIN, 0});
    poll(outputs.data(), outputs.size(), static_cast<int>(patience.count()));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].revents == 0) continue;
      const std::optional<Report> report = contenders[i]->Next();
      ASSERT_TRUE(report.has_value()) << "a process ended by itself";
      reports.push_back(*report);
      int64_t& version = newest[report->stream.data()];
      version = std::max(version, report->version);
    }
  };
  const auto all_handled = [&] {
    int64_t sum = 0;
    for (const auto& [stream, version] : newest) sum += version;
    return sum == appended_;
  };
  // when: one is stopped for longer than its lease, then the other
  const int64_t stops = Scaled(100, 5);
  for (int64_t stop = 0; stop < stops && !HasFailure(); ++stop) {
    const pid_t pid = contenders[static_cast<size_t>(stop % 2)]->pid();
    Append(20);
    kill(pid, SIGSTOP);
    const auto end = steady_clock::now() + 2 * ItemsOptions().lease + milliseconds(random_() % 100);
    while (steady_clock::now() < end && !HasFailure()) {
      TryToAppend();
      take(milliseconds(5));
    }
    kill(pid, SIGCONT);
  }
  const auto deadline = test::Soon();
  while (!all_handled() && !HasFailure()) {
    ASSERT_LT(steady_clock::now(), deadline) << "not all records were handled";
    take(milliseconds(1000));
  }
  for (const auto& one : contenders) one->CloseInput();
  for (const auto& one : contenders) {
    while (const std::optional<Report> report = one->Next()) reports.push_back(*report);
    EXPECT_EQ(one->Wait(), 0);
  }
  // then: no record before those of its stream that precede it
  std::sort(reports.begin(), reports.end(), [](const Report& a, const Report& b) {
    return a.steady_nanoseconds < b.steady_nanoseconds;
  });
  newest.clear();
  for (const Report& report : reports) {
    int64_t& version = newest[report.stream.data()];
    EXPECT_LE(report.version, version + 1) << report.stream.data() << ": a record was skipped";
    version = std::max(version, report.version);
  }
  int64_t epoch = 0, checkpoint = 0, changes = 0;
  for (const internal::SubscriptionRow& row : ReadAudit(*store_)) {
    EXPECT_GE(row.epoch(), epoch) << "an owner wrote after it had lost the lease";
    EXPECT_GE(row.checkpoint(), checkpoint) << "epoch " << row.epoch();
    changes += row.epoch() != epoch ? 1 : 0;
    epoch = row.epoch();
    checkpoint = row.checkpoint();
  }
  EXPECT_GE(changes, 2) << "the processes did not contend";
  std::cout << "[ owners   ] " << changes << " in " << stops << " stops" << std::endl;
}

}  // namespace
}  // namespace daybook::fault
