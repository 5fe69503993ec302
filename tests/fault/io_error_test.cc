// Guarantee 1 on a disk that fails: each single write and sync of a short script fails in turn,
// with EIO and with ENOSPC. Nothing acknowledged goes missing, nothing refused is there, and what
// is in doubt is called so.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <thread>
#include <vector>

#include "daybook/status.h"
#include "fault/fault_vfs.h"
#include "fault/ledger.h"
#include "fault/support.h"

namespace daybook::fault {
namespace {

struct Fault {
  IoCall call;
  int error;
};

std::string Describe(const Fault& fault, int64_t nth) {
  return std::string(fault.call == IoCall::kWrite ? "write " : "sync ") + std::to_string(nth) +
         (fault.error == EIO ? ": EIO" : ": ENOSPC");
}

enum class AtFailure { kGoOn, kCutPower };

// Runs a script of requests on a store whose disk fails once, and does what a careful caller does:
// repeats what was refused, reopens after kUnknown and repeats with the same ids.
class Script {
 public:
  Script(const std::string& path, FaultVfs& vfs, AtFailure at_failure)
      : path_(path), vfs_(vfs), at_failure_(at_failure) {}

  void Run(const std::vector<AppendRequest>& requests) {
    Open();
    for (const AppendRequest& request : requests) {
      if (stopped()) return;
      Send(request);
    }
  }

  void Remove(const std::string& stream, int64_t version, bool tombstone) {
    if (stopped()) return;
    auto remove = [&] {
      return tombstone ? store_->Tombstone(stream, Version(version))
                       : store_->Delete(stream, Version(version));
    };
    absl::StatusOr<StreamState> answer = remove();
    if (!answer.ok()) {
      ledger_.NoteRemoval(stream, answer);
      Fail(answer.status());
      if (stopped()) return;
      answer = remove();
    }
    ASSERT_THAT(answer, IsOk());
    ledger_.NoteRemoval(stream, answer);
  }

  void Reopen() {
    store_.reset();
    Open();
  }

  void Close() { store_.reset(); }
  bool stopped() const { return vfs_.power_is_off() || testing::Test::HasFailure(); }
  const Ledger& ledger() const { return ledger_; }
  const std::vector<absl::StatusCode>& failures() const { return failures_; }

 private:
  void Open() {
    if (stopped()) return;
    absl::StatusOr<std::unique_ptr<SqliteEventStore>> store = TryOpen();
    if (!store.ok()) {
      // The fault is over: what it left must open, once nobody has it open any more.
      EXPECT_THAT(store.status().code(), testing::AnyOf(absl::StatusCode::kUnavailable,
                                                        absl::StatusCode::kResourceExhausted));
      failures_.push_back(store.status().code());
      if (at_failure_ == AtFailure::kCutPower) return vfs_.CutPower();
      store_.reset();
      store = TryOpen();
    }
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }

  absl::StatusOr<std::unique_ptr<SqliteEventStore>> TryOpen() {
    return SqliteEventStore::Open({.path = path_, .wal_limit = 1 << 20, .vfs = vfs_.name()});
  }

  void Send(const AppendRequest& request) {
    absl::StatusOr<AppendResult> answer = store_->Append(request);
    if (!answer.ok()) {
      const bool in_doubt = answer.status().code() == absl::StatusCode::kUnknown;
      ledger_.Note(request, answer);
      Fail(answer.status());
      if (stopped()) return;
      answer = store_->Append(request);
      ASSERT_THAT(answer, IsOk());
      EXPECT_TRUE(in_doubt || !answer->repeated) << "refused, and yet it had been written";
    }
    ledger_.Note(request, answer);
    for (size_t s = 0; s < request.streams.size(); ++s) {
      const StreamAppend& append = request.streams[s];
      EXPECT_EQ(answer->streams[s].version,
                *append.expected.exact() + static_cast<int64_t>(append.events.size()));
    }
  }

  // What each refusal promises.
  void Fail(const absl::Status& status) {
    failures_.push_back(status.code());
    EXPECT_TRUE(vfs_.has_failed()) << status;
    EXPECT_TRUE(IsFromDaybook(status)) << status;
    // A commit in doubt, or a checkpoint whose sync failed before this one.
    if (status.code() == absl::StatusCode::kUnknown ||
        status.code() == absl::StatusCode::kFailedPrecondition) {
      EXPECT_THAT(store_->Append("unrelated-1", ExpectedVersion::Any(), {MakeEvent({})}),
                  HasCode(absl::StatusCode::kFailedPrecondition));
      EXPECT_THAT(store_->Health().writable, HasCode(absl::StatusCode::kFailedPrecondition));
      EXPECT_THAT(store_->Head(), IsOk());
      EXPECT_THAT(store_->Read(LogQuery{}), IsOk());
      if (at_failure_ == AtFailure::kGoOn) Reopen();
    } else {
      EXPECT_THAT(status.code(), testing::AnyOf(absl::StatusCode::kUnavailable,
                                                absl::StatusCode::kResourceExhausted))
          << status;
      EXPECT_THAT(store_->Health().writable, IsOk());
    }
    if (at_failure_ == AtFailure::kCutPower) vfs_.CutPower();
  }

  const std::string path_;
  FaultVfs& vfs_;
  const AtFailure at_failure_;
  std::unique_ptr<SqliteEventStore> store_;
  Ledger ledger_;
  std::vector<absl::StatusCode> failures_;
};

using Play = std::function<void(Script&)>;

void PlayShortScript(Script& script) {
  script.Run({
      {.streams = {To("a-1", 0, Events(1, 1))}},
      {.streams = {To("a-1", 1, Events(2, 3))}},
      {.streams = {To("a-1", 4, Events(3, 1)), To("a-2", 0, Events(4, 2))},
       .once = OnceKey{"command", "c1"},
       .row_changes = {{"t", "k", "one"}}},
      {.streams = {To("a-2", 2, Events(5, 1))},
       .row_checks = {{"t", "k", "one"}},
       .row_changes = {{"t", "k", "two"}}},
  });
  script.Remove("a-2", 3, false);
  if (script.stopped()) return;
  script.Reopen();
  script.Run({{.streams = {To("a-2", 3, Events(6, 2))}}});
  script.Remove("a-1", 5, true);
  if (script.stopped()) return;
  script.Run({{.streams = {To("b-1", 0, Events(7, 20, 3000))}}});
}

// Grows the write-ahead log past its limit, so that checkpoints fail too, and writes more in one
// request than the writer's cache holds.
void PlayLongScript(Script& script) {
  std::vector<AppendRequest> requests;
  for (int i = 0; i < 40; ++i) {
    requests.push_back(
        {.streams = {To("a-1", i, Events(100 + static_cast<uint64_t>(i), 1, 60'000))}});
  }
  requests.push_back({.streams = {To("b-1", 0, Events(200, 60, 60'000))}});
  script.Run(requests);
}

// Plays with the nth call failing; then looks at the files, and at what a power cut leaves of them.
std::vector<absl::StatusCode> PlayWith(const Play& play, const Fault& fault, int64_t nth,
                                       AtFailure at_failure) {
  SCOPED_TRACE(Describe(fault, nth) +
               (at_failure == AtFailure::kGoOn ? ", then on" : ", then dark"));
  const auto seed = static_cast<uint64_t>(nth);
  TempDir before, after;
  FaultVfs vfs(seed);
  vfs.FailOnce(fault.call, nth, fault.error);
  Script script(before.File("log.db"), vfs, at_failure);
  play(script);
  vfs.Materialize(after.path(), seed);
  script.Close();
  if (at_failure == AtFailure::kGoOn) {
    SCOPED_TRACE("as the files are");
    ExpectAllAsAnswered(script.ledger(), before.File("log.db"));
  }
  SCOPED_TRACE("as a power cut leaves them");
  ExpectAllAsAnswered(script.ledger(), after.File("log.db"));
  return script.failures();
}

int64_t CountCalls(const Play& play, IoCall call) {
  TempDir dir;
  FaultVfs vfs;
  Script script(dir.File("log.db"), vfs, AtFailure::kGoOn);
  play(script);
  script.Close();
  return vfs.calls(call);
}

class IoErrorTest : public testing::TestWithParam<Fault> {};

TEST_P(IoErrorTest, EachSingleCallOfAShortScriptFailsInTurn) {
  std::vector<absl::StatusCode> failures;
  const int64_t calls = CountCalls(PlayShortScript, GetParam().call);
  const int64_t step = Scaled(100) < 10 ? 5 : 1;  // under sanitizers not each
  for (int64_t nth = 1; nth <= calls && !HasFailure(); nth += step) {
    for (const AtFailure at_failure : {AtFailure::kGoOn, AtFailure::kCutPower}) {
      auto seen = PlayWith(PlayShortScript, GetParam(), nth, at_failure);
      failures.insert(failures.end(), seen.begin(), seen.end());
    }
  }
  // A full disk that shows while the log is written is told apart from an unknown outcome.
  const bool refuses = GetParam().call == IoCall::kWrite && GetParam().error == ENOSPC;
  EXPECT_THAT(failures, testing::Contains(refuses ? absl::StatusCode::kResourceExhausted
                                                  : absl::StatusCode::kUnknown));
  if (refuses) {
    EXPECT_THAT(failures, testing::Not(testing::Contains(absl::StatusCode::kUnknown)));
  }
}

TEST_P(IoErrorTest, CallsAmongCheckpointsAndLargeRequestsFailInTurn) {
  const int64_t calls = CountCalls(PlayLongScript, GetParam().call);
  const int64_t tries = std::min(calls, Scaled(300, 20));
  for (int64_t i = 0; i < tries && !HasFailure(); ++i) {
    const auto at_failure = i % 2 == 0 ? AtFailure::kGoOn : AtFailure::kCutPower;
    PlayWith(PlayLongScript, GetParam(), 1 + i * calls / tries, at_failure);
  }
}

// One writer of a group whose commit fails: its stream's versions go on without a hole.
void AppendInGroups(SqliteEventStore& store, uint64_t writer, Ledger& ledger) {
  const std::string stream = "own-" + std::to_string(writer);
  for (int64_t version = 0; version < 12;) {
    const AppendRequest request{
        .streams = {
            To(stream, version, Events((writer + 1) * 1000 + static_cast<uint64_t>(version), 1))}};
    const absl::StatusOr<AppendResult> answer = store.Append(request);
    ledger.Note(request, answer);
    if (answer.ok()) {
      ++version;
      EXPECT_EQ(answer->streams[0].version, Version(version));
      continue;
    }
    const absl::StatusCode code = answer.status().code();
    if (code == absl::StatusCode::kUnknown || code == absl::StatusCode::kFailedPrecondition) return;
    ASSERT_THAT(
        code, testing::AnyOf(absl::StatusCode::kUnavailable, absl::StatusCode::kResourceExhausted));
  }
}

TEST_P(IoErrorTest, NoCachedVersionSurvivesARolledBackGroup) {
  constexpr uint64_t kWriters = 4;
  const int64_t tries = Scaled(100, 20);
  for (int64_t nth = 30; nth < 30 + tries && !HasFailure(); ++nth) {
    SCOPED_TRACE(Describe(GetParam(), nth));
    TempDir before, after;
    FaultVfs vfs(static_cast<uint64_t>(nth));
    auto store = SqliteEventStore::Open({.path = before.File("log.db"), .vfs = vfs.name()});
    ASSERT_THAT(store, IsOk());
    vfs.FailOnce(GetParam().call, vfs.calls(GetParam().call) + nth - 29, GetParam().error);
    std::vector<Ledger> ledgers(kWriters);
    std::vector<std::jthread> threads;
    for (uint64_t writer = 0; writer < kWriters; ++writer) {
      threads.emplace_back([&, writer] { AppendInGroups(**store, writer, ledgers[writer]); });
    }
    threads.clear();
    Ledger ledger;
    for (const Ledger& one : ledgers) ledger.Merge(one);
    vfs.Materialize(after.path(), static_cast<uint64_t>(nth));
    store->reset();
    ExpectAllAsAnswered(ledger, before.File("log.db"));
    ExpectAllAsAnswered(ledger, after.File("log.db"));
  }
}

INSTANTIATE_TEST_SUITE_P(Fault, IoErrorTest,
                         testing::Values(Fault{IoCall::kWrite, EIO}, Fault{IoCall::kWrite, ENOSPC},
                                         Fault{IoCall::kSync, EIO}, Fault{IoCall::kSync, ENOSPC}),
                         [](const auto& info) {
                           return std::string(info.param.call == IoCall::kWrite ? "Write"
                                                                                : "Sync") +
                                  (info.param.error == EIO ? "Eio" : "Enospc");
                         });

TEST(DiskFullTest, AFullDiskRefusesAppendsWhileReadsGoOn) {
  // given
  TempDir dir;
  FaultVfs vfs;
  auto opened = SqliteEventStore::Open({.path = dir.File("log.db"), .vfs = vfs.name()});
  ASSERT_THAT(opened, IsOk());
  SqliteEventStore& store = **opened;
  const auto append = [&](int64_t version) {
    return store.Append("a-1", Version(version), {MakeEvent({})});
  };
  ASSERT_THAT(append(0), IsOk());
  // when
  vfs.set_disk_is_full(true);
  // then
  for (int i = 0; i < 3; ++i) EXPECT_THAT(append(1), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(store.Read(LogQuery{}), IsOk());
  EXPECT_THAT(store.Health().writable, IsOk());
  // and when there is room again
  vfs.set_disk_is_full(false);
  EXPECT_THAT(append(1), IsOk());
  EXPECT_THAT(store.Verify(), IsOk());
}

}  // namespace
}  // namespace daybook::fault
