// What the shop publishes of its events.

#ifndef SHOP_PUBLISH_ORDER_CONTRACTS_H_
#define SHOP_PUBLISH_ORDER_CONTRACTS_H_

#include "daybook/translator.h"

namespace shop {

// Knows every event of the shop: each goes out as a contract, or is ignored by name.
daybook::Translator OrderContracts(
    daybook::TranslatorOptions::Data data = daybook::TranslatorOptions::kProtobuf);

}  // namespace shop

#endif  // SHOP_PUBLISH_ORDER_CONTRACTS_H_
