// Comparing what the demo's customers were told with what the log holds.

#ifndef SHOP_DEMO_AUDIT_H_
#define SHOP_DEMO_AUDIT_H_

#include "absl/status/status.h"
#include "api/api.pb.h"
#include "daybook/sqlite_event_store.h"
#include "demo/ledger.h"

namespace shop {

// Adds the counts and the checks to the report, and the timeline of one order. An error: the log
// cannot be read.
absl::Status Audit(daybook::SqliteEventStore& store, const Ledger& ledger,
                   api::v1::DemoReport* report);

// Adds what went to shipping and back, and its check.
absl::Status AuditRoundTrip(daybook::EventStore& orders, daybook::EventStore& parcels,
                            api::v1::DemoReport* report);

}  // namespace shop

#endif  // SHOP_DEMO_AUDIT_H_
