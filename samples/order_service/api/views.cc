#include "api/views.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daybook/metadata.h"
#include "google/protobuf/util/time_util.h"

namespace shop {
namespace {

template <typename Repeated>
void CopyLines(const Lines& lines, Repeated* to) {
  for (const auto& [number, line] : lines.all()) {
    api::v1::Line* view = to->Add();
    view->set_line(number);
    view->set_sku(line.sku);
    view->set_description(line.description);
    view->set_quantity(line.quantity);
    view->set_unit_price_minor(line.unit_price_minor);
    view->set_amount_minor(line.amount_minor());
  }
}

absl::StatusOr<std::unique_ptr<google::protobuf::Message>> Decode(
    const daybook::StoredEvent& stored) {
  const auto* type =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(stored.type);
  if (type == nullptr) return absl::DataLossError(absl::StrCat("unknown event ", stored.type));
  std::unique_ptr<google::protobuf::Message> event(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (!event->ParseFromString(stored.payload)) {
    return absl::DataLossError(absl::StrCat("cannot decode ", stored.type));
  }
  return event;
}

}  // namespace

NewLine FromView(const api::v1::NewLine& line) {
  return {.sku = line.sku(),
          .description = line.description(),
          .quantity = line.quantity(),
          .unit_price_minor = line.unit_price_minor()};
}

api::v1::Order ViewOf(const Order& order) {
  api::v1::Order view;
  view.set_id(order.id());
  view.set_version(order.version().value());
  view.set_status(std::string(Name(order.status())));
  view.set_customer_id(order.customer_id());
  view.set_currency(order.currency());
  view.set_country(order.country());
  view.set_total_minor(order.lines().total_minor());
  CopyLines(order.lines(), view.mutable_lines());
  view.set_payment_reference(order.payment_reference());
  view.set_carrier(order.carrier());
  view.set_tracking(order.tracking());
  if (order.placed_at().has_value()) *view.mutable_placed_at() = *order.placed_at();
  return view;
}

api::v1::CreditNote ViewOf(const CreditNote& note) {
  api::v1::CreditNote view;
  view.set_id(note.id());
  view.set_version(note.version().value());
  view.set_status(std::string(Name(note.status())));
  view.set_customer_id(note.customer_id());
  view.set_currency(note.currency());
  view.set_order_id(note.order_id());
  view.set_total_minor(note.lines().total_minor());
  CopyLines(note.lines(), view.mutable_items());
  view.set_refund_reference(note.refund_reference());
  if (note.opened_at().has_value()) *view.mutable_opened_at() = *note.opened_at();
  return view;
}

absl::StatusOr<api::v1::Event> ViewOf(const daybook::StoredEvent& stored) {
  auto event = Decode(stored);
  if (!event.ok()) return event.status();
  auto metadata = daybook::MetadataOf(stored.View());
  if (!metadata.ok()) return metadata.status();
  api::v1::Event view;
  view.set_version(stored.version.value());
  view.set_position(stored.position.value());
  view.set_id(stored.id.ToString());
  *view.mutable_recorded_at() = google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(
      stored.time.time_since_epoch().count());
  view.mutable_event()->PackFrom(**event);
  *view.mutable_metadata() = *std::move(metadata);
  return view;
}

}  // namespace shop
