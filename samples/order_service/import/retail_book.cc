#include "import/retail_book.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "api/request.h"
#include "import/csv.h"

namespace shop {
namespace {

// nullopt: unreadable. REQUIRES: text is not empty.
std::optional<google::protobuf::Timestamp> ParseTime(const std::string& text) {
  if (text.front() < '0' || text.front() > '9') return std::nullopt;
  for (const char* format :
       {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%m/%d/%Y %H:%M"}) {
    absl::Time time;
    if (!absl::ParseTime(format, text, &time, nullptr)) continue;
    const int64_t year = absl::ToCivilYear(time, absl::UTCTimeZone()).year();
    if (year < 1900 || year > 2100) return std::nullopt;
    return At(std::chrono::sys_seconds(std::chrono::seconds(absl::ToUnixSeconds(time))));
  }
  return std::nullopt;
}

// Line breaks and the like, as spreadsheets leave them in a cell. A NUL no spreadsheet leaves: it
// stays, and the row is refused.
std::string OneLine(std::string text) {
  for (char& c : text) {
    if (c != '\0' && absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  return text;
}

// "17850.0" is customer 17850.
std::string CustomerId(const std::string& text) {
  const auto number = Decimal::Parse(text);
  const auto whole = number.has_value() ? number->Whole() : std::nullopt;
  return whole.has_value() ? std::to_string(*whole) : text;
}

class BookReader {
 public:
  void Take(CsvRow row) {
    if (columns_.empty()) return TakeHeader(std::move(row.fields));
    ++book_.rows;
    if (row.fields.size() != columns_.size()) {
      return Refuse(row, {},
                    absl::StrCat("has ", row.fields.size(), " columns, not ", columns_.size()));
    }
    TakeRow(row);
  }

  absl::StatusOr<RetailBook> Finish() {
    for (const char* name : kRequired) {
      if (columns_.count(name) == 0) {
        return absl::InvalidArgumentError(absl::StrCat("there is no column ", name));
      }
    }
    if (overflow_) return absl::OutOfRangeError("the file's total does not fit");
    return std::move(book_);
  }

 private:
  static constexpr const char* kRequired[] = {"InvoiceNo", "StockCode", "Description",
                                              "Quantity",  "UnitPrice", "CustomerID"};

  void TakeHeader(std::vector<std::string> names) {
    for (size_t i = 0; i < names.size(); ++i) columns_.emplace(std::move(names[i]), i);
  }

  void TakeRow(const CsvRow& row) {
    const auto number = Decimal::Parse(Field(row, "Quantity"));
    const auto quantity = number.has_value() ? number->Whole() : std::nullopt;
    if (!quantity.has_value()) return Refuse(row, {}, "the quantity cannot be read");
    const auto price = Decimal::Parse(Field(row, "UnitPrice"));
    const auto amount = price.has_value() ? price->Times(*quantity) : std::nullopt;
    if (!amount.has_value()) return Refuse(row, {}, "the unit price cannot be read");
    AddToTotal(*amount);
    if (!price->Hundredths().has_value()) {
      return Refuse(row, amount, "the unit price has a fraction of a penny");
    }
    AddToInvoice(row, *quantity, *price->Hundredths(), *amount);
  }

  // The sum of the magnitudes bounds every sum that is made of these amounts later.
  void AddToTotal(Decimal amount) {
    const auto magnitude = amount < Decimal() ? amount.Times(-1) : amount;
    const auto magnitudes = magnitude.has_value() ? magnitudes_.Plus(*magnitude) : std::nullopt;
    overflow_ |= !magnitudes.has_value();
    if (overflow_) return;
    magnitudes_ = *magnitudes;
    book_.total = *book_.total.Plus(amount);
  }

  void AddToInvoice(const CsvRow& row, int64_t quantity, int64_t price_minor, Decimal amount) {
    const std::string number = Field(row, "InvoiceNo");
    if (!IsId(number)) return Refuse(row, amount, "the invoice number cannot be a name");
    const std::string date = Field(row, "InvoiceDate");
    const BusinessTime at = date.empty() ? std::nullopt : ParseTime(date);
    if (!date.empty() && !at.has_value()) return Refuse(row, amount, "the date cannot be read");
    Invoice& invoice =
        InvoiceOf(number, CustomerId(Field(row, "CustomerID")), OneLine(Field(row, "Country")));
    if (invoice.customer_id != CustomerId(Field(row, "CustomerID"))) {
      return Refuse(row, amount, "the invoice is another customer's");
    }
    if (at.has_value()) {
      const auto earlier = [](const auto& a, const auto& b) { return a.seconds() < b.seconds(); };
      invoice.first_at = std::min(invoice.first_at.value_or(*at), *at, earlier);
      invoice.last_at = std::max(invoice.last_at.value_or(*at), *at, earlier);
    }
    invoice.rows.push_back({.line = row.line,
                            .item = {.sku = Field(row, "StockCode"),
                                     .description = OneLine(Field(row, "Description")),
                                     .quantity = invoice.is_return() ? -quantity : quantity,
                                     .unit_price_minor = price_minor},
                            .amount = amount});
  }

  Invoice& InvoiceOf(const std::string& number, const std::string& customer_id,
                     const std::string& country) {
    const auto [found, added] = by_number_.emplace(number, book_.invoices.size());
    if (added) {
      book_.invoices.push_back({.number = number, .customer_id = customer_id, .country = country});
    }
    return book_.invoices[found->second];
  }

  std::string Field(const CsvRow& row, const std::string& column) const {
    const auto found = columns_.find(column);
    return found == columns_.end() || found->second >= row.fields.size()
               ? ""
               : row.fields[found->second];
  }

  void Refuse(const CsvRow& row, std::optional<Decimal> amount, const std::string& reason) {
    book_.unreadable.push_back(
        {.line = row.line, .invoice = Field(row, "InvoiceNo"), .reason = reason, .amount = amount});
  }

  std::map<std::string, size_t> columns_;
  std::map<std::string, size_t> by_number_;
  RetailBook book_;
  Decimal magnitudes_;
  bool overflow_ = false;
};

}  // namespace

absl::StatusOr<RetailBook> ReadRetailBook(const std::string& path) {
  BookReader reader;
  absl::Status read = ReadCsv(path, [&reader](CsvRow row) { reader.Take(std::move(row)); });
  if (!read.ok()) return read;
  return reader.Finish();
}

}  // namespace shop
