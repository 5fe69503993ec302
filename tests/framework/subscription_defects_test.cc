// What a stranger found in subscriptions, and must not find again.

#include <chrono>
#include <string>
#include <vector>

#include "account.h"
#include "daybook/subscription.h"
#include "daybook/subscriptions.h"
#include "heard.h"
#include "status_testing.h"
#include "store_file.h"
#include "support/patience.h"

namespace daybook::test {
namespace {

using std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SubscriptionDefectsTest : public ::testing::Test {
 protected:
  void Append(const std::string& stream) {
    EXPECT_THAT(store_->Append(stream, ExpectedVersion::Any(), {Stored(Deposit(1))}), IsOk());
  }

  Handler Note() {
    return [this](const RecordedEvent& event) {
      heard_.Add(std::string(event.stream()));
      return absl::OkStatus();
    };
  }

  std::vector<std::string> CatchUp(SubscriptionOptions options) {
    const size_t before = heard_.Await(0).size();
    EXPECT_THAT(Subscription(*store_, std::move(options), Note()).CatchUp(), IsOk());
    std::vector<std::string> heard = heard_.Await(0);
    heard.erase(heard.begin(), heard.begin() + static_cast<int64_t>(before));
    return heard;
  }

  StoreFile file_;
  std::unique_ptr<SqliteEventStore> store_ = file_.Open();
  Heard<std::string> heard_;
};

// ---- Bytes that are not UTF-8 -------------------------------------------------------------------

class OddMessageTest : public SubscriptionDefectsTest,
                       public ::testing::WithParamInterface<std::string> {};

TEST_P(OddMessageTest, AnErrorWhateverItSaysIsReadBack) {
  Append("account-1");
  const auto fail = [](const RecordedEvent&) { return Permanent(absl::InternalError(GetParam())); };
  EXPECT_THAT(Subscription(*store_, {.name = "all"}, fail).CatchUp(), IsOk());
  const auto parked = Subscriptions(*store_).Parked("all");
  ASSERT_THAT(parked, IsOk());
  ASSERT_THAT(*parked, SizeIs(1));
  const std::string read(parked->front().reason.message());
  EXPECT_EQ(read, GetParam().substr(0, read.size()));
  EXPECT_GE(read.size(), std::min<size_t>(4093, GetParam().size()));
  EXPECT_THAT(CatchUp({.name = "all"}), IsEmpty());
}

TEST_P(OddMessageTest, ASubscriptionThatStoppedForItIsListedAndGoesOn) {
  Append("account-1");
  const auto fail = [](const RecordedEvent&) { return Permanent(absl::InternalError(GetParam())); };
  const SubscriptionOptions options = {.name = "all",
                                       .after_last_attempt = AfterLastAttempt::kStop};
  EXPECT_THAT(Subscription(*store_, options, fail).CatchUp(), HasCode(absl::StatusCode::kInternal));
  EXPECT_THAT(Subscriptions(*store_).List(), IsOk());
  EXPECT_THAT(CatchUp(options), SizeIs(1));
}

std::string Repeated(const std::string& text, int count) {
  std::string repeated;
  for (int i = 0; i < count; ++i) repeated += text;
  return repeated;
}

INSTANTIATE_TEST_SUITE_P(Messages, OddMessageTest,
                         ::testing::Values("x\xff", "caf\xe9 is down", Repeated("\u20ac", 60'000),
                                           "a" + Repeated("\u20ac", 60'000),
                                           "ab" + Repeated("\u20ac", 60'000)),
                         [](const auto& info) { return "M" + std::to_string(info.index); });

TEST_F(SubscriptionDefectsTest, ALaneWhoseNameIsNotUtf8IsParkedAndDiscarded) {
  Append("account-\xff\xfe");
  EXPECT_THAT(
      Subscription(*store_, {.name = "all"},
                   [](const RecordedEvent&) { return Permanent(absl::InternalError("no")); })
          .CatchUp(),
      IsOk());
  Subscriptions subscriptions(*store_);
  EXPECT_THAT(subscriptions.Replay("all", std::string("a\0\xff/'", 5)), IsOk());
  EXPECT_THAT(subscriptions.Replay("all", "account-\xff\xfe"), IsOk());
  EXPECT_THAT(CatchUp({.name = "all"}), ElementsAre("account-\xff\xfe"));
  EXPECT_THAT(*subscriptions.Parked("all"), IsEmpty());
}

// ---- Deleted events
// ------------------------------------------------------------------------------

TEST_F(SubscriptionDefectsTest, DeletedEventsAreNotHandedOutFromMemory) {
  // given: what has been read stands in memory as long as one subscription lives
  for (int i = 0; i < 3; ++i) {
    Append("account-0");
    Append("account-1");
  }
  Subscription first(*store_, {.name = "first"}, Note());
  ASSERT_THAT(first.Start(), IsOk());
  ASSERT_THAT(first.WaitUntil(Position(6), Soon()), IsOk());
  // when
  ASSERT_THAT(store_->Tombstone("account-0", ExpectedVersion::Any()), IsOk());
  // then
  const std::vector<std::string> rest(3, "account-1");
  EXPECT_EQ(CatchUp({.name = "second"}), rest);
  Append("account-1");
  ASSERT_THAT(first.WaitUntil(Position(7), Soon()), IsOk());
  EXPECT_THAT(CatchUp({.name = "third"}), SizeIs(4));
  // and when another store deletes
  ASSERT_THAT(file_.Open()->Delete("account-1", ExpectedVersion::Any()), IsOk());
  EXPECT_THAT(CatchUp({.name = "fourth"}), IsEmpty());
}

// ---- Options that skipped everything ------------------------------------------------------------

TEST_F(SubscriptionDefectsTest, AFilterThatNoEventCanPassIsRefused) {
  Append("account-1");
  const auto refused = [&](SubscriptionOptions options) {
    options.name = "all";
    return Subscription(*store_, std::move(options), Note()).CatchUp();
  };
  const auto invalid = HasCode(absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(refused({.category = "account-1"}), invalid);
  EXPECT_THAT(refused({.category = "a\nb"}), invalid);
  EXPECT_THAT(refused({.category = std::string(600, 'a')}), invalid);
  EXPECT_THAT(refused({.types = {""}}), invalid);
  EXPECT_THAT(refused({.types = {std::string(300, 't')}}), invalid);
  EXPECT_THAT(refused({.stream_prefix = std::string(600, 'a')}), invalid);
  EXPECT_THAT(CatchUp({.name = "all"}), SizeIs(1)) << "nothing has been skipped";
}

TEST_F(SubscriptionDefectsTest, AStartBeyondTheHeadIsRefused) {
  Append("account-1");
  const auto start_after = [&](int64_t position) {
    return Subscription(*store_, {.name = "all", .start = StartAt::After(Position(position))},
                        Note())
        .CatchUp();
  };
  EXPECT_THAT(start_after(1000), Fails(absl::StatusCode::kInvalidArgument, "the log's head is 1"));
  EXPECT_THAT(start_after(-5), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Subscriptions(*store_).Get("all"), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(start_after(1), IsOk());
}

// ---- One that ends beside others (under TSan) ---------------------------------------------------

TEST_F(SubscriptionDefectsTest, OneEndsWhileTheHubServesOthers) {
  Subscription other(*store_, {.name = "other"}, Note());
  ASSERT_THAT(other.Start(), IsOk());
  for (int i = 0; i < 20; ++i) {
    Subscription one(*store_, {.name = "one"}, Note());
    ASSERT_THAT(one.Start(), IsOk());
    Append("account-1");
    ASSERT_THAT(one.WaitUntil(Position(i + 1), Soon()), IsOk());
  }
}

}  // namespace
}  // namespace daybook::test
