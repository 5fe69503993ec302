#include "contract/contract.h"

namespace daybook::testing::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

void AStreamNeverWrittenIsAtVersionZero(EventStore& store) {
  ASSERT_OK_AND_ASSIGN(const StreamState state, store.State("order-1"));
  EXPECT_EQ(state.version, Version(0));
  EXPECT_EQ(state.first, Version(1));
  EXPECT_FALSE(state.tombstoned);
  EXPECT_FALSE(state.exists());
}

void AWrittenStreamExists(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  ASSERT_OK_AND_ASSIGN(const StreamState state, store.State("order-1"));
  EXPECT_EQ(state.version, Version(3));
  EXPECT_EQ(state.first, Version(1));
  EXPECT_TRUE(state.exists());
}

void ADeletedStreamKeepsItsVersion(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  ASSERT_OK_AND_ASSIGN(const StreamState deleted, store.Delete("order-1", Version(3)));
  EXPECT_EQ(deleted.version, Version(3));
  EXPECT_EQ(deleted.first, Version(4));
  EXPECT_FALSE(deleted.exists());
  EXPECT_FALSE(deleted.tombstoned);
  ASSERT_OK_AND_ASSIGN(const StreamState state, store.State("order-1"));
  EXPECT_EQ(state.version, Version(3));
  EXPECT_EQ(state.first, Version(4));
  ASSERT_OK_AND_ASSIGN(const StreamPage page, store.Read(StreamQuery{.stream = "order-1"}));
  EXPECT_THAT(page.events, IsEmpty());
  EXPECT_EQ(page.state.first, Version(4));
}

void ADeletedStreamGoesOnBehindItsLastVersion(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  ASSERT_OK(store.Delete("order-1", ExpectedVersion::Any()));
  EXPECT_THAT(store.Append("order-1", ExpectedVersion::Exists(), Events(1)), IsConflictAt(3));
  EXPECT_THAT(store.Append("order-1", Version(0), Events(1)), IsConflictAt(3));
  ASSERT_OK_AND_ASSIGN(const Appended next,
                       store.Append("order-1", ExpectedVersion::NoStream(), Events(2)));
  EXPECT_EQ(next, (Appended{Version(5), Position(5)}));
  ASSERT_OK_AND_ASSIGN(const StreamPage page, store.Read(StreamQuery{.stream = "order-1"}));
  EXPECT_THAT(Versions(page), ElementsAre(4, 5));
  EXPECT_EQ(page.state.first, Version(4));
  EXPECT_TRUE(page.state.exists());
}

void DeletionsAreTold(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  const uint32_t before = store.Deletions();
  ASSERT_OK(Append(store, "order-2", 1));
  EXPECT_EQ(store.Deletions(), before);
  ASSERT_OK(store.Delete("order-1", ExpectedVersion::Any()));
  const uint32_t between = store.Deletions();
  EXPECT_NE(between, before);
  ASSERT_OK(store.Tombstone("order-2", ExpectedVersion::Any()));
  EXPECT_NE(store.Deletions(), between);
}

void ADeletedStreamIsAtExactlyItsVersion(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  ASSERT_OK(store.Delete("order-1", ExpectedVersion::Exists()));
  ASSERT_OK_AND_ASSIGN(const Appended next, store.Append("order-1", Version(3), Events(1)));
  EXPECT_EQ(next.version, Version(4));
}

void AStreamIsDeletedTwice(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 2));
  ASSERT_OK(store.Delete("order-1", ExpectedVersion::Any()));
  ASSERT_OK(Append(store, "order-1", 2));
  ASSERT_OK_AND_ASSIGN(const StreamState state, store.Delete("order-1", Version(4)));
  EXPECT_EQ(state.version, Version(4));
  EXPECT_EQ(state.first, Version(5));
}

void DeletingWhatHoldsNoEventsChangesNothing(EventStore& store) {
  ASSERT_OK_AND_ASSIGN(const StreamState never, store.Delete("order-1", ExpectedVersion::Any()));
  EXPECT_EQ(never.version, Version(0));
  EXPECT_EQ(never.first, Version(1));
  ASSERT_OK(Append(store, "order-2", 1));
  ASSERT_OK(store.Delete("order-2", ExpectedVersion::Any()));
  ASSERT_OK_AND_ASSIGN(const StreamState again,
                       store.Delete("order-2", ExpectedVersion::NoStream()));
  EXPECT_EQ(again.first, Version(2));
}

void DeleteExpectsAVersionToo(EventStore& store) {
  EXPECT_THAT(store.Delete("order-1", ExpectedVersion::Exists()), IsConflictAt(0));
  ASSERT_OK(Append(store, "order-1", 2));
  EXPECT_THAT(store.Delete("order-1", Version(1)), IsConflictAt(2));
  EXPECT_THAT(store.Tombstone("order-1", ExpectedVersion::NoStream()), IsConflictAt(2));
  ASSERT_OK_AND_ASSIGN(const StreamState state, store.State("order-1"));
  EXPECT_TRUE(state.exists());
  EXPECT_FALSE(state.tombstoned);
}

void DeleteLeavesHolesAndTheHead(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 2));
  ASSERT_OK(Append(store, "order-2", 2));
  ASSERT_OK(store.Delete("order-2", ExpectedVersion::Any()));
  ASSERT_OK_AND_ASSIGN(const Position head, store.Head());
  EXPECT_EQ(head, Position(4));
  ASSERT_OK_AND_ASSIGN(const Appended next, Append(store, "order-1", 1));
  EXPECT_EQ(next.position, Position(5));
  ASSERT_OK_AND_ASSIGN(const LogPage page, store.Read(LogQuery{}));
  EXPECT_THAT(Positions(page), ElementsAre(1, 2, 5));
}

void ATombstonedStreamTakesNoEventsEver(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 2));
  ASSERT_OK_AND_ASSIGN(const StreamState state, store.Tombstone("order-1", Version(2)));
  EXPECT_TRUE(state.tombstoned);
  EXPECT_EQ(state.version, Version(2));
  EXPECT_EQ(state.first, Version(3));
  for (const ExpectedVersion expected :
       {ExpectedVersion::Any(), ExpectedVersion::NoStream(), ExpectedVersion::Exists(),
        ExpectedVersion::Exactly(Version(2)), ExpectedVersion::Exactly(Version(1))}) {
    EXPECT_THAT(store.Append("order-1", expected, Events(1)),
                HasCode(absl::StatusCode::kFailedPrecondition));
  }
  AppendRequest request;
  request.streams.push_back({"order-2", ExpectedVersion::Any(), Events(1)});
  request.streams.push_back({"order-1", ExpectedVersion::Any(), Events(1)});
  EXPECT_THAT(store.Append(request), HasCode(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK_AND_ASSIGN(const StreamState other, store.State("order-2"));
  EXPECT_FALSE(other.exists());
}

void AStreamNeverWrittenCanBeTombstoned(EventStore& store) {
  ASSERT_OK(store.Tombstone("order-1", ExpectedVersion::NoStream()));
  EXPECT_THAT(Append(store, "order-1", 1), HasCode(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK_AND_ASSIGN(const StreamState state, store.State("order-1"));
  EXPECT_TRUE(state.tombstoned);
  EXPECT_EQ(state.version, Version(0));
}

void DeletingATombstonedStreamLeavesItTombstoned(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 1));
  ASSERT_OK(store.Tombstone("order-1", ExpectedVersion::Any()));
  ASSERT_OK_AND_ASSIGN(const StreamState state, store.Delete("order-1", ExpectedVersion::Any()));
  EXPECT_TRUE(state.tombstoned);
}

void BadNamesAreNotDeleted(EventStore& store) {
  EXPECT_THAT(store.Delete("order", ExpectedVersion::Any()), IsRefusedAsInvalid());
  EXPECT_THAT(store.Tombstone("", ExpectedVersion::Any()), IsRefusedAsInvalid());
}

void StreamsAreListedInByteOrder(EventStore& store) {
  for (const char* name : {"order-2", "order-10", "orders-1", "ordeR-1", "order-\xff", "a-b"}) {
    ASSERT_OK(Append(store, name, 1));
  }
  ASSERT_OK_AND_ASSIGN(const auto all, store.ListStreams({}));
  EXPECT_THAT(all, ElementsAre("a-b", "ordeR-1", "order-10", "order-2", "order-\xff", "orders-1"));
  ASSERT_OK_AND_ASSIGN(const auto orders, store.ListStreams({.category = "order"}));
  EXPECT_THAT(orders, ElementsAre("order-10", "order-2", "order-\xff"));
  ASSERT_OK_AND_ASSIGN(const auto none, store.ListStreams({.category = "orde"}));
  EXPECT_THAT(none, IsEmpty());
}

void StreamsAreListedInPages(EventStore& store) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(Append(store, "order-" + std::to_string(i), 1));
    ASSERT_OK(Append(store, "stock-" + std::to_string(i), 1));
  }
  std::vector<std::string> seen;
  StreamListQuery query = {.category = "order", .limit = 2};
  while (true) {
    ASSERT_OK_AND_ASSIGN(const auto page, store.ListStreams(query));
    EXPECT_LE(page.size(), 2u);
    if (page.empty()) break;
    seen.insert(seen.end(), page.begin(), page.end());
    query.after = page.back();
  }
  EXPECT_THAT(seen, ElementsAre("order-0", "order-1", "order-2", "order-3", "order-4"));
  EXPECT_THAT(store.ListStreams({.limit = -1}), IsRefusedAsInvalid());
  EXPECT_THAT(store.ListStreams({.category = "order-1"}), IsRefusedAsInvalid());
}

void DeletedStreamsAreNotListed(EventStore& store) {
  for (const char* name : {"order-1", "order-2", "order-3"}) {
    ASSERT_OK(Append(store, name, 1));
  }
  ASSERT_OK(store.Delete("order-2", ExpectedVersion::Any()));
  ASSERT_OK(store.Tombstone("order-3", ExpectedVersion::Any()));
  ASSERT_OK(store.Tombstone("order-4", ExpectedVersion::Any()));
  ASSERT_OK_AND_ASSIGN(const auto deleted, store.ListStreams({}));
  EXPECT_THAT(deleted, ElementsAre("order-1"));
  ASSERT_OK(Append(store, "order-2", 1));
  ASSERT_OK_AND_ASSIGN(const auto again, store.ListStreams({}));
  EXPECT_THAT(again, ElementsAre("order-1", "order-2"));
}

constexpr Case kStreamCases[] = {
    CONTRACT_CASE(AStreamNeverWrittenIsAtVersionZero),
    CONTRACT_CASE(AWrittenStreamExists),
    CONTRACT_CASE(ADeletedStreamKeepsItsVersion),
    CONTRACT_CASE(ADeletedStreamGoesOnBehindItsLastVersion),
    CONTRACT_CASE(DeletionsAreTold),
    CONTRACT_CASE(ADeletedStreamIsAtExactlyItsVersion),
    CONTRACT_CASE(AStreamIsDeletedTwice),
    CONTRACT_CASE(DeletingWhatHoldsNoEventsChangesNothing),
    CONTRACT_CASE(DeleteExpectsAVersionToo),
    CONTRACT_CASE(DeleteLeavesHolesAndTheHead),
    CONTRACT_CASE(ATombstonedStreamTakesNoEventsEver),
    CONTRACT_CASE(AStreamNeverWrittenCanBeTombstoned),
    CONTRACT_CASE(DeletingATombstonedStreamLeavesItTombstoned),
    CONTRACT_CASE(BadNamesAreNotDeleted),
    CONTRACT_CASE(StreamsAreListedInByteOrder),
    CONTRACT_CASE(StreamsAreListedInPages),
    CONTRACT_CASE(DeletedStreamsAreNotListed),
};

}  // namespace

std::span<const Case> StreamCases() { return kStreamCases; }

}  // namespace daybook::testing::contract
