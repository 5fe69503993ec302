#include "demo/demo.h"

#include <algorithm>
#include <iomanip>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "api/http_server.h"
#include "carry/carrier.h"
#include "daybook/sqlite_event_store.h"
#include "demo/audit.h"
#include "demo/ledger.h"
#include "demo/round_trip.h"
#include "demo/traffic.h"
#include "messaging.h"
#include "readmodel/read_models.h"
#include "shop.h"
#include "timeline.h"

namespace shop {
namespace {

absl::StatusOr<Traffic> Serve(const DemoOptions& options, Ledger& ledger) {
  auto store = daybook::SqliteEventStore::Open({.path = options.db});
  if (!store.ok()) return store.status();
  Shop shop(**store);
  auto models = ReadModels::Start(**store, (*store)->path());
  if (!models.ok()) return models.status();
  auto messaging = Messaging::Start(shop, (*store)->path(), "in_process");
  if (!messaging.ok()) return messaging.status();
  auto server = HttpServer::Start(shop, [&store] { return (*store)->Health(); },
                                  {.read_models = models->get(), .messaging = messaging->get()});
  if (!server.ok()) return server.status();
  return DriveTraffic((*server)->url(), options, ledger);
}

double Quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

std::string PerSecond(int64_t count, double seconds) {
  return absl::StrCat(static_cast<int64_t>(static_cast<double>(count) / std::max(seconds, 0.001)));
}

}  // namespace

absl::StatusOr<api::v1::DemoReport> RunDemo(const DemoOptions& options) {
  Ledger ledger;
  const auto traffic = Serve(options, ledger);
  if (!traffic.ok()) return traffic.status();
  // Opened anew: what is checked is what the file holds, not what a process remembers.
  auto store = daybook::SqliteEventStore::Open({.path = options.db});
  if (!store.ok()) return store.status();
  api::v1::DemoReport report;
  report.set_db((*store)->path());
  report.set_customers(options.customers);
  report.set_seconds(traffic->seconds);
  report.set_requests(static_cast<int64_t>(traffic->latencies_ms.size()));
  report.set_median_ms(Quantile(traffic->latencies_ms, 0.5));
  report.set_worst_percent_ms(Quantile(traffic->latencies_ms, 0.99));
  if (absl::Status audited = Audit(**store, ledger, &report); !audited.ok()) return audited;
  auto parcels = daybook::SqliteEventStore::Open({.path = ParcelFile(options.db)});
  if (!parcels.ok()) return parcels.status();
  absl::Status audited = AuditRoundTrip(**store, **parcels, &report);
  if (!audited.ok()) return audited;
  return report;
}

bool AllHold(const api::v1::DemoReport& report) {
  return std::all_of(report.checks().begin(), report.checks().end(),
                     [](const auto& check) { return check.holds(); });
}

void Print(std::ostream& out, const api::v1::DemoReport& report) {
  out << std::fixed << std::setprecision(1);
  out << "In " << report.seconds() << " seconds\n\n"
      << "  " << report.customers() << " customers made " << report.requests() << " requests, "
      << PerSecond(report.requests(), report.seconds()) << " a second; half were answered within "
      << report.median_ms() << " ms, 99% within " << report.worst_percent_ms() << " ms.\n"
      << "  They placed " << report.orders() << " orders and paid " << report.paid() << "; "
      << report.delivered() << " orders were delivered, " << report.cancelled() << " cancelled, "
      << "and " << report.credit_notes() << " times something came back.\n"
      << "  " << report.events() << " events were written, "
      << PerSecond(report.events(), report.seconds())
      << " a second, each synced to the disk before its customer had an answer.\n"
      << "  Shipping, a service with a file of its own, sent " << report.round_trip().parcels()
      << " parcels; " << report.round_trip().messages() << " messages were published by the two. "
      << report.round_trip().shipped() << " orders were shipped, " << report.round_trip().lost()
      << " lost.\n"
      << "  " << report.repeats() << " requests came twice with one Idempotency-Key: done once, "
      << "answered alike.\n"
      << "  " << report.stale_writes() << " came too late, the order had changed (412): looked "
      << "again and repeated.\n"
      << "  " << report.refusals() << " broke a rule of the shop (422): nothing was written.\n\n"
      << "What one of the orders has been through\n\n";
  Print(out, report.timeline());
  out << "\nWhat customers were told, against the file opened anew\n\n";
  for (const auto& check : report.checks()) {
    out << (check.holds() ? "  holds  " : "  FAILS  ") << check.claim() << '\n';
  }
}

}  // namespace shop
