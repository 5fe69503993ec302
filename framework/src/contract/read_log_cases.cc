#include <algorithm>

#include "contract/contract.h"

namespace daybook::testing::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<int64_t> ReadPositions(EventStore& store, const LogQuery& query) {
  const absl::StatusOr<LogPage> page = store.Read(query);
  EXPECT_TRUE(page.ok()) << page.status();
  return page.ok() ? Positions(*page) : std::vector<int64_t>();
}

// All that a query finds, page by page, and how many pages it took.
struct Walk {
  std::vector<int64_t> positions;
  int pages = 0;
  LogPage last;
};
Walk WalkLog(EventStore& store, LogQuery query) {
  Walk walk;
  do {
    absl::StatusOr<LogPage> page = store.Read(query);
    EXPECT_TRUE(page.ok()) << page.status();
    if (!page.ok()) break;
    const std::vector<int64_t> found = Positions(*page);
    walk.positions.insert(walk.positions.end(), found.begin(), found.end());
    (query.direction == Direction::kForwards ? query.after : query.before.emplace()) = page->looked;
    walk.last = *std::move(page);
  } while (!walk.last.end && ++walk.pages < 100);
  ++walk.pages;
  return walk;
}

// Positions 1 to 8, of which 3 and 4 are holes:
// order-1: A B, (deleted: A A), stock-1: A B, order-2: B, orders-1: A
void FillLog(EventStore& store) {
  ASSERT_OK(store.Append("order-1", ExpectedVersion::Any(), {Event("test.A"), Event("test.B")}));
  ASSERT_OK(store.Append("order-x", ExpectedVersion::Any(), {Event("test.A"), Event("test.A")}));
  ASSERT_OK(store.Append("stock-1", ExpectedVersion::Any(), {Event("test.A"), Event("test.B")}));
  ASSERT_OK(store.Append("order-2", ExpectedVersion::Any(), {Event("test.B")}));
  ASSERT_OK(store.Append("orders-1", ExpectedVersion::Any(), {Event("test.A")}));
  ASSERT_OK(store.Delete("order-x", ExpectedVersion::Any()));
}

void AnEmptyLogIsAtItsEnd(EventStore& store) {
  ASSERT_OK_AND_ASSIGN(const LogPage page, store.Read(LogQuery{}));
  EXPECT_THAT(page.events, IsEmpty());
  EXPECT_TRUE(page.end);
  EXPECT_EQ(page.looked, Position(0));
  ASSERT_OK_AND_ASSIGN(const LogPage back,
                       store.Read(LogQuery{.direction = Direction::kBackwards}));
  EXPECT_THAT(back.events, IsEmpty());
  EXPECT_TRUE(back.end);
}

void TheLogIsReadInRanges(EventStore& store) {
  FillLog(store);
  const auto read = [&store](const LogQuery& query) { return ReadPositions(store, query); };
  EXPECT_THAT(read({}), ElementsAre(1, 2, 5, 6, 7, 8));
  EXPECT_THAT(read({.after = Position(2)}), ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(read({.after = Position(3)}), ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(read({.before = Position(5)}), ElementsAre(1, 2));
  EXPECT_THAT(read({.after = Position(2), .before = Position(5)}), IsEmpty());
  EXPECT_THAT(read({.after = Position(8)}), IsEmpty());
  EXPECT_THAT(read({.after = Position(100)}), IsEmpty());
  EXPECT_THAT(read({.limit = 3}), ElementsAre(1, 2, 5));
}

void TheLogIsReadBackwards(EventStore& store) {
  FillLog(store);
  const auto read = [&store](LogQuery query) {
    query.direction = Direction::kBackwards;
    return ReadPositions(store, query);
  };
  EXPECT_THAT(read({}), ElementsAre(8, 7, 6, 5, 2, 1));
  EXPECT_THAT(read({.before = Position(6)}), ElementsAre(5, 2, 1));
  EXPECT_THAT(read({.after = Position(5)}), ElementsAre(8, 7, 6));
  EXPECT_THAT(read({.limit = 2}), ElementsAre(8, 7));
}

void TheLogIsFiltered(EventStore& store) {
  FillLog(store);
  const auto read = [&store](const Filter& filter) {
    return ReadPositions(store, {.filter = filter});
  };
  EXPECT_THAT(read({.category = "order"}), ElementsAre(1, 2, 7));
  EXPECT_THAT(read({.category = "none"}), IsEmpty());
  EXPECT_THAT(read({.types = {"test.A"}}), ElementsAre(1, 5, 8));
  EXPECT_THAT(read({.types = {"test.A", "test.B", "test.C"}}), ElementsAre(1, 2, 5, 6, 7, 8));
  EXPECT_THAT(read({.types = {"test.C"}}), IsEmpty());
  EXPECT_THAT(read({.stream_prefix = "order"}), ElementsAre(1, 2, 7, 8));
  EXPECT_THAT(read({.stream_prefix = "order-2"}), ElementsAre(7));
  EXPECT_THAT(read({.stream_prefix = "%"}), IsEmpty());
  EXPECT_THAT(read({.category = "order", .types = {"test.B"}, .stream_prefix = "order-1"}),
              ElementsAre(2));
}

void AQueryThatCanFindNothingIsRefused(EventStore& store) {
  FillLog(store);
  EXPECT_THAT(store.Read(LogQuery{.limit = -1}), IsRefusedAsInvalid());
  for (const char* category : {"order-1", "-", "or\nder"}) {
    EXPECT_THAT(store.Read(LogQuery{.filter = {.category = category}}), IsRefusedAsInvalid());
  }
  EXPECT_THAT(ReadPositions(store, {.limit = 0}), IsEmpty());
}

void AFilteredLogIsReadBackwards(EventStore& store) {
  FillLog(store);
  EXPECT_THAT(ReadPositions(store, {.direction = Direction::kBackwards,
                                    .filter = {.category = "order", .types = {"test.B"}}}),
              ElementsAre(7, 2));
}

void PagesTellHowFarTheyLooked(EventStore& store) {
  FillLog(store);
  ASSERT_OK_AND_ASSIGN(const LogPage page, store.Read(LogQuery{.limit = 2}));
  EXPECT_THAT(Positions(page), ElementsAre(1, 2));
  EXPECT_GE(page.looked, Position(2));
  EXPECT_LT(page.looked, Position(5));
  EXPECT_FALSE(page.end);
  ASSERT_OK_AND_ASSIGN(const LogPage rest, store.Read(LogQuery{.after = page.looked}));
  EXPECT_THAT(Positions(rest), ElementsAre(5, 6, 7, 8));
  EXPECT_EQ(rest.looked, Position(8));
  EXPECT_TRUE(rest.end);
}

void AFilterThatFindsNothingLooksToTheHead(EventStore& store) {
  FillLog(store);
  ASSERT_OK_AND_ASSIGN(const LogPage page, store.Read(LogQuery{.filter = {.category = "none"}}));
  EXPECT_THAT(page.events, IsEmpty());
  EXPECT_EQ(page.looked, Position(8));
  EXPECT_TRUE(page.end);
}

void AHoleAtTheHeadIsLookedPast(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 1));
  ASSERT_OK(Append(store, "order-2", 2));
  ASSERT_OK(store.Delete("order-2", ExpectedVersion::Any()));
  ASSERT_OK_AND_ASSIGN(const LogPage page, store.Read(LogQuery{}));
  EXPECT_THAT(Positions(page), ElementsAre(1));
  EXPECT_EQ(page.looked, Position(3));
  EXPECT_TRUE(page.end);
}

void PagingSeesEachEventOnce(EventStore& store) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_OK(Append(store, "order-" + std::to_string(i), 3));
    ASSERT_OK(Append(store, "stock-" + std::to_string(i), 2));
  }
  for (int i = 0; i < 10; i += 2) {
    ASSERT_OK(store.Delete("order-" + std::to_string(i), ExpectedVersion::Any()));
  }
  for (const int64_t limit : {1, 2, 7, 1000}) {
    const Walk forwards = WalkLog(store, {.filter = {.category = "order"}, .limit = limit});
    EXPECT_THAT(forwards.positions, SizeIs(15)) << limit;
    EXPECT_TRUE(std::is_sorted(forwards.positions.begin(), forwards.positions.end()));
    EXPECT_LE(forwards.pages, 15 / limit + 2);

    std::vector<int64_t> backwards = WalkLog(store, {.direction = Direction::kBackwards,
                                                     .filter = {.category = "order"},
                                                     .limit = limit})
                                         .positions;
    std::reverse(backwards.begin(), backwards.end());
    EXPECT_EQ(backwards, forwards.positions) << limit;
  }
}

void AScanThatFindsNothingStillEndsInPages(EventStore& store) {
  constexpr int kBatch = 10'000;
  for (int64_t appended = 0; appended <= kMaxScan; appended += kBatch) {
    const std::vector<NewEvent> batch(kBatch, NewEvent{.type = "test.Happened"});
    ASSERT_OK(store.Append("order-1", ExpectedVersion::Any(), batch));
  }
  ASSERT_OK(Append(store, "stock-1", 1));
  ASSERT_OK_AND_ASSIGN(const LogPage first,
                       store.Read(LogQuery{.filter = {.types = {"test.None"}}}));
  EXPECT_THAT(first.events, IsEmpty());
  const Walk walk = WalkLog(store, {.filter = {.category = "stock"}});
  EXPECT_THAT(walk.positions, ElementsAre(70'001));
  EXPECT_EQ(walk.last.looked, Position(70'001));
}

void APageIsBoundedInBytes(EventStore& store) {
  const std::string large(kMaxPayloadBytes / 4, 'p');
  for (int i = 0; i < 6; ++i) {
    ASSERT_OK(store.Append("order-1", ExpectedVersion::Any(), {Event("test.Happened", large)}));
  }
  ASSERT_OK_AND_ASSIGN(const LogPage page, store.Read(LogQuery{}));
  EXPECT_LE(page.events.size(), EventStore::kMaxPageBytes / large.size() + 1);
  EXPECT_FALSE(page.end);
  EXPECT_THAT(WalkLog(store, {}).positions, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(WalkLog(store, {.direction = Direction::kBackwards}).positions,
              ElementsAre(6, 5, 4, 3, 2, 1));
}

void ALogVisitorMayAppendAndDoesNotSeeItsOwn(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 3));
  int seen = 0;
  ASSERT_OK_AND_ASSIGN(const LogScan scan, store.Visit(LogQuery{}, [&](const RecordedEvent&) {
    ++seen;
    return StatusOf(Append(store, "order-1", 1));
  }));
  EXPECT_EQ(seen, 3);
  EXPECT_EQ(scan.looked, Position(3));
}

constexpr Case kReadLogCases[] = {
    CONTRACT_CASE(AnEmptyLogIsAtItsEnd),
    CONTRACT_CASE(TheLogIsReadInRanges),
    CONTRACT_CASE(TheLogIsReadBackwards),
    CONTRACT_CASE(TheLogIsFiltered),
    CONTRACT_CASE(AQueryThatCanFindNothingIsRefused),
    CONTRACT_CASE(AFilteredLogIsReadBackwards),
    CONTRACT_CASE(PagesTellHowFarTheyLooked),
    CONTRACT_CASE(AFilterThatFindsNothingLooksToTheHead),
    CONTRACT_CASE(AHoleAtTheHeadIsLookedPast),
    CONTRACT_CASE(PagingSeesEachEventOnce),
    CONTRACT_CASE(AScanThatFindsNothingStillEndsInPages),
    CONTRACT_CASE(APageIsBoundedInBytes),
    CONTRACT_CASE(ALogVisitorMayAppendAndDoesNotSeeItsOwn),
};

}  // namespace

std::span<const Case> ReadLogCases() { return kReadLogCases; }

}  // namespace daybook::testing::contract
