// The log in bare SQLite: the statements Daybook runs, and no more than the statements.

#ifndef DAYBOOK_BENCH_RAW_LOG_H_
#define DAYBOOK_BENCH_RAW_LOG_H_

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "raw_sqlite.h"

namespace daybook::bench {

enum class Names { kKeys, kText };
enum class Ids { kBlob, kRandomBlob, kTwoIntegers };

// A way to lay out the log. ?1 position, ?2 stream, ?3 version, ?4 type, ?5 id, ?6 time, ?7
// metadata, ?8 payload, ?9 the other half of the id.
struct Layout {
  const char* name = "";
  std::string tables = {};
  std::string insert = {};
  std::string per_append = {};
  std::string per_append_too = {};
  std::string replay = {};
  std::string scan = {};
  Names names = Names::kKeys;
  Ids ids = Ids::kBlob;
  std::string pragmas = {};
};

inline const std::string kColumns = "stream, version, type, id, time, metadata, payload";
inline const std::string kKeyColumns =
    "stream INTEGER NOT NULL, version INTEGER NOT NULL, type INTEGER NOT NULL, id BLOB NOT NULL, "
    "time INTEGER NOT NULL, metadata BLOB NOT NULL, payload BLOB NOT NULL";
inline const std::string kPosition = "CREATE TABLE event(position INTEGER PRIMARY KEY, ";
inline const std::string kByStream = "CREATE UNIQUE INDEX by_stream ON event(stream, version);";

// The one that Daybook uses.
Layout ChosenLayout(const char* name = "chosen");

inline constexpr int kStreams = 10'000;
inline constexpr int kPrefilled = 100'000;
inline constexpr int kLongStream = 1;  // has a tenth of the prefilled events

inline const std::string kMetadata(40, 'm');
inline const std::string kPayload(150, 'p');

std::string StreamName(int64_t stream);
std::string TypeName(int64_t type);

// A log in a file of its own. Used by one thread at a time.
class RawLog {
 public:
  // Holds `prefilled` events at first, in kStreams streams.
  RawLog(const std::string& path, const Layout& layout, int prefilled = kPrefilled);

  // `synchronous`: FULL (power loss) or NORMAL (process).
  void SetSynchronous(const char* synchronous) {
    db_.Execute(std::string("PRAGMA synchronous = ") + synchronous);
  }
  RawDatabase& database() { return db_; }
  int64_t AnyStream() { return static_cast<int64_t>(random_() % (kStreams - 1)) + 2; }

  void Begin() { begin_.Run(); }
  void Commit() { commit_.Run(); }

  // `count` events for one stream, in the transaction under way.
  void Append(int64_t stream, int count, std::string_view payload = kPayload);

  // Read every column of every row, and say how many rows there were.
  int64_t Replay(int64_t stream);
  int64_t Scan(int64_t after, int64_t last);

 private:
  void FillNames();
  void FillEvents(int count);
  void Insert(int64_t stream, std::string_view payload);

  const Layout layout_;
  RawDatabase db_;
  RawStatement begin_, commit_, insert_, per_append_, per_append_too_, replay_, scan_;
  std::vector<int64_t> versions_;
  int64_t position_ = 0;
  std::mt19937_64 random_{1};
};

}  // namespace daybook::bench

#endif  // DAYBOOK_BENCH_RAW_LOG_H_
