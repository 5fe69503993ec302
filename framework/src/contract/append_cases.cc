#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <thread>

#include "contract/contract.h"

namespace daybook::testing::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

void TheFirstEventHasVersionOneAndPositionOne(EventStore& store) {
  ASSERT_OK_AND_ASSIGN(const Appended first,
                       store.Append("order-1", ExpectedVersion::NoStream(), Events(1)));
  EXPECT_EQ(first, (Appended{Version(1), Position(1)}));
}

void ABatchIsAnsweredWithItsLastVersionAndPosition(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 2));
  ASSERT_OK_AND_ASSIGN(const Appended second, Append(store, "order-2", 3));
  EXPECT_EQ(second, (Appended{Version(3), Position(5)}));
  ASSERT_OK_AND_ASSIGN(const LogPage page, store.Read(LogQuery{}));
  EXPECT_THAT(Positions(page), ElementsAre(1, 2, 3, 4, 5));
}

void EverythingOfAnEventIsStored(EventStore& store) {
  NewEvent event = Event("shop.OrderPlaced", std::string("\0payload\xff", 9));
  event.metadata = std::string("\0meta\xfe", 6);
  const auto before = std::chrono::system_clock::now() - std::chrono::seconds(1);
  ASSERT_OK(store.Append("order-4-2", ExpectedVersion::Any(), {event}));
  ASSERT_OK_AND_ASSIGN(const StreamPage page, store.Read(StreamQuery{.stream = "order-4-2"}));
  ASSERT_THAT(page.events, SizeIs(1));
  const StoredEvent& stored = page.events[0];
  EXPECT_EQ(stored.id, event.id);
  EXPECT_EQ(stored.type, event.type);
  EXPECT_EQ(stored.payload, event.payload);
  EXPECT_EQ(stored.metadata, event.metadata);
  EXPECT_EQ(stored.stream, "order-4-2");
  EXPECT_EQ(stored.View().category(), "order");
  EXPECT_EQ(stored.View().stream_id(), "4-2");
  EXPECT_EQ(stored.version, Version(1));
  EXPECT_EQ(stored.position, Position(1));
  EXPECT_GT(stored.time, before);
}

void AnEmptyPayloadIsAnEvent(EventStore& store) {
  ASSERT_OK(store.Append("order-1", ExpectedVersion::Any(), {Event("test.Happened", "")}));
  ASSERT_OK_AND_ASSIGN(const StreamPage page, store.Read(StreamQuery{.stream = "order-1"}));
  ASSERT_THAT(page.events, SizeIs(1));
  EXPECT_EQ(page.events[0].payload, "");
  EXPECT_EQ(page.events[0].metadata, "");
}

void EventsWithoutAnIdGetOneEach(EventStore& store) {
  const NewEvent nameless = {.type = "test.Happened"};
  ASSERT_OK(store.Append("order-1", ExpectedVersion::Any(), {nameless, nameless, nameless}));
  ASSERT_OK_AND_ASSIGN(const StreamPage page, store.Read(StreamQuery{.stream = "order-1"}));
  std::set<EventId> ids;
  for (const StoredEvent& event : page.events) ids.insert(event.id);
  EXPECT_THAT(ids, SizeIs(3));
  EXPECT_FALSE(ids.contains(EventId()));
}

void ExpectedVersionsHoldOrAreRefused(EventStore& store) {
  EXPECT_THAT(store.Append("order-1", ExpectedVersion::Exists(), Events(1)), IsConflictAt(0));
  EXPECT_THAT(store.Append("order-1", Version(1), Events(1)), IsConflictAt(0));
  ASSERT_OK(store.Append("order-1", Version(0), Events(1)));
  EXPECT_THAT(store.Append("order-1", ExpectedVersion::NoStream(), Events(1)), IsConflictAt(1));
  EXPECT_THAT(store.Append("order-1", Version(0), Events(1)), IsConflictAt(1));
  EXPECT_THAT(store.Append("order-1", Version(2), Events(1)), IsConflictAt(1));
  ASSERT_OK(store.Append("order-1", Version(1), Events(1)));
  ASSERT_OK(store.Append("order-1", ExpectedVersion::Exists(), Events(1)));
  ASSERT_OK_AND_ASSIGN(const Appended last,
                       store.Append("order-1", ExpectedVersion::Any(), Events(1)));
  EXPECT_EQ(last, (Appended{Version(4), Position(4)}));
}

void AnAppendCanDemandThatNothingWasDeleted(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 2));
  AppendRequest request;
  request.streams.push_back(
      {.stream = "order-1", .expected = Version(2), .events = Events(1), .first = Version(1)});
  ASSERT_OK(store.Delete("order-1", Version(2)));
  EXPECT_THAT(store.Append(request), IsConflictAt(2));
  ASSERT_OK_AND_ASSIGN(const StreamState state, store.State("order-1"));
  EXPECT_FALSE(state.exists());

  request.streams[0].first = state.first;
  ASSERT_OK_AND_ASSIGN(const AppendResult result, store.Append(request));
  EXPECT_THAT(result.streams, ElementsAre(Appended{Version(3), Position(3)}));
}

void SeveralStreamsAreAppendedTogether(EventStore& store) {
  ASSERT_OK(Append(store, "order-1", 1));
  AppendRequest request;
  request.streams.push_back({"order-1", Version(1), Events(2)});
  request.streams.push_back({"stock-7", ExpectedVersion::NoStream(), Events(1)});
  ASSERT_OK_AND_ASSIGN(const AppendResult result, store.Append(request));
  EXPECT_FALSE(result.repeated);
  EXPECT_THAT(result.streams,
              ElementsAre(Appended{Version(3), Position(3)}, Appended{Version(1), Position(4)}));
}

void AConflictInOneStreamLeavesNothingOfTheOthers(EventStore& store) {
  ASSERT_OK(Append(store, "stock-7", 1));
  AppendRequest request = {.once = OnceKey{"command", "c1"},
                           .row_changes = {{"checkpoint", "c", "1"}}};
  request.streams.push_back({"order-1", ExpectedVersion::NoStream(), Events(2)});
  request.streams.push_back({"stock-7", Version(5), Events(1)});
  EXPECT_THAT(store.Append(request), IsConflictAt(1));

  ASSERT_OK_AND_ASSIGN(const LogPage log, store.Read(LogQuery{}));
  EXPECT_THAT(Positions(log), ElementsAre(1));
  ASSERT_OK_AND_ASSIGN(const StreamState state, store.State("order-1"));
  EXPECT_EQ(state.version, Version(0));
  ASSERT_OK_AND_ASSIGN(const auto once, store.FindOnce({"command", "c1"}));
  EXPECT_FALSE(once.has_value());
  ASSERT_OK_AND_ASSIGN(const auto rows, store.ReadRows({.table = "checkpoint"}));
  EXPECT_THAT(rows, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const Appended next, Append(store, "order-1", 1));
  EXPECT_EQ(next.position, Position(2));
}

void ARepeatedAppendIsAnsweredAsTheFirst(EventStore& store) {
  const std::vector<NewEvent> events = Events(2);
  AppendRequest request;
  request.streams.push_back({"order-1", Version(0), events});
  ASSERT_OK_AND_ASSIGN(const AppendResult first, store.Append(request));
  ASSERT_OK(Append(store, "order-2", 3));
  ASSERT_OK(Append(store, "order-1", 3));
  ASSERT_OK_AND_ASSIGN(const AppendResult again, store.Append(request));
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.streams, first.streams);
  request.streams[0].expected = ExpectedVersion::NoStream();
  ASSERT_OK_AND_ASSIGN(const AppendResult no_stream, store.Append(request));
  EXPECT_TRUE(no_stream.repeated);
  EXPECT_EQ(no_stream.streams, first.streams);
  ASSERT_OK_AND_ASSIGN(const StreamState state, store.State("order-1"));
  EXPECT_EQ(state.version, Version(5));
}

void ARepeatedAppendToSeveralStreamsIsAnsweredAsTheFirst(EventStore& store) {
  ASSERT_OK(Append(store, "stock-7", 4));
  AppendRequest request;
  request.streams.push_back({"order-1", ExpectedVersion::NoStream(), Events(2)});
  request.streams.push_back({"stock-7", Version(4), Events(1)});
  ASSERT_OK_AND_ASSIGN(const AppendResult first, store.Append(request));
  ASSERT_OK(Append(store, "stock-7", 1));
  ASSERT_OK_AND_ASSIGN(const AppendResult again, store.Append(request));
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.streams, first.streams);
}

void HalfOfARepeatedAppendIsAConflict(EventStore& store) {
  AppendRequest request;
  request.streams.push_back({"order-1", ExpectedVersion::NoStream(), Events(1)});
  ASSERT_OK(store.Append(request));
  request.streams.push_back({"stock-7", ExpectedVersion::NoStream(), Events(1)});
  EXPECT_THAT(store.Append(request), IsConflictAt(1));
  ASSERT_OK_AND_ASSIGN(const StreamState stock, store.State("stock-7"));
  EXPECT_FALSE(stock.exists());
}

void ARepetitionThatDiffersIsAConflict(EventStore& store) {
  const std::vector<NewEvent> events = Events(2);
  ASSERT_OK(store.Append("order-1", Version(0), events));
  const std::vector<NewEvent> longer = {events[0], events[1], Event()};
  const std::vector<NewEvent> swapped = {events[1], events[0]};
  EXPECT_THAT(store.Append("order-1", Version(0), longer), IsConflictAt(2));
  EXPECT_THAT(store.Append("order-1", Version(0), swapped), IsConflictAt(2));
  EXPECT_THAT(store.Append("order-1", Version(1), events), IsConflictAt(2));
  EXPECT_THAT(store.Append("order-1", Version(1), {events[0]}), IsConflictAt(2));
}

void AppendsThatExpectNothingInParticularAreRepeatedInFact(EventStore& store) {
  const std::vector<NewEvent> events = Events(1);
  ASSERT_OK(store.Append("order-1", ExpectedVersion::Any(), events));
  ASSERT_OK(store.Append("order-1", ExpectedVersion::Any(), events));
  ASSERT_OK_AND_ASSIGN(const Appended third,
                       store.Append("order-1", ExpectedVersion::Exists(), events));
  EXPECT_EQ(third.version, Version(3));
}

void EqualIdsInOneRequestAreRefused(EventStore& store) {
  const NewEvent event = Event();
  EXPECT_THAT(store.Append("order-1", ExpectedVersion::Any(), {event, event}),
              IsRefusedAsInvalid());
  AppendRequest request;
  request.streams.push_back({"order-1", ExpectedVersion::Any(), {event}});
  request.streams.push_back({"order-2", ExpectedVersion::Any(), {event}});
  EXPECT_THAT(store.Append(request), IsRefusedAsInvalid());
}

void AStreamTwiceInOneRequestIsRefused(EventStore& store) {
  AppendRequest request;
  request.streams.push_back({"order-1", ExpectedVersion::Any(), Events(1)});
  request.streams.push_back({"order-1", ExpectedVersion::Any(), Events(1)});
  EXPECT_THAT(store.Append(request), IsRefusedAsInvalid());
}

void ARequestThatAsksForNothingIsRefused(EventStore& store) {
  EXPECT_THAT(store.Append(AppendRequest()), IsRefusedAsInvalid());
  EXPECT_THAT(store.Append("order-1", ExpectedVersion::Any(), {}), IsRefusedAsInvalid());
}

void BadStreamNamesAreRefused(EventStore& store) {
  const std::string longest = "order-" + std::string(kMaxStreamNameBytes - 6, 'x');
  EXPECT_TRUE(Append(store, longest, 1).ok());
  EXPECT_TRUE(Append(store, "order--", 1).ok());
  for (const std::string& name :
       {std::string(), std::string("order"), std::string("order-"), std::string("-1"),
        std::string("-"), std::string("order-\n"), std::string("or\0der-1", 8), longest + "x"}) {
    EXPECT_THAT(Append(store, name, 1), IsRefusedAsInvalid()) << name;
  }
  ASSERT_OK_AND_ASSIGN(const Position head, store.Head());
  EXPECT_EQ(head, Position(2));
}

void BadTypeNamesAreRefused(EventStore& store) {
  const auto append = [&store](const std::string& type) {
    return store.Append("order-1", ExpectedVersion::Any(), {Event(type)});
  };
  EXPECT_TRUE(append(std::string(kMaxTypeNameBytes, 'T')).ok());
  EXPECT_THAT(append(std::string(kMaxTypeNameBytes + 1, 'T')), IsRefusedAsInvalid());
  EXPECT_THAT(append(""), IsRefusedAsInvalid());
  EXPECT_THAT(append("test.\tHappened"), IsRefusedAsInvalid());
}

void PayloadAndMetadataAreBounded(EventStore& store) {
  NewEvent largest = Event("test.Happened", std::string(kMaxPayloadBytes, 'p'));
  largest.metadata = std::string(kMaxMetadataBytes, 'm');
  ASSERT_OK(store.Append("order-1", ExpectedVersion::Any(), {largest}));
  ASSERT_OK_AND_ASSIGN(const StreamPage page, store.Read(StreamQuery{.stream = "order-1"}));
  ASSERT_THAT(page.events, SizeIs(1));
  EXPECT_TRUE(page.events[0].payload == largest.payload);
  EXPECT_TRUE(page.events[0].metadata == largest.metadata);

  NewEvent event = Event("test.Happened", std::string(kMaxPayloadBytes + 1, 'p'));
  EXPECT_THAT(store.Append("order-1", ExpectedVersion::Any(), {event}), IsRefusedAsInvalid());
  event = Event();
  event.metadata = std::string(kMaxMetadataBytes + 1, 'm');
  EXPECT_THAT(store.Append("order-1", ExpectedVersion::Any(), {event}), IsRefusedAsInvalid());
}

void ARequestIsBoundedInEventsAndBytes(EventStore& store) {
  const NewEvent nameless = {.type = "test.Happened"};
  const std::vector<NewEvent> most(kMaxAppendEvents, nameless);
  EXPECT_TRUE(store.Append("order-1", ExpectedVersion::Any(), most).ok());
  const std::vector<NewEvent> too_many(kMaxAppendEvents + 1, nameless);
  EXPECT_THAT(store.Append("order-1", ExpectedVersion::Any(), too_many), IsRefusedAsInvalid());
  const NewEvent large = {.type = "test.Happened", .payload = std::string(kMaxPayloadBytes, 'p')};
  const std::vector<NewEvent> too_large(kMaxAppendBytes / kMaxPayloadBytes + 1, large);
  EXPECT_THAT(store.Append("order-1", ExpectedVersion::Any(), too_large), IsRefusedAsInvalid());
  ASSERT_OK_AND_ASSIGN(const Position head, store.Head());
  EXPECT_EQ(head, Position(int64_t{kMaxAppendEvents}));
}

void RecordedTimeNeverFalls(EventStore& store) {
  for (int i = 0; i < 200; ++i) {
    ASSERT_OK(Append(store, "order-1", 2));
  }
  ASSERT_OK_AND_ASSIGN(const LogPage page, store.Read(LogQuery{}));
  ASSERT_THAT(page.events, SizeIs(400));
  EXPECT_TRUE(
      std::is_sorted(page.events.begin(), page.events.end(),
                     [](const StoredEvent& a, const StoredEvent& b) { return a.time < b.time; }));
}

// Each thread adds to the same stream at the version it last heard of. Returns what it won.
std::vector<Appended> WinSome(EventStore& store, int wins) {
  std::vector<Appended> won;
  Version version;
  while (won.size() < static_cast<size_t>(wins)) {
    const auto appended = store.Append("order-1", version, Events(1));
    if (appended.ok()) {
      won.push_back(*appended);
      version = appended->version;
    } else if (const auto actual = ActualVersion(appended.status())) {
      version = *actual;
    } else {
      ADD_FAILURE() << appended.status();
      break;
    }
  }
  return won;
}

void ThreadsNeverWinTheSameVersion(EventStore& store) {
  constexpr int kThreads = 4;
  constexpr int kWins = 100;
  std::array<std::vector<Appended>, kThreads> won;
  {
    std::vector<std::jthread> threads;
    for (std::vector<Appended>& mine : won) {
      threads.emplace_back([&store, &mine] { mine = WinSome(store, kWins); });
    }
  }
  std::set<Version> versions;
  std::set<Position> positions;
  for (const std::vector<Appended>& mine : won) {
    for (const Appended& appended : mine) {
      EXPECT_EQ(appended.version.value(), appended.position.value());
      versions.insert(appended.version);
      positions.insert(appended.position);
    }
  }
  EXPECT_THAT(versions, SizeIs(kThreads * kWins));
  EXPECT_THAT(positions, SizeIs(kThreads * kWins));
  ASSERT_OK_AND_ASSIGN(const StreamState state, store.State("order-1"));
  EXPECT_EQ(state.version, Version(kThreads * kWins));
}

constexpr Case kAppendCases[] = {
    CONTRACT_CASE(TheFirstEventHasVersionOneAndPositionOne),
    CONTRACT_CASE(ABatchIsAnsweredWithItsLastVersionAndPosition),
    CONTRACT_CASE(EverythingOfAnEventIsStored),
    CONTRACT_CASE(AnEmptyPayloadIsAnEvent),
    CONTRACT_CASE(EventsWithoutAnIdGetOneEach),
    CONTRACT_CASE(ExpectedVersionsHoldOrAreRefused),
    CONTRACT_CASE(AnAppendCanDemandThatNothingWasDeleted),
    CONTRACT_CASE(SeveralStreamsAreAppendedTogether),
    CONTRACT_CASE(AConflictInOneStreamLeavesNothingOfTheOthers),
    CONTRACT_CASE(ARepeatedAppendIsAnsweredAsTheFirst),
    CONTRACT_CASE(ARepeatedAppendToSeveralStreamsIsAnsweredAsTheFirst),
    CONTRACT_CASE(HalfOfARepeatedAppendIsAConflict),
    CONTRACT_CASE(ARepetitionThatDiffersIsAConflict),
    CONTRACT_CASE(AppendsThatExpectNothingInParticularAreRepeatedInFact),
    CONTRACT_CASE(EqualIdsInOneRequestAreRefused),
    CONTRACT_CASE(AStreamTwiceInOneRequestIsRefused),
    CONTRACT_CASE(ARequestThatAsksForNothingIsRefused),
    CONTRACT_CASE(BadStreamNamesAreRefused),
    CONTRACT_CASE(BadTypeNamesAreRefused),
    CONTRACT_CASE(PayloadAndMetadataAreBounded),
    CONTRACT_CASE(ARequestIsBoundedInEventsAndBytes),
    CONTRACT_CASE(RecordedTimeNeverFalls),
    CONTRACT_CASE(ThreadsNeverWinTheSameVersion),
};

}  // namespace

std::span<const Case> AppendCases() { return kAppendCases; }

}  // namespace daybook::testing::contract
