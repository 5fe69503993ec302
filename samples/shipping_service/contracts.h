// What this service publishes of its events.

#ifndef SHIPPING_CONTRACTS_H_
#define SHIPPING_CONTRACTS_H_

#include "daybook/translator.h"

namespace shipping {

daybook::Translator ParcelContracts();

}  // namespace shipping

#endif  // SHIPPING_CONTRACTS_H_
