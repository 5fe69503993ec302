#ifndef DAYBOOK_TESTS_FRAMEWORK_LEDGER_MODEL_H_
#define DAYBOOK_TESTS_FRAMEWORK_LEDGER_MODEL_H_

#include <string>

#include "daybook/event_store.h"
#include "daybook/projection.h"

namespace daybook::test {

// A read model of accounts: each movement of money with its position, and the sums of them.
ProjectionOptions LedgerOptions(const std::string& folder);
ProjectionHandlers LedgerHandlers();

// Expects that the file holds what the log's events make, up to the position that stands in it, and
// returns that.
Position ExpectAgreement(const std::string& path, EventStore& store);

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_FRAMEWORK_LEDGER_MODEL_H_
