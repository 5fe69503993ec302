#ifndef DAYBOOK_SRC_EVENT_IDS_H_
#define DAYBOOK_SRC_EVENT_IDS_H_

#include <span>

#include "daybook/event.h"

namespace daybook::internal {

// Fills `ids` with new UUIDv7s, at one system call for up to 25 of them.
void GenerateIds(std::span<EventId> ids);

}  // namespace daybook::internal

#endif  // DAYBOOK_SRC_EVENT_IDS_H_
