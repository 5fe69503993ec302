#ifndef DAYBOOK_TESTS_FRAMEWORK_PROJECTION_TESTING_H_
#define DAYBOOK_TESTS_FRAMEWORK_PROJECTION_TESTING_H_

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "account.h"
#include "daybook/projection.h"
#include "daybook/sqlite_event_store.h"
#include "fault/support.h"
#include "ledger_model.h"
#include "status_testing.h"
#include "store_file.h"
#include "support/patience.h"

namespace daybook::test {

// A log, and a folder for the files of a projection of it.
class ProjectionTesting : public ::testing::Test {
 protected:
  std::string Log() const { return folder_.File("log.db"); }
  std::string Model(int64_t version) const {
    return folder_.File("ledger.v" + std::to_string(version) + ".db");
  }
  ProjectionOptions Options() const { return LedgerOptions(folder_.path()); }

  std::unique_ptr<SqliteEventStore> Open() {
    auto store = SqliteEventStore::Open({.path = Log()});
    EXPECT_THAT(store, IsOk());
    return store.ok() ? *std::move(store) : nullptr;
  }

  Position Append(const std::string& stream, const google::protobuf::Message& event) {
    const auto appended = store_->Append(stream, ExpectedVersion::Any(), {Stored(event)});
    EXPECT_THAT(appended, IsOk());
    return appended.ok() ? appended->position : Position();
  }

  int64_t ModelInt(const std::string& sql, int64_t version = 1) {
    return fault::RawDb(Model(version)).Int(sql);
  }

  template <typename Condition>
  static void Await(Condition condition) {
    const auto deadline = Soon();
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::yield();
    }
  }
  static void AwaitState(const SqliteProjection& projection, SubscriptionState state) {
    Await([&] { return projection.Health().live.state == state; });
  }

  TempDir folder_;
  std::unique_ptr<SqliteEventStore> store_ = Open();
};

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_FRAMEWORK_PROJECTION_TESTING_H_
