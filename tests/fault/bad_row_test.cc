// Guarantee 7: a log that somebody has been at with SQL, while SQLite itself finds the file sound.

#include <gtest/gtest.h>

#include "fault/sound_log.h"
#include "fault/support.h"

namespace daybook::fault {
namespace {

using absl::StatusCode;

// Who must notice. Others may.
enum class Noticed { kByVerify, kByReads, kByBoth, kByOpen, kByNobody };

struct Malice {
  const char* name;
  const char* sql;
  Noticed noticed;
};

std::ostream& operator<<(std::ostream& out, const Malice& malice) { return out << malice.name; }

// What nobody notices leaves a log that is sound in itself: the newest events are not there, or a
// clock was wrong.
class MaliciousRowsTest : public testing::TestWithParam<Malice> {};

TEST_P(MaliciousRowsTest, AreDataLoss) {
  // given: a log that somebody has been at with SQL
  TempDir dir;
  ClosedFiles().WriteTo(dir);
  {
    RawDb db(dir.File("log.db"));
    db.Exec(GetParam().sql);
    ASSERT_EQ(db.Int("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
              1);
  }
  // when
  auto store = SqliteEventStore::Open({.path = dir.File("log.db")});
  // then
  const Noticed noticed = GetParam().noticed;
  if (noticed == Noticed::kByOpen) {
    EXPECT_THAT(store, HasCode(StatusCode::kDataLoss));
    return;
  }
  ASSERT_THAT(store, IsOk());
  if (noticed == Noticed::kByVerify || noticed == Noticed::kByBoth) {
    EXPECT_THAT((*store)->Verify(), HasCode(StatusCode::kDataLoss));
  }
  const bool whole = ReadEverything(**store);
  if (noticed == Noticed::kByReads || noticed == Noticed::kByBoth) {
    EXPECT_FALSE(whole);
  }
  WriteEverything(**store);
  ReadEverything(**store);
}

INSTANTIATE_TEST_SUITE_P(
    Sql, MaliciousRowsTest,
    testing::Values(
        Malice{"AnEmptyId", "UPDATE event SET id = x'' WHERE position = 5", Noticed::kByBoth},
        Malice{"AShortId", "UPDATE event SET id = x'0102' WHERE position = 5", Noticed::kByBoth},
        Malice{"ALongId", "UPDATE event SET id = zeroblob(17) WHERE position = 5",
               Noticed::kByBoth},
        Malice{"AnUnknownType", "UPDATE event SET type = 999 WHERE position = 5", Noticed::kByBoth},
        Malice{"TypeZero", "UPDATE event SET type = 0 WHERE position = 5", Noticed::kByBoth},
        Malice{"ANegativeType", "UPDATE event SET type = -1 WHERE position = 5", Noticed::kByBoth},
        Malice{"AHugeType", "UPDATE event SET type = 9223372036854775807 WHERE position = 5",
               Noticed::kByBoth},
        Malice{"NoTypes", "DELETE FROM type", Noticed::kByBoth},
        Malice{"AHoleInTheTypes", "UPDATE type SET key = 700 WHERE key = 2", Noticed::kByBoth},
        Malice{"AnUnknownStream", "UPDATE event SET stream = 999 WHERE position = 5",
               Noticed::kByBoth},
        Malice{"NoStreams", "DELETE FROM stream", Noticed::kByBoth},
        Malice{"AMissingEvent", "DELETE FROM event WHERE position = 50", Noticed::kByVerify},
        Malice{"AMissingFirstEvent", "DELETE FROM event WHERE position = 1", Noticed::kByVerify},
        Malice{"AMissingLastEvent",
               "DELETE FROM event WHERE position = (SELECT max(position) FROM event)",
               Noticed::kByNobody},
        Malice{"AVersionLeftOut",
               "UPDATE event SET version = version + 1000 WHERE stream = 1 AND version > 9",
               Noticed::kByVerify},
        Malice{"ANegativeVersion", "UPDATE event SET version = -4 WHERE position = 5",
               Noticed::kByVerify},
        Malice{"AHugeVersion",
               "UPDATE event SET version = 9223372036854775807 WHERE position = 193",
               Noticed::kByVerify},
        Malice{"ANegativePosition", "UPDATE event SET position = -5 WHERE position = 5",
               Noticed::kByVerify},
        Malice{"APositionBeyondTheHead", "UPDATE event SET position = 10000 WHERE position = 5",
               Noticed::kByVerify},
        Malice{"TwoEventsSwapped",
               "UPDATE event SET position = 10001 WHERE position = 1;"
               "UPDATE event SET position = 1 WHERE position = 9;"
               "UPDATE event SET position = 9 WHERE position = 10001",
               Noticed::kByVerify},
        Malice{"ATimeThatFalls", "UPDATE event SET time = 0 WHERE position = 50",
               Noticed::kByVerify},
        Malice{"ATimeToCome", "UPDATE event SET time = 9223372036854775807 WHERE position = 200",
               Noticed::kByNobody},
        Malice{"AHeadTooLow", "UPDATE log SET head = 3", Noticed::kByNobody},
        Malice{"ANegativeHead", "UPDATE log SET head = -1", Noticed::kByNobody},
        Malice{"AHeadAtTheEnd", "UPDATE log SET head = 9223372036854775807", Noticed::kByVerify},
        Malice{"ALowClock", "UPDATE log SET time = -1", Noticed::kByNobody},
        Malice{"NoLogRow", "DELETE FROM log", Noticed::kByOpen},
        Malice{"AnEmptyIncarnation", "UPDATE log SET incarnation = x''", Noticed::kByOpen},
        Malice{"AFirstVersionTooHigh", "UPDATE stream SET first = 100 WHERE key = 1",
               Noticed::kByVerify},
        Malice{"ANegativeFirstVersion", "UPDATE stream SET first = -5 WHERE key = 1",
               Noticed::kByVerify},
        Malice{"AHugeFirstVersion", "UPDATE stream SET first = 9223372036854775807 WHERE key = 1",
               Noticed::kByVerify},
        Malice{"AStreamWithoutAName", "UPDATE stream SET name = '' WHERE key = 1",
               Noticed::kByVerify},
        Malice{"AStreamNameWithoutADash", "UPDATE stream SET name = 'order' WHERE key = 1",
               Noticed::kByVerify},
        Malice{"AnAnswerThatIsNone", "UPDATE once SET answer = 'x' WHERE name = '10'",
               Noticed::kByReads},
        Malice{"AnAnswerBeyondNumbers",
               "UPDATE once SET answer = '99999999999999999999:1' WHERE name = '10'",
               Noticed::kByReads},
        Malice{"NoIndex", "DROP INDEX event_by_stream", Noticed::kByOpen},
        Malice{"NoEventTable", "DROP TABLE event", Noticed::kByOpen}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(BadRowTest, ATriggerSomebodyLeftDoesNotFire) {
  TempDir dir;
  ClosedFiles().WriteTo(dir);
  RawDb(dir.File("log.db"))
      .Exec("CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM event; END");
  auto store = SqliteEventStore::Open({.path = dir.File("log.db")});
  if (!store.ok()) return;  // refused is as good
  EXPECT_THAT((*store)->Append("order-1", ExpectedVersion::Any(), {MakeEvent({})}), IsOk());
  EXPECT_THAT((*store)->Verify(), IsOk());
}

}  // namespace
}  // namespace daybook::fault
