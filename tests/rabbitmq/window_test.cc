#include "transport/rabbitmq/window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace daybook::internal::rabbitmq {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WindowTest : public ::testing::Test {
 protected:
  void Add(const std::string& id) {
    IntegrationEvent event;
    event.id = id;
    window_.Add({.message = {.event = std::make_shared<IntegrationEvent>(event)},
                 .at = now_ += std::chrono::seconds(1)});
  }
  static std::vector<std::string> Ids(const std::vector<Sent>& sent) {
    std::vector<std::string> ids;
    for (const Sent& s : sent) ids.push_back(s.message.event->id + s.returned);
    return ids;
  }

  std::chrono::steady_clock::time_point now_ = {};
  Window window_;
};

TEST_F(WindowTest, TagsCountFromOne) {
  Add("a");
  Add("b");

  EXPECT_THAT(Ids(window_.Take(1, false)), ElementsAre("a"));
  EXPECT_THAT(Ids(window_.Take(2, false)), ElementsAre("b"));
  EXPECT_EQ(window_.size(), 0u);
}

TEST_F(WindowTest, ConfirmsInAnyOrderAnswerTheirOwnMessages) {
  for (const char* id : {"a", "b", "c", "d", "e"}) Add(id);

  EXPECT_THAT(Ids(window_.Take(4, false)), ElementsAre("d"));
  EXPECT_THAT(Ids(window_.Take(2, false)), ElementsAre("b"));
  EXPECT_THAT(Ids(window_.Take(2, false)), IsEmpty());
  EXPECT_EQ(window_.size(), 3u);
  EXPECT_THAT(Ids(window_.Take(5, true)), ElementsAre("a", "c", "e"));
  Add("f");
  EXPECT_THAT(Ids(window_.Take(6, false)), ElementsAre("f"));
}

TEST_F(WindowTest, TagsThatAreNotThereAnswerNothing) {
  Add("a");

  EXPECT_THAT(Ids(window_.Take(2, false)), IsEmpty());
  EXPECT_THAT(Ids(window_.Take(0, false)), IsEmpty());
  EXPECT_THAT(Ids(window_.Take(UINT64_MAX, false)), IsEmpty());
  EXPECT_EQ(window_.size(), 1u);
  EXPECT_THAT(Ids(window_.Take(UINT64_MAX, true)), ElementsAre("a"));
}

TEST_F(WindowTest, ZeroWithMultipleAnswersAll) {
  Add("a");
  Add("b");

  EXPECT_THAT(Ids(window_.Take(0, true)), ElementsAre("a", "b"));
}

TEST_F(WindowTest, TheSameMessageTwiceComesBackTwice) {
  Add("a");
  Add("b");
  Add("a");
  Add("a");

  window_.MarkReturned("a", "!");
  window_.MarkReturned("a", "?");
  window_.MarkReturned("x", "?");

  EXPECT_THAT(Ids(window_.Take(4, true)), ElementsAre("a!", "b", "a?", "a"));
}

TEST_F(WindowTest, TheOldestIsTheFirstThatIsNotConfirmed) {
  EXPECT_FALSE(window_.Oldest());
  Add("a");
  const auto first = now_;
  Add("b");
  Add("c");

  (void)window_.Take(2, false);
  EXPECT_EQ(window_.Oldest(), first);
  (void)window_.Take(1, false);
  EXPECT_EQ(window_.Oldest(), now_);
}

TEST_F(WindowTest, AfterAResetTagsCountFromOneAgain) {
  Add("a");
  Add("b");
  Add("c");
  (void)window_.Take(2, false);

  EXPECT_THAT(Ids(window_.Reset()), ElementsAre("a", "c"));
  EXPECT_EQ(window_.size(), 0u);
  Add("d");
  EXPECT_THAT(Ids(window_.Take(1, false)), ElementsAre("d"));
}

}  // namespace
}  // namespace daybook::internal::rabbitmq
