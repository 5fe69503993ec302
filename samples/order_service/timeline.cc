#include "timeline.h"

#include <iomanip>
#include <memory>
#include <ostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "api/json.h"
#include "api/request.h"
#include "api/views.h"
#include "domain/money.h"

namespace shop {
namespace {

absl::Status AddEvents(Shop& shop, const std::string& stream, api::v1::Timeline* timeline) {
  const auto page = shop.store.Read(daybook::StreamQuery{.stream = stream});
  if (!page.ok()) return page.status();
  for (const daybook::StoredEvent& stored : page->events) {
    auto event = ViewOf(stored);
    if (!event.ok()) return event.status();
    *timeline->add_events() = *std::move(event);
  }
  return absl::OkStatus();
}

// "OrderShipped" and what it says, as JSON.
std::pair<std::string, std::string> Describe(const google::protobuf::Any& any) {
  const std::string& url = any.type_url();
  const std::string name = url.substr(url.rfind('/') + 1);
  const std::string short_name = name.substr(name.rfind('.') + 1);
  const auto* type =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  if (type == nullptr) return {short_name, "?"};
  std::unique_ptr<google::protobuf::Message> event(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (!any.UnpackTo(event.get())) return {short_name, "?"};
  return {short_name, ToJson(*event).value_or("?")};
}

template <typename View>
void PrintHead(std::ostream& out, const std::string& kind, const View& view, int lines) {
  out << kind << ' ' << view.id() << ": " << view.status() << ", " << lines
      << (lines == 1 ? " line, " : " lines, ") << FormatMoney(view.total_minor(), view.currency())
      << ", version " << view.version() << '\n';
}

}  // namespace

absl::StatusOr<api::v1::Timeline> TimelineOf(Shop& shop, const std::string& id) {
  if (!IsId(id)) return absl::NotFoundError(absl::StrCat("'", id, "' cannot be an id"));
  api::v1::Timeline timeline;
  const auto order = shop.orders.Load(id);
  if (order.ok()) {
    *timeline.mutable_order() = ViewOf(*order);
    if (absl::Status read = AddEvents(shop, "order-" + id, &timeline); !read.ok()) return read;
    return timeline;
  }
  if (!absl::IsNotFound(order.status())) return order.status();
  const auto note = shop.credit_notes.Load(id);
  if (absl::IsNotFound(note.status())) {
    return absl::NotFoundError(absl::StrCat("there is no order and no credit note ", id));
  }
  if (!note.ok()) return note.status();
  *timeline.mutable_credit_note() = ViewOf(*note);
  if (absl::Status read = AddEvents(shop, "credit_note-" + id, &timeline); !read.ok()) return read;
  return timeline;
}

void Print(std::ostream& out, const api::v1::Timeline& timeline) {
  if (timeline.has_order()) {
    PrintHead(out, "order", timeline.order(), timeline.order().lines_size());
  } else {
    PrintHead(out, "credit note", timeline.credit_note(), timeline.credit_note().items_size());
  }
  for (const api::v1::Event& event : timeline.events()) {
    const auto [name, content] = Describe(event.event());
    const absl::Time at = absl::FromUnixMicros(event.recorded_at().seconds() * 1'000'000 +
                                               event.recorded_at().nanos() / 1000);
    out << std::setw(6) << event.version() << "  "
        << absl::FormatTime("%Y-%m-%d %H:%M:%E3S", at, absl::UTCTimeZone()) << "  " << std::left
        << std::setw(16) << name << std::right << "  " << content << '\n';
  }
}

}  // namespace shop
