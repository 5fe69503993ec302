#ifndef DAYBOOK_SRC_SUBSCRIPTION_PROCESS_H_
#define DAYBOOK_SRC_SUBSCRIPTION_PROCESS_H_

#include "daybook/subscription.pb.h"

namespace daybook::internal {

// Says which process this is, as far as /proc tells.
void IdentifySelf(ProcessRow& row);

// Whether the process of the row is known to have ended. False wherever that cannot be seen from
// here: on another machine or after another boot, in another namespace, without /proc.
bool HasEnded(const ProcessRow& row);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_SUBSCRIPTION_PROCESS_H_
