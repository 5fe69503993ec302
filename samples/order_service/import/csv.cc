#include "import/csv.h"

#include <csv.h>

#include <fstream>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "domain/text.h"

namespace shop {
namespace {

std::string Utf8(std::string_view text) {
  if (IsUtf8(text)) return std::string(text);
  std::string utf8;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      utf8 += c;
    } else {
      utf8 += static_cast<char>(0xC0 | (byte >> 6));
      utf8 += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return utf8;
}

// libcsv, fed line by line so that each row knows where it began.
class Parser {
 public:
  explicit Parser(const std::function<void(CsvRow row)>& on_row) : on_row_(on_row) {
    csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI);
  }
  ~Parser() { csv_free(&parser_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  absl::Status Line(int64_t number, const std::string& line) {
    if (between_rows_ && (line.empty() || line == "\r")) return absl::OkStatus();
    if (std::exchange(between_rows_, false)) row_.line = number;
    const std::string ended = line + "\n";
    if (csv_parse(&parser_, ended.data(), ended.size(), OnField, OnRow, this) == ended.size()) {
      return absl::OkStatus();
    }
    return Failure();
  }

  absl::Status Finish() {
    return csv_fini(&parser_, OnField, OnRow, this) == 0 ? absl::OkStatus() : Failure();
  }

 private:
  static void OnField(void* field, size_t size, void* self) {
    static_cast<Parser*>(self)->row_.fields.push_back(Utf8({static_cast<char*>(field), size}));
  }

  static void OnRow(int, void* data) {
    auto* self = static_cast<Parser*>(data);
    self->on_row_(std::exchange(self->row_, {}));
    self->between_rows_ = true;
  }

  absl::Status Failure() {
    return absl::InvalidArgumentError(
        absl::StrCat("the quotes of the row at line ", row_.line, " do not match"));
  }

  const std::function<void(CsvRow row)>& on_row_;
  csv_parser parser_;
  CsvRow row_;
  bool between_rows_ = true;
};

}  // namespace

absl::Status ReadCsv(const std::string& path, const std::function<void(CsvRow row)>& on_row) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot open ", path));
  Parser parser(on_row);
  std::string line;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    if (number == 1 && line.rfind("\xEF\xBB\xBF", 0) == 0) line.erase(0, 3);
    if (absl::Status parsed = parser.Line(number, line); !parsed.ok()) return parsed;
  }
  if (file.bad()) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return parser.Finish();
}

}  // namespace shop
