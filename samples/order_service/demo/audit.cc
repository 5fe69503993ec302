#include "demo/audit.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "demo/round_trip.h"
#include "domain/money.h"
#include "domain/order_events.pb.h"
#include "shop.h"
#include "timeline.h"

namespace shop {
namespace {

constexpr char kCurrency[] = "EUR";

void AddCheck(const std::string& claim, bool holds, api::v1::DemoReport* report) {
  api::v1::DemoReport::Check* check = report->add_checks();
  check->set_claim(claim);
  check->set_holds(holds);
}

// Does each of them stand exactly where its customer saw it last?
template <typename A>
absl::StatusOr<bool> StandAsSeen(daybook::Repository<A>& repository,
                                 const std::map<std::string, Ledger::Seen>& seen) {
  bool all = true;
  for (const auto& [id, last] : seen) {
    const auto found = repository.Load(id);
    if (absl::IsNotFound(found.status())) {
      all = false;
      continue;
    }
    if (!found.ok()) return found.status();
    all &= found->version().value() == last.version && Name(found->status()) == last.status &&
           found->lines().total_minor() == last.total_minor;
  }
  return all;
}

// Adds up the payments by looking at every event of the log.
absl::StatusOr<int64_t> PaidInLog(daybook::EventStore& store) {
  int64_t paid = 0;
  daybook::LogQuery query{.filter = {.types = {orders::v1::OrderPaid::descriptor()->full_name()}}};
  for (;;) {
    const auto scan = store.Visit(query, [&paid](const daybook::RecordedEvent& event) {
      orders::v1::OrderPaid payment;
      if (!payment.ParseFromArray(event.payload().data(),
                                  static_cast<int>(event.payload().size()))) {
        return absl::DataLossError("a payment cannot be decoded");
      }
      paid += payment.amount_minor();
      return absl::OkStatus();
    });
    if (!scan.ok()) return scan.status();
    if (scan->end) return paid;
    query.after = scan->looked;
  }
}

int64_t EventsSeen(const Ledger& ledger) {
  int64_t events = 0;
  for (const auto& [id, seen] : ledger.orders()) events += seen.version;
  for (const auto& [id, seen] : ledger.credit_notes()) events += seen.version;
  return events;
}

void Count(const Ledger& ledger, api::v1::DemoReport* report) {
  report->set_orders(static_cast<int64_t>(ledger.orders().size()));
  report->set_credit_notes(static_cast<int64_t>(ledger.credit_notes().size()));
  for (const auto& [id, seen] : ledger.orders()) {
    report->set_delivered(report->delivered() + (seen.status == "delivered"));
    report->set_cancelled(report->cancelled() + (seen.status == "cancelled"));
  }
  report->set_repeats(ledger.repeats);
  report->set_refusals(ledger.refusals);
  report->set_stale_writes(ledger.stale_writes);
  report->set_paid(FormatMoney(ledger.paid_minor, kCurrency));
}

// The order that most has happened to, of those that got to their customer.
std::string PickOne(const Ledger& ledger) {
  std::pair<int64_t, std::string> best;
  for (const auto& [id, seen] : ledger.orders()) {
    if (seen.status == "delivered" && seen.version > best.first) best = {seen.version, id};
  }
  return best.second.empty() && !ledger.orders().empty() ? ledger.orders().begin()->first
                                                         : best.second;
}

}  // namespace

absl::Status Audit(daybook::SqliteEventStore& store, const Ledger& ledger,
                   api::v1::DemoReport* report) {
  Shop shop(store);
  Count(ledger, report);
  const auto head = store.Head();
  if (!head.ok()) return head.status();
  report->set_events(head->value());
  const auto orders = StandAsSeen(shop.orders, ledger.orders());
  if (!orders.ok()) return orders.status();
  AddCheck(absl::StrCat("each of the ", report->orders(),
                        " orders stands exactly where its customer saw it last"),
           *orders, report);
  const auto notes = StandAsSeen(shop.credit_notes, ledger.credit_notes());
  if (!notes.ok()) return notes.status();
  AddCheck(absl::StrCat("and so does each of the ", report->credit_notes(), " credit notes"),
           *notes, report);
  AddCheck(absl::StrCat("the log holds the ", EventsSeen(ledger),
                        " events that customers were told of, and no other"),
           EventsSeen(ledger) == head->value(), report);
  const auto paid = PaidInLog(store);
  if (!paid.ok()) return paid.status();
  AddCheck(absl::StrCat("the payments in the log add up to the ", report->paid(),
                        " that customers paid"),
           *paid == ledger.paid_minor, report);
  const absl::Status sound = store.Verify();
  AddCheck("the file is sound from end to end", sound.ok(), report);
  auto timeline = TimelineOf(shop, PickOne(ledger));
  if (!timeline.ok()) return timeline.status();
  *report->mutable_timeline() = *std::move(timeline);
  return absl::OkStatus();
}

absl::Status AuditRoundTrip(daybook::EventStore& orders, daybook::EventStore& parcels,
                            api::v1::DemoReport* report) {
  auto trip = CountRoundTrip(orders, parcels);
  if (!trip.ok()) return trip.status();
  AddCheck(absl::StrCat("each of the ", trip->paid(),
                        " orders that were paid was shipped once, with the one parcel that "
                        "shipping made for it"),
           IsWhole(*trip) && trip->shipped() == trip->paid(), report);
  *report->mutable_round_trip() = *std::move(trip);
  return absl::OkStatus();
}

}  // namespace shop
