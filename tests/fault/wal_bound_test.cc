// The write-ahead log stays below 32 MiB under constant writing, whoever reads meanwhile.
//
// Long proof: 1 GB each at DAYBOOK_TEST_SCALE=100.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <iostream>
#include <thread>
#include <tuple>

#include "fault/support.h"

namespace daybook::fault {
namespace {

constexpr int64_t kBound = 32 << 20;
constexpr size_t kPayloadBytes = 10'000;

// By stat(2) alone: to open the file and close it would drop the process's locks on it.
int64_t SizeOf(const std::string& path) {
  struct stat entry {};
  return stat(path.c_str(), &entry) == 0 ? entry.st_size : 0;
}

void ReadPagesUntil(const std::atomic<bool>& done, SqliteEventStore& store) {
  LogQuery query{.limit = 200};
  while (!done) {
    absl::StatusOr<LogPage> page = store.Read(query);
    ASSERT_THAT(page, IsOk());
    query.after = page->end ? Position() : page->looked;
  }
}

void VisitUntil(const std::atomic<bool>& done, SqliteEventStore& store) {
  size_t bytes = 0;
  while (!done) {
    absl::StatusOr<LogScan> scan =
        store.Visit(LogQuery{.direction = Direction::kBackwards, .limit = 100},
                    [&](const RecordedEvent& event) {
                      bytes += event.payload().size();
                      return absl::OkStatus();
                    });
    ASSERT_THAT(scan, IsOk());
  }
}

// Appends `bytes` on two threads; returns the largest size the write-ahead log had after a commit.
int64_t LargestWal(const std::string& path, SqliteEventStore& store, int64_t bytes) {
  std::atomic<int64_t> left = bytes;
  std::atomic<int64_t> largest = 0;
  const auto write = [&](int thread) {
    const std::string stream = "written-" + std::to_string(thread);
    std::vector<NewEvent> events;
    for (int i = 0; i < 10; ++i) events.push_back(MakeEvent({}, std::string(kPayloadBytes, 'x')));
    while ((left -= static_cast<int64_t>(events.size() * kPayloadBytes)) > 0) {
      ASSERT_THAT(store.Append(stream, ExpectedVersion::Any(), events), IsOk());
      largest = std::max<int64_t>(largest, SizeOf(path + "-wal"));
    }
  };
  std::jthread other(write, 1);
  write(0);
  other.join();
  return largest;
}

class WalBoundTest : public testing::TestWithParam<std::tuple<Durability, bool>> {};

TEST_P(WalBoundTest, TheWriteAheadLogStaysSmallUnderConstantWriting) {
  const auto [durability, with_readers] = GetParam();
  TempDir dir;
  const std::string path = dir.File("log.db");
  auto store = SqliteEventStore::Open({.path = path, .durability = durability});
  ASSERT_THAT(store, IsOk());
  std::atomic<bool> done = false;
  std::vector<std::jthread> readers;
  if (with_readers) {
    for (auto* read : {ReadPagesUntil, VisitUntil, VisitUntil}) {
      readers.emplace_back([&, read] { read(done, **store); });
    }
  }
  const int64_t largest = LargestWal(path, **store, Scaled(1'000'000'000, 100'000'000));
  done = true;
  readers.clear();
  std::cout << "[ largest  ] " << largest / 1024 << " KiB" << std::endl;
  EXPECT_GT(largest, 0);
  EXPECT_LT(largest, kBound);
}

INSTANTIATE_TEST_SUITE_P(Store, WalBoundTest,
                         testing::Combine(testing::Values(Durability::kPowerLoss,
                                                          Durability::kProcess),
                                          testing::Bool()),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param) == Durability::kPowerLoss
                                                  ? "PowerLoss"
                                                  : "Process") +
                                  (std::get<1>(info.param) ? "WithReaders" : "Alone");
                         });

}  // namespace
}  // namespace daybook::fault
