#include "readmodel/revenue.h"

#include <map>

#include "absl/time/time.h"
#include "domain/credit_note_events.pb.h"
#include "domain/order_events.pb.h"

namespace shop {
namespace {

using daybook::ModelRow;
using daybook::ReadModel;
using daybook::RecordedEvent;

// What is paid, cancelled or issued does not say again where it belongs.
constexpr char kRevenueSchema[] = R"(
CREATE TABLE paper (
  stream TEXT PRIMARY KEY,
  country TEXT NOT NULL,
  currency TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE revenue (
  day TEXT NOT NULL,
  country TEXT NOT NULL,
  currency TEXT NOT NULL,
  paid_minor INTEGER NOT NULL,
  given_back_minor INTEGER NOT NULL,
  PRIMARY KEY (day, country, currency)
) STRICT, WITHOUT ROWID;
)";

std::string DayOf(bool is_known, const google::protobuf::Timestamp& time, const RecordedEvent& at) {
  const absl::Time instant =
      is_known ? absl::FromUnixSeconds(time.seconds()) : absl::FromChrono(at.time());
  return absl::FormatTime("%Y-%m-%d", instant, absl::UTCTimeZone());
}

absl::Status Open(ReadModel& db, const RecordedEvent& at, const std::string& country,
                  const std::string& currency) {
  return db.Execute("INSERT INTO paper VALUES (?1, ?2, ?3)", at.stream(), country, currency);
}

absl::Status Book(ReadModel& db, const RecordedEvent& at, const std::string& day, int64_t paid,
                  int64_t given_back) {
  return db.Execute(
      "INSERT INTO revenue SELECT ?2, country, currency, ?3, ?4 FROM paper WHERE stream = ?1 "
      "ON CONFLICT DO UPDATE SET paid_minor = paid_minor + excluded.paid_minor, "
      "given_back_minor = given_back_minor + excluded.given_back_minor",
      at.stream(), day, paid, given_back);
}

}  // namespace

daybook::ProjectionOptions RevenueOptions(const std::string& folder) {
  return {.name = kRevenue, .folder = folder, .schema = kRevenueSchema};
}

daybook::ProjectionHandlers RevenueHandlers() {
  daybook::ProjectionHandlers handlers;
  handlers.On([](ReadModel& db, const orders::v1::OrderPlaced& event, const RecordedEvent& at) {
    return Open(db, at, event.country(), event.currency());
  });
  handlers.On([](ReadModel& db, const orders::v1::OrderPaid& event, const RecordedEvent& at) {
    return Book(db, at, DayOf(event.has_paid_at(), event.paid_at(), at), event.amount_minor(), 0);
  });
  handlers.On([](ReadModel& db, const orders::v1::OrderCancelled& event, const RecordedEvent& at) {
    if (event.refund_minor() == 0) return absl::OkStatus();
    return Book(db, at, DayOf(event.has_cancelled_at(), event.cancelled_at(), at), 0,
                event.refund_minor());
  });
  handlers.On(
      [](ReadModel& db, const credit_notes::v1::CreditNoteOpened& event, const RecordedEvent& at) {
        return Open(db, at, event.country(), event.currency());
      });
  handlers.On(
      [](ReadModel& db, const credit_notes::v1::CreditNoteIssued& event, const RecordedEvent& at) {
        return Book(db, at, DayOf(event.has_issued_at(), event.issued_at(), at), 0,
                    event.total_minor());
      });
  return handlers;
}

absl::StatusOr<api::v1::RevenueReport> ReportRevenue(daybook::ProjectionReader& reader,
                                                     const RevenueQuery& query) {
  const auto rows = reader.Query(
      "SELECT day, country, currency, paid_minor, given_back_minor FROM revenue "
      "WHERE day >= ?1 AND (?2 = '' OR day <= ?2) AND (?3 = '' OR country = ?3) "
      "ORDER BY day, country, currency",
      query.from, query.to, query.country);
  if (!rows.ok()) return rows.status();
  api::v1::RevenueReport report;
  std::map<std::string, api::v1::Revenue> totals;
  for (const ModelRow& row : *rows) {
    api::v1::Revenue* day = report.add_days();
    day->set_day(std::string(row.Text(0)));
    day->set_country(std::string(row.Text(1)));
    day->set_currency(std::string(row.Text(2)));
    day->set_paid_minor(row.Int(3));
    day->set_given_back_minor(row.Int(4));
    day->set_revenue_minor(row.Int(3) - row.Int(4));
    api::v1::Revenue& total = totals[day->currency()];
    total.set_currency(day->currency());
    total.set_paid_minor(total.paid_minor() + day->paid_minor());
    total.set_given_back_minor(total.given_back_minor() + day->given_back_minor());
    total.set_revenue_minor(total.revenue_minor() + day->revenue_minor());
  }
  for (const auto& [currency, total] : totals) *report.add_totals() = total;
  return report;
}

}  // namespace shop
