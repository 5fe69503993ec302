#include "contract/contract.h"

namespace daybook::testing::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

AppendRequest Once(const OnceKey& key, const std::string& stream, ExpectedVersion expected = {}) {
  AppendRequest request = {.once = key};
  request.streams.push_back({stream, expected, Events(1)});
  return request;
}

AppendRequest Rows(std::vector<Row> checks, std::vector<Row> changes) {
  return {.row_checks = std::move(checks), .row_changes = std::move(changes)};
}

void TheSameOnceKeyAppendsOnce(EventStore& store) {
  const OnceKey key = {"command", "c1"};
  ASSERT_OK(Append(store, "order-1", 3));
  ASSERT_OK_AND_ASSIGN(const AppendResult first, store.Append(Once(key, "order-1")));
  EXPECT_FALSE(first.repeated);
  ASSERT_OK(Append(store, "order-1", 1));
  ASSERT_OK_AND_ASSIGN(const AppendResult again, store.Append(Once(key, "order-1")));
  EXPECT_TRUE(again.repeated);
  EXPECT_THAT(again.streams, ElementsAre(Appended{Version(4), Position(4)}));
  ASSERT_OK_AND_ASSIGN(const Position head, store.Head());
  EXPECT_EQ(head, Position(5));
}

void AOnceKeyIsAnsweredBeforeTheExpectedVersionIsJudged(EventStore& store) {
  const OnceKey key = {"command", "c1"};
  ASSERT_OK_AND_ASSIGN(const AppendResult first, store.Append(Once(key, "order-1", Version(0))));
  ASSERT_OK_AND_ASSIGN(const AppendResult again, store.Append(Once(key, "order-1", Version(0))));
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.streams, first.streams);
}

void AOnceKeyOutlivesItsStream(EventStore& store) {
  const OnceKey key = {"command", "c1"};
  ASSERT_OK_AND_ASSIGN(const AppendResult first, store.Append(Once(key, "order-1")));
  ASSERT_OK(store.Tombstone("order-1", ExpectedVersion::Any()));
  ASSERT_OK_AND_ASSIGN(const AppendResult again, store.Append(Once(key, "order-1")));
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.streams, first.streams);
}

void TheSameKeyInAnotherScopeIsAnotherKey(EventStore& store) {
  ASSERT_OK(store.Append(Once({"command", "c1"}, "order-1")));
  ASSERT_OK_AND_ASSIGN(const AppendResult other, store.Append(Once({"consumer", "c1"}, "order-1")));
  EXPECT_FALSE(other.repeated);
  ASSERT_OK_AND_ASSIGN(const AppendResult joined, store.Append(Once({"com", "mandc1"}, "order-1")));
  EXPECT_FALSE(joined.repeated);
}

void FindOnceTellsTheFirstAnswer(EventStore& store) {
  ASSERT_OK_AND_ASSIGN(const auto none, store.FindOnce({"command", "c1"}));
  EXPECT_FALSE(none.has_value());
  AppendRequest request = Once({"command", "c1"}, "order-1");
  request.streams.push_back({"stock-7", ExpectedVersion::Any(), Events(2)});
  ASSERT_OK_AND_ASSIGN(const AppendResult first, store.Append(request));
  ASSERT_OK_AND_ASSIGN(const auto found, store.FindOnce({"command", "c1"}));
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->repeated);
  EXPECT_EQ(found->streams, first.streams);
}

void OnceKeysAreBounded(EventStore& store) {
  const std::string longest(kMaxOnceKeyBytes, 'k');
  EXPECT_TRUE(store.Append(Once({longest, longest}, "order-1")).ok());
  EXPECT_THAT(store.Append(Once({"", "c1"}, "order-1")), IsRefusedAsInvalid());
  EXPECT_THAT(store.Append(Once({"command", ""}, "order-1")), IsRefusedAsInvalid());
  EXPECT_THAT(store.Append(Once({longest + "k", "c1"}, "order-1")), IsRefusedAsInvalid());
  EXPECT_THAT(store.Append(Once({"command", longest + "k"}, "order-1")), IsRefusedAsInvalid());
  ASSERT_OK_AND_ASSIGN(const Position head, store.Head());
  EXPECT_EQ(head, Position(1));
}

void RowsChangeWithTheEvents(EventStore& store) {
  AppendRequest request = Rows({}, {{"checkpoint", "b", "2"}, {"checkpoint", "a", "1"}});
  request.streams.push_back({"order-1", ExpectedVersion::Any(), Events(1)});
  ASSERT_OK(store.Append(request));
  ASSERT_OK(store.Append(Rows({}, {{"checkpoint", "b", "3"}, {"checkpoint", "a", std::nullopt}})));
  ASSERT_OK_AND_ASSIGN(const auto rows, store.ReadRows({.table = "checkpoint"}));
  EXPECT_THAT(rows, ElementsAre(Row{"checkpoint", "b", "3"}));
}

void RowsAloneMoveNoHead(EventStore& store) {
  ASSERT_OK_AND_ASSIGN(const AppendResult result,
                       store.Append(Rows({}, {{"checkpoint", "a", "1"}})));
  EXPECT_THAT(result.streams, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const Position head, store.Head());
  EXPECT_EQ(head, Position(0));
}

void ARowThatIsNotAsCheckedIsAConflict(EventStore& store) {
  ASSERT_OK(store.Append(Rows({}, {{"lease", "s", "owner-1"}})));
  AppendRequest stolen = Rows({{"lease", "s", "owner-2"}}, {{"lease", "s", "owner-3"}});
  stolen.streams.push_back({"order-1", ExpectedVersion::Any(), Events(1)});
  EXPECT_TRUE(IsConflict(store.Append(stolen).status()));
  EXPECT_TRUE(IsConflict(
      store.Append(Rows({{"lease", "s", std::nullopt}}, {{"lease", "s", "x"}})).status()));
  EXPECT_TRUE(
      IsConflict(store.Append(Rows({{"lease", "t", "owner-1"}}, {{"lease", "s", "x"}})).status()));
  ASSERT_OK_AND_ASSIGN(const auto rows, store.ReadRows({.table = "lease"}));
  EXPECT_THAT(rows, ElementsAre(Row{"lease", "s", "owner-1"}));
  ASSERT_OK_AND_ASSIGN(const Position head, store.Head());
  EXPECT_EQ(head, Position(0));

  ASSERT_OK(store.Append(Rows({{"lease", "s", "owner-1"}, {"lease", "t", std::nullopt}},
                              {{"lease", "t", "owner-1"}})));
}

void RowsAreReadInPagesByKey(EventStore& store) {
  ASSERT_OK(store.Append(Rows({}, {{"t", "b2", "4"},
                                   {"t", "a", "1"},
                                   {"t", "b", "2"},
                                   {"t", "b1", "3"},
                                   {"t", "c", "5"},
                                   {"u", "b", "6"}})));
  const auto keys = [&store](const RowQuery& query) {
    std::vector<std::string> found;
    const auto rows = store.ReadRows(query);
    EXPECT_TRUE(rows.ok()) << rows.status();
    if (rows.ok()) {
      for (const Row& row : *rows) found.push_back(row.key);
    }
    return found;
  };
  EXPECT_THAT(keys({.table = "t"}), ElementsAre("a", "b", "b1", "b2", "c"));
  EXPECT_THAT(keys({.table = "t", .key_prefix = "b"}), ElementsAre("b", "b1", "b2"));
  EXPECT_THAT(keys({.table = "t", .after = "b1"}), ElementsAre("b2", "c"));
  EXPECT_THAT(keys({.table = "t", .key_prefix = "b", .after = "b"}), ElementsAre("b1", "b2"));
  EXPECT_THAT(keys({.table = "t", .limit = 2}), ElementsAre("a", "b"));
  EXPECT_THAT(keys({.table = "none"}), IsEmpty());
}

void RowKeysAndValuesMayHoldAnyByte(EventStore& store) {
  const std::string key("\0\xff%_", 4);
  const std::string value("\0\xff", 2);
  ASSERT_OK(store.Append(Rows({}, {{"t", key, value}, {"t", "x", ""}})));
  ASSERT_OK_AND_ASSIGN(const auto prefixed,
                       store.ReadRows({.table = "t", .key_prefix = std::string("\0\xff", 2)}));
  EXPECT_THAT(prefixed, ElementsAre(Row{"t", key, value}));
  ASSERT_OK(store.Append(Rows({{"t", key, value}, {"t", "x", ""}}, {{"t", key, std::nullopt}})));
}

void RowsAreBounded(EventStore& store) {
  const std::string name(kMaxRowKeyBytes, 'n');
  const std::string value(kMaxRowValueBytes, 'v');
  ASSERT_OK(store.Append(Rows({}, {{name, name, value}})));
  EXPECT_THAT(store.Append(Rows({}, {{name + "n", "k", "v"}})), IsRefusedAsInvalid());
  EXPECT_THAT(store.Append(Rows({}, {{"", "k", "v"}})), IsRefusedAsInvalid());
  EXPECT_THAT(store.Append(Rows({}, {{"t", name + "n", "v"}})), IsRefusedAsInvalid());
  EXPECT_THAT(store.Append(Rows({}, {{"t", "k", value + "v"}})), IsRefusedAsInvalid());
  EXPECT_THAT(store.Append(Rows({{"t", name + "n", "v"}}, {{"t", "k", "v"}})),
              IsRefusedAsInvalid());
  EXPECT_THAT(store.Append(Rows({}, {{"t", "k", "v"}, {"t", "l", "v"}, {"t", "k", std::nullopt}})),
              IsRefusedAsInvalid());
  EXPECT_THAT(store.ReadRows({}), IsRefusedAsInvalid());
  EXPECT_THAT(store.ReadRows({.table = "t", .limit = -1}), IsRefusedAsInvalid());
  const std::vector<Row> too_many(kMaxAppendRows + 1, Row{"t", "k", "v"});
  EXPECT_THAT(store.Append(Rows({}, too_many)), IsRefusedAsInvalid());
  ASSERT_OK_AND_ASSIGN(const auto rows, store.ReadRows({.table = "t"}));
  EXPECT_THAT(rows, IsEmpty());
}

void ARequestOfRowsAloneCanCarryAOnceKey(EventStore& store) {
  AppendRequest request = Rows({}, {{"inbox", "seen", "1"}});
  request.once = OnceKey{"consumer", "m1"};
  ASSERT_OK(store.Append(request));
  request.row_changes = {{"inbox", "seen", "2"}};
  ASSERT_OK_AND_ASSIGN(const AppendResult again, store.Append(request));
  EXPECT_TRUE(again.repeated);
  ASSERT_OK_AND_ASSIGN(const auto rows, store.ReadRows({.table = "inbox"}));
  EXPECT_THAT(rows, ElementsAre(Row{"inbox", "seen", "1"}));
}

constexpr Case kOnceAndRowCases[] = {
    CONTRACT_CASE(TheSameOnceKeyAppendsOnce),
    CONTRACT_CASE(AOnceKeyIsAnsweredBeforeTheExpectedVersionIsJudged),
    CONTRACT_CASE(AOnceKeyOutlivesItsStream),
    CONTRACT_CASE(TheSameKeyInAnotherScopeIsAnotherKey),
    CONTRACT_CASE(FindOnceTellsTheFirstAnswer),
    CONTRACT_CASE(OnceKeysAreBounded),
    CONTRACT_CASE(RowsChangeWithTheEvents),
    CONTRACT_CASE(RowsAloneMoveNoHead),
    CONTRACT_CASE(ARowThatIsNotAsCheckedIsAConflict),
    CONTRACT_CASE(RowsAreReadInPagesByKey),
    CONTRACT_CASE(RowKeysAndValuesMayHoldAnyByte),
    CONTRACT_CASE(RowsAreBounded),
    CONTRACT_CASE(ARequestOfRowsAloneCanCarryAOnceKey),
};

}  // namespace

std::span<const Case> OnceAndRowCases() { return kOnceAndRowCases; }

}  // namespace daybook::testing::contract
