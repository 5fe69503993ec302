#include <stdexcept>

#include "contract/contract.h"

namespace daybook::testing::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<int64_t> ReadVersions(EventStore& store, const StreamQuery& query) {
  const absl::StatusOr<StreamPage> page = store.Read(query);
  EXPECT_TRUE(page.ok()) << page.status();
  return page.ok() ? Versions(*page) : std::vector<int64_t>();
}

void NothingToSeeIsNoError(EventStore& store) {
  ASSERT_OK_AND_ASSIGN(const StreamPage page, store.Read(StreamQuery{.stream = "order-1"}));
  EXPECT_THAT(page.events, IsEmpty());
  EXPECT_EQ(page.state.version, Version(0));
}

void AStreamIsReadInRangesAndLimits(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  ASSERT_OK(Append(store, "order-2", 3));
  ASSERT_OK(Append(store, "order-1", 3));
  const auto read = [&store](const StreamQuery& query) { return ReadVersions(store, query); };
  EXPECT_THAT(read({.stream = "order-1"}), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(read({.stream = "order-1", .after = Version(4)}), ElementsAre(5, 6));
  EXPECT_THAT(read({.stream = "order-1", .before = Version(3)}), ElementsAre(1, 2));
  EXPECT_THAT(read({.stream = "order-1", .after = Version(2), .before = Version(5)}),
              ElementsAre(3, 4));
  EXPECT_THAT(read({.stream = "order-1", .after = Version(1), .limit = 2}), ElementsAre(2, 3));
  EXPECT_THAT(read({.stream = "order-1", .limit = 0}), IsEmpty());
  EXPECT_THAT(store.Read(StreamQuery{.stream = "order-1", .limit = -1}), IsRefusedAsInvalid());
  EXPECT_THAT(read({.stream = "order-1", .after = Version(6)}), IsEmpty());
  EXPECT_THAT(read({.stream = "order-1", .before = Version(1)}), IsEmpty());
  EXPECT_THAT(read({.stream = "order-1", .after = Version(3), .before = Version(4)}), IsEmpty());
}

void AStreamIsReadBackwards(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 6));
  const auto read = [&store](StreamQuery query) {
    query.stream = "order-1";
    query.direction = Direction::kBackwards;
    return ReadVersions(store, query);
  };
  EXPECT_THAT(read({}), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_THAT(read({.limit = 2}), ElementsAre(6, 5));
  EXPECT_THAT(read({.before = Version(4), .limit = 2}), ElementsAre(3, 2));
  EXPECT_THAT(read({.after = Version(4)}), ElementsAre(6, 5));
  EXPECT_THAT(read({.after = Version(1), .before = Version(4)}), ElementsAre(3, 2));
}

void TheStateIsTheWholeStreamsWhateverTheRange(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 6));
  ASSERT_OK_AND_ASSIGN(
      const StreamPage page,
      store.Read(StreamQuery{.stream = "order-1", .before = Version(3), .limit = 1}));
  EXPECT_THAT(Versions(page), ElementsAre(1));
  EXPECT_EQ(page.state.version, Version(6));
}

void AVisitSeesWhatAReadCopies(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  ASSERT_OK_AND_ASSIGN(const StreamPage page, store.Read(StreamQuery{.stream = "order-1"}));
  size_t i = 0;
  ASSERT_OK(store.Visit(StreamQuery{.stream = "order-1"}, [&](const RecordedEvent& event) {
    const StoredEvent& copy = page.events.at(i++);
    EXPECT_EQ(event.id(), copy.id);
    EXPECT_EQ(event.position(), copy.position);
    EXPECT_EQ(event.version(), copy.version);
    EXPECT_EQ(event.time(), copy.time);
    EXPECT_EQ(event.type(), copy.type);
    EXPECT_EQ(event.type_key(), copy.type_key);
    EXPECT_EQ(event.payload(), copy.payload);
    EXPECT_EQ(event.stream(), "order-1");
    return absl::OkStatus();
  }));
  EXPECT_EQ(i, 3u);
}

void EqualTypesHaveEqualKeys(EventStore& store) {
  ASSERT_OK(store.Append("order-1", ExpectedVersion::Any(),
                         {Event("test.A"), Event("test.B"), Event("test.A")}));
  ASSERT_OK(store.Append("order-2", ExpectedVersion::Any(), {Event("test.B")}));
  ASSERT_OK_AND_ASSIGN(const LogPage page, store.Read(LogQuery{}));
  ASSERT_EQ(page.events.size(), 4u);
  EXPECT_GT(page.events[0].type_key, 0);
  EXPECT_EQ(page.events[0].type_key, page.events[2].type_key);
  EXPECT_EQ(page.events[1].type_key, page.events[3].type_key);
  EXPECT_NE(page.events[0].type_key, page.events[1].type_key);
}

void AVisitorsStatusEndsTheVisit(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  int seen = 0;
  const Visitor refuse_second = [&seen](const RecordedEvent&) {
    return ++seen == 2 ? absl::OutOfRangeError("enough") : absl::OkStatus();
  };
  const auto stream = store.Visit(StreamQuery{.stream = "order-1"}, refuse_second);
  EXPECT_EQ(stream.status(), absl::OutOfRangeError("enough"));
  EXPECT_EQ(seen, 2);
  seen = 0;
  EXPECT_EQ(store.Visit(LogQuery{}, refuse_second).status(), absl::OutOfRangeError("enough"));
  EXPECT_EQ(seen, 2);
}

void AVisitorThatThrowsEndsTheVisit(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  const Visitor throws = [](const RecordedEvent&) -> absl::Status {
    throw std::runtime_error("no such luck");
  };
  const auto stream = store.Visit(StreamQuery{.stream = "order-1"}, throws);
  EXPECT_THAT(stream, HasCode(absl::StatusCode::kInternal));
  EXPECT_THAT(std::string(stream.status().message()), HasSubstr("no such luck"));
  EXPECT_THAT(store.Visit(LogQuery{}, throws), HasCode(absl::StatusCode::kInternal));
  ASSERT_OK(Append(store, "order-1", 1));
  EXPECT_THAT(ReadVersions(store, {.stream = "order-1"}), ElementsAre(1, 2, 3, 4));
}

void AVisitorMayAppendAndReadAndDoesNotSeeItsOwn(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  int seen = 0;
  ASSERT_OK_AND_ASSIGN(
      const StreamState state,
      store.Visit(StreamQuery{.stream = "order-1"}, [&](const RecordedEvent& event) {
        ++seen;
        EXPECT_TRUE(Append(store, "order-1", 1).ok());
        EXPECT_EQ(ReadVersions(store, {.stream = "order-1"}).size(), static_cast<size_t>(3 + seen));
        EXPECT_EQ(event.version(), Version(seen));
        return absl::OkStatus();
      }));
  EXPECT_EQ(seen, 3);
  EXPECT_EQ(state.version, Version(3));
  ASSERT_OK_AND_ASSIGN(const StreamState now, store.State("order-1"));
  EXPECT_EQ(now.version, Version(6));
}

void ALongStreamIsReadWhole(EventStore& store) {
  constexpr int kEvents = 5'000;
  ASSERT_OK(Append(store, "order-1", kEvents));
  int64_t last = 0;
  ASSERT_OK(store.Visit(StreamQuery{.stream = "order-1"}, [&last](const RecordedEvent& event) {
    EXPECT_EQ(event.version(), Version(last + 1));
    last = event.version().value();
    return absl::OkStatus();
  }));
  EXPECT_EQ(last, kEvents);
  EXPECT_EQ(ReadVersions(store, {.stream = "order-1"}).size(), static_cast<size_t>(kEvents));
}

void StreamsWithALikeNameAreNotMixedUp(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 1));
  ASSERT_OK(Append(store, "order-10", 2));
  ASSERT_OK(Append(store, "ORDER-1", 3));
  EXPECT_THAT(ReadVersions(store, {.stream = "order-1"}), ElementsAre(1));
  EXPECT_THAT(ReadVersions(store, {.stream = "ORDER-1"}), ElementsAre(1, 2, 3));
}

constexpr Case kReadStreamCases[] = {
    CONTRACT_CASE(NothingToSeeIsNoError),
    CONTRACT_CASE(AStreamIsReadInRangesAndLimits),
    CONTRACT_CASE(AStreamIsReadBackwards),
    CONTRACT_CASE(TheStateIsTheWholeStreamsWhateverTheRange),
    CONTRACT_CASE(AVisitSeesWhatAReadCopies),
    CONTRACT_CASE(EqualTypesHaveEqualKeys),
    CONTRACT_CASE(AVisitorsStatusEndsTheVisit),
    CONTRACT_CASE(AVisitorThatThrowsEndsTheVisit),
    CONTRACT_CASE(AVisitorMayAppendAndReadAndDoesNotSeeItsOwn),
    CONTRACT_CASE(ALongStreamIsReadWhole),
    CONTRACT_CASE(StreamsWithALikeNameAreNotMixedUp),
};

}  // namespace

std::span<const Case> ReadStreamCases() { return kReadStreamCases; }

}  // namespace daybook::testing::contract
