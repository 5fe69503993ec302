#ifndef DAYBOOK_TESTS_FRAMEWORK_INBOX_TESTING_H_
#define DAYBOOK_TESTS_FRAMEWORK_INBOX_TESTING_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "account_contracts.pb.h"
#include "daybook/inbox.h"
#include "fault/support.h"
#include "status_testing.h"
#include "support/temp_dir.h"

namespace daybook::test {

using contracts::v1::AccountCredited;
using contracts::v1::BalanceMoved;

MATCHER_P(Received_, receipt, "is received as " + std::string(Name(receipt))) {
  *result_listener << (arg.ok() ? std::string(Name(*arg)) : arg.status().ToString());
  return arg.ok() && *arg == receipt;
}
inline auto IsHandled() { return Received_(Receipt::kHandled); }
inline auto IsDuplicate() { return Received_(Receipt::kDuplicate); }
inline auto IsIgnored() { return Received_(Receipt::kIgnored); }
inline auto IsParked() { return Received_(Receipt::kParked); }

MATCHER_P(IsOutage, code, "is an outage of that code") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code && StatusOf(arg).GetPayload("daybook/outage").has_value();
}

inline IntegrationEvent Credited(const std::string& id, int64_t amount,
                                 const std::string& account = "1") {
  AccountCredited credited;
  credited.set_account_id(account);
  credited.set_amount(amount);
  return {.id = id,
          .source = "/bank",
          .type = "daybook.test.contracts.v1.AccountCredited",
          .data_content_type = std::string(kProtobufContent),
          .partition_key = account,
          .data = credited.SerializeAsString()};
}

inline WireMessage Wire(const IntegrationEvent& event) {
  absl::StatusOr<WireMessage> wire = ToWire(event, ContentMode::kBinary, Binding::kAmqp);
  EXPECT_THAT(wire, IsOk());
  return wire.ok() ? *wire : WireMessage();
}

// An inbox in a folder of its own, whose handlers write to its file, or do what the test says.
class InboxTesting : public ::testing::Test {
 protected:
  using Answer = std::function<absl::Status(const AccountCredited&, const Received&)>;

  std::string Path() const { return folder_.File("bank.inbox.db"); }

  InboxOptions Options() const {
    InboxOptions options;
    options.path = Path();
    options.schema = "CREATE TABLE credit (account TEXT, amount INTEGER) STRICT";
    options.consumer = "reports";
    options.retry.max_attempts = 3;
    options.retry.backoff = {.first = std::chrono::milliseconds(1),
                             .longest = std::chrono::milliseconds(2)};
    return options;
  }

  // Writes the row first, and then answers as `answer_` says.
  InboxHandlers Writers() {
    InboxHandlers handlers;
    handlers.On([this](ReadModel& db, const AccountCredited& event, const Received& at) {
      absl::Status written =
          db.Execute("INSERT INTO credit VALUES (?1, ?2)", event.account_id(), event.amount());
      written.Update(answer_(event, at));
      return written;
    });
    return handlers;
  }

  // Its effects are told to `effects_`, unless they fail.
  InboxHandlers Callers() {
    InboxHandlers handlers;
    handlers.On([this](const AccountCredited& event, const Received& at) {
      absl::Status answer = answer_(event, at);
      if (answer.ok()) effects_.push_back(event.amount());
      return answer;
    });
    return handlers;
  }

  std::unique_ptr<Inbox> Open(InboxHandlers handlers) {
    return Open(Options(), std::move(handlers));
  }
  std::unique_ptr<Inbox> Open(InboxOptions options, InboxHandlers handlers) {
    absl::StatusOr<std::unique_ptr<Inbox>> inbox =
        Inbox::Open(std::move(options), std::move(handlers));
    EXPECT_THAT(inbox, IsOk());
    return inbox.ok() ? *std::move(inbox) : nullptr;
  }

  // The amounts in the file, in the order they were written.
  std::vector<int64_t> Written() const {
    std::vector<int64_t> amounts;
    fault::RawDb db(Path());
    const int64_t count = db.Int("SELECT count(*) FROM credit");
    for (int64_t i = 0; i < count; ++i) {
      amounts.push_back(
          db.Int("SELECT amount FROM credit ORDER BY rowid LIMIT 1 OFFSET " + std::to_string(i)));
    }
    return amounts;
  }
  int64_t Marks() const { return fault::RawDb(Path()).Int("SELECT count(*) FROM daybook_inbox"); }

  static std::vector<ParkedMessage> Parked(Inbox& inbox) {
    absl::StatusOr<std::vector<ParkedMessage>> parked = inbox.Parked();
    EXPECT_THAT(parked, IsOk());
    return parked.ok() ? *parked : std::vector<ParkedMessage>();
  }
  static std::vector<std::string> ParkedIds(Inbox& inbox) {
    std::vector<std::string> ids;
    for (const ParkedMessage& message : Parked(inbox)) ids.push_back(message.id);
    return ids;
  }

  TempDir folder_;
  Answer answer_ = [](const AccountCredited&, const Received&) { return absl::OkStatus(); };
  std::vector<int64_t> effects_;
};

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_FRAMEWORK_INBOX_TESTING_H_
