// What happened to one order or credit note, for people and for programs.

#ifndef SHOP_TIMELINE_H_
#define SHOP_TIMELINE_H_

#include <iosfwd>
#include <string>

#include "absl/status/statusor.h"
#include "api/api.pb.h"
#include "shop.h"

namespace shop {

// The order of this id or, if there is none, the credit note. kNotFound: neither.
absl::StatusOr<api::v1::Timeline> TimelineOf(Shop& shop, const std::string& id);

void Print(std::ostream& out, const api::v1::Timeline& timeline);

}  // namespace shop

#endif  // SHOP_TIMELINE_H_
