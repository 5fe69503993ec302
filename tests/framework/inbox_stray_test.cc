#include "inbox_testing.h"

namespace daybook::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class InboxStrayTest : public InboxTesting {
 protected:
  static WireMessage NoCloudEvent() {
    return {.content_type = "text/plain",
            .headers = {{"x", std::string("\0\xff:,", 4)}, {"", ""}},
            .body = std::string("\xfe\0 hello", 8)};
  }
};

TEST_F(InboxStrayTest, WhatIsNoCloudEventIsParkedAsItCame) {
  auto inbox = Open(Writers());
  WireMessage other = NoCloudEvent();
  other.headers[0].second = "another";

  EXPECT_THAT(inbox->Receive(NoCloudEvent()), IsParked());
  EXPECT_THAT(inbox->Receive(NoCloudEvent()), IsParked());
  EXPECT_THAT(inbox->Receive(other), IsParked());

  const std::vector<ParkedMessage> parked = Parked(*inbox);
  ASSERT_THAT(parked, SizeIs(2)) << "the same bytes stand there once";
  EXPECT_THAT(parked[0].reason, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(parked[0].id + parked[0].source + parked[0].type, "");
  EXPECT_EQ(parked[0].attempts, 0);
  fault::RawDb db(Path());
  EXPECT_EQ(db.Int("SELECT count(*) FROM daybook_parked_message WHERE body = x'fe002068656c6c6f' "
                   "AND content_type = CAST('text/plain' AS BLOB)"),
            2);
  EXPECT_THAT(inbox->Replay(parked[0].lane), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(inbox->Discard(parked[0].number), IsOk());
}

TEST_F(InboxStrayTest, WhatIsNoCloudEventIsIgnoredIfSoAsked) {
  InboxOptions options = Options();
  options.malformed = Stray::kIgnore;
  auto inbox = Open(options, Writers());
  EXPECT_THAT(inbox->Receive(NoCloudEvent()), IsIgnored());
  EXPECT_THAT(inbox->Receive(WireMessage()), IsIgnored());
  EXPECT_THAT(Parked(*inbox), IsEmpty());
}

TEST_F(InboxStrayTest, AnUnknownTypeIsIgnored) {
  IntegrationEvent event = Credited("a", 1);
  event.type = "shop.v1.Unheard";
  auto inbox = Open(Writers());
  EXPECT_THAT(inbox->Receive(Wire(event)), IsIgnored());
  EXPECT_EQ(Marks(), 0);
}

TEST_F(InboxStrayTest, AnUnknownTypeIsParkedIfSoAskedUntilAProgramKnowsIt) {
  InboxOptions options = Options();
  options.unknown_type = Stray::kPark;
  {
    auto older = Open(options, InboxHandlers());
    EXPECT_THAT(older->Receive(Credited("a", 1)), IsParked());
    EXPECT_THAT(Parked(*older).at(0).reason, Fails(absl::StatusCode::kDataLoss, "no handler"));
    EXPECT_THAT(older->ReplayAll(), Fails(absl::StatusCode::kDataLoss, "no handler"));
  }
  auto newer = Open(options, Writers());
  EXPECT_THAT(newer->ReplayAll(), IsOk());
  EXPECT_THAT(Written(), ElementsAre(1));
}

TEST_F(InboxStrayTest, DataThatCannotBeDecodedIsParkedAtOnce) {
  auto inbox = Open(Writers());
  IntegrationEvent bytes = Credited("a", 1, "1"), json = Credited("b", 1, "2"),
                   text = Credited("c", 1, "3");
  bytes.data = "\xff\xff\xff";
  json.data_content_type = kJsonContent;
  json.data = "{\"amount\": [";
  text.data_content_type = "text/csv";
  for (const IntegrationEvent& event : {bytes, json, text}) {
    EXPECT_THAT(inbox->Receive(event), IsParked());
  }
  const std::vector<ParkedMessage> parked = Parked(*inbox);
  ASSERT_THAT(parked, SizeIs(3));
  EXPECT_THAT(parked[0].reason, HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(parked[1].reason, HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(parked[2].reason, Fails(absl::StatusCode::kInvalidArgument, "text/csv"));
  EXPECT_EQ(parked[0].attempts, 1);
}

TEST_F(InboxStrayTest, AnEventThatIsNoneIsTheCallersMistake) {
  IntegrationEvent event = Credited("a", 1);
  event.source = "";
  auto inbox = Open(Writers());
  EXPECT_THAT(inbox->Receive(event), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Parked(*inbox), IsEmpty());
}

}  // namespace
}  // namespace daybook::test
