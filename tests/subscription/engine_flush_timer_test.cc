#include <functional>

#include "subscription/engine_driver.h"

namespace daybook::internal {
namespace {

using std::chrono::seconds;
using ::testing::IsEmpty;

// Elsewhere a timer that fired while a subscription caught up wrote a checkpoint beyond what it had
// handled, and it skipped 40 million events.
class FlushTimerTest : public EngineTest {
 protected:
  void Fire() {
    now_ += seconds(5);
    NextWrite();
    now_ += seconds(5);
    if (NextWrite().has_value()) Written();
    for (const auto& [position, lane] : kLog) {
      ASSERT_TRUE(position > file_.checkpoint || file_.parked.contains(position) ||
                  done_.contains(position))
          << position << " is lost at checkpoint " << file_.checkpoint;
    }
  }

  void HandleTheRest() {
    Begin(Options());
    Records rest = kLog;
    std::erase_if(rest, [&](const auto& one) { return one.first <= file_.checkpoint; });
    Page(rest, 16);
    Ask({.kind = Control::kReplayAll});
    for (std::vector<int64_t> next = HandOut(); !next.empty(); next = HandOut()) {
      for (const int64_t position : next) Done(position);
    }
    Flush();
  }

  const Records kLog = {{1, "a"}, {2, "b"},  {4, "a"},  {5, "c"},  {6, "b"},
                        {9, "c"}, {10, "a"}, {11, "b"}, {14, "a"}, {15, "a"}};
  const std::vector<std::function<void()>> kHistory = {
      [&] {
        Page({{1, "a"}, {2, "b"}, {4, "a"}, {5, "c"}, {6, "b"}}, 8);
      },
      [&] { Done(2); },
      [&] { Failed(1); },
      [&] { Done(5); },
      [&] {
        Page({{9, "c"}, {10, "a"}}, 10);
      },
      [&] { Done(6); },
      [&] { Never(1); },
      [&] { Done(9); },
      [&] {
        Page({{11, "b"}}, 13);
      },
      [&] { engine_->OnControl({.kind = Control::kReplayLane, .lane = "a", .id = "replay"}); },
      [&] {
        Page({{14, "a"}}, 14);
      },
      [&] { Done(1); },
      [&] { Done(11); },
      [&] { Done(4); },
      [&] { Done(10); },
      [&] {
        Page({{15, "a"}}, 16);
      },
      [&] { Done(14); },
      [&] { Done(15); },
  };
};

TEST_F(FlushTimerTest, MayFireBeforeAndAfterEveryInput) {
  for (size_t length = 0; length <= kHistory.size(); ++length) {
    SCOPED_TRACE(length);
    // given
    file_ = {};
    done_.clear();
    Begin(Options());
    // when
    for (size_t i = 0; i < length; ++i) {
      Fire();
      kHistory[i]();
      Fire();
      HandOut();
      Fire();
    }
    // then
    HandleTheRest();
    EXPECT_EQ(done_.size(), kLog.size());
    EXPECT_EQ(file_.checkpoint, 16);
    EXPECT_THAT(Parked(), IsEmpty());
  }
}

}  // namespace
}  // namespace daybook::internal
