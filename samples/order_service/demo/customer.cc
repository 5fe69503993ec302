#include "demo/customer.h"

#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/json.h"
#include "daybook/event.h"
#include "domain/order.h"

namespace shop {
namespace {

struct Item {
  const char* sku;
  const char* description;
  int64_t price_minor;
};

constexpr Item kItems[] = {
    {"BEAN-1", "Espresso beans, 1 kg", 1890}, {"BEAN-2", "Filter beans, 500 g", 1150},
    {"CUP-6", "Cups, set of 6", 2400},        {"MILK-1", "Milk jug", 995},
    {"GRIND-1", "Hand grinder", 4950},        {"FILT-100", "Paper filters, 100", 450},
    {"KETTLE-1", "Kettle, 1 l", 6900},
};

constexpr std::chrono::seconds kAnsweredWithin(30);
constexpr std::chrono::milliseconds kLookAgain(5);

absl::Status Unexpected(const std::string& asked, int wanted, const Answer& answer) {
  return absl::InternalError(absl::StrCat(asked, " should have been answered with ", wanted,
                                          ", but was with ", answer.status, ": ", answer.body));
}

}  // namespace

Customer::Customer(std::string name, Client& client, Ledger& ledger, std::mt19937& random)
    : name_(std::move(name)), client_(client), ledger_(ledger), random_(random) {}

bool Customer::Chance(int percent) { return static_cast<int>(random_() % 100) < percent; }

std::string Customer::NewKey() { return daybook::EventId::Generate().ToString(); }

api::v1::NewLine Customer::PickItem() {
  const Item& item = kItems[random_() % std::size(kItems)];
  api::v1::NewLine line;
  line.set_sku(item.sku);
  line.set_description(item.description);
  line.set_quantity(1 + random_() % 4);
  line.set_unit_price_minor(item.price_minor);
  return line;
}

absl::StatusOr<Answer> Customer::Send(const std::string& path,
                                      const google::protobuf::Message& body) {
  const httplib::Headers headers = {{"Idempotency-Key", NewKey()}, {"X-Actor", name_}};
  auto answer = client_.Post(path, body, headers);
  if (!answer.ok() || answer->status >= 300 || !Chance(10)) return answer;
  const auto again = client_.Post(path, body, headers);
  if (!again.ok()) return again.status();
  if (again->body != answer->body || again->etag != answer->etag ||
      again->position != answer->position) {
    return absl::InternalError(absl::StrCat(
        path, " was answered differently the second time: ", answer->body, " / ", again->body));
  }
  ++ledger_.repeats;
  return answer;
}

absl::StatusOr<api::v1::Order> Customer::Place(int lines) {
  api::v1::PlaceOrder body;
  body.set_customer_id(name_);
  body.set_currency("EUR");
  for (int i = 0; i < lines; ++i) *body.add_lines() = PickItem();
  const auto answer = Send("/orders", body);
  if (!answer.ok()) return answer.status();
  if (answer->status != 201) return Unexpected("POST /orders", 201, *answer);
  api::v1::Order order;
  if (absl::Status parsed = FromJson(answer->body, &order); !parsed.ok()) return parsed;
  ledger_.SawOrder(order);
  return order;
}

absl::Status Customer::Do(const std::string& step, const google::protobuf::Message& body) {
  const std::string path = absl::StrCat("/orders/", order_.id(), "/", step);
  const auto answer = Send(path, body);
  if (!answer.ok()) return answer.status();
  if (answer->status != 200) return Unexpected(path, 200, *answer);
  order_.Clear();
  if (absl::Status parsed = FromJson(answer->body, &order_); !parsed.ok()) return parsed;
  ledger_.SawOrder(order_);
  return absl::OkStatus();
}

absl::Status Customer::ExpectRefusal(const std::string& step,
                                     const google::protobuf::Message& body) {
  const std::string path = absl::StrCat("/orders/", order_.id(), "/", step);
  const auto answer = client_.Post(path, body);
  if (!answer.ok()) return answer.status();
  if (answer->status != 422) return Unexpected(path, 422, *answer);
  ++ledger_.refusals;
  return absl::OkStatus();
}

absl::Status Customer::ChangeMind() {
  const httplib::Headers if_unchanged = {{"If-Match", absl::StrCat("\"", order_.version(), "\"")}};
  const std::string line = absl::StrCat("/orders/", order_.id(), "/lines/", order_.lines(0).line());
  api::v1::ChangeQuantity body;
  body.set_quantity(order_.lines(0).quantity() + 1);
  const bool remove = order_.lines_size() > 1 && Chance(30);
  const auto answer =
      remove ? client_.Delete(line, if_unchanged) : client_.Put(line, body, if_unchanged);
  if (!answer.ok()) return answer.status();
  if (answer->status != 200) return Unexpected(line, 200, *answer);
  order_.Clear();
  if (absl::Status parsed = FromJson(answer->body, &order_); !parsed.ok()) return parsed;
  ledger_.SawOrder(order_);
  return absl::OkStatus();
}

absl::Status Customer::TryWhatIsNotAllowed() {
  api::v1::ShipOrder ship;
  ship.set_carrier("DHL");
  if (Chance(50)) return ExpectRefusal("ship", ship);  // not paid yet
  api::v1::NewLine fewer_than_none = PickItem();
  fewer_than_none.set_quantity(-1);
  return ExpectRefusal("lines", fewer_than_none);
}

absl::Status Customer::Pay(const api::v1::Order& order) {
  order_ = order;
  api::v1::PayOrder body;
  body.set_amount_minor(order_.total_minor());
  body.set_currency(order_.currency());
  body.set_reference(absl::StrCat("card-", NewKey()));
  if (absl::Status paid = Do("pay", body); !paid.ok()) return paid;
  ledger_.paid_minor += body.amount_minor();
  return absl::OkStatus();
}

absl::Status Customer::AwaitParcel(const std::string& order_id) {
  const std::string path = absl::StrCat("/orders/", order_id);
  const auto deadline = std::chrono::steady_clock::now() + kAnsweredWithin;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto answer = client_.Get(path);
    if (!answer.ok()) return answer.status();
    if (answer->status != 200) return Unexpected(path, 200, *answer);
    order_.Clear();
    if (absl::Status parsed = FromJson(answer->body, &order_); !parsed.ok()) return parsed;
    ledger_.SawOrder(order_);
    if (order_.status() != Name(OrderStatus::kPaid)) return absl::OkStatus();
    std::this_thread::sleep_for(kLookAgain);
  }
  return absl::DeadlineExceededError(absl::StrCat("no parcel came for the order ", order_id));
}

absl::Status Customer::Receive() {
  const std::string id = order_.id();
  if (absl::Status shipped = AwaitParcel(id); !shipped.ok()) return shipped;
  if (Chance(15)) {
    api::v1::CancelOrder too_late;
    too_late.set_reason("changed my mind");
    if (absl::Status refused = ExpectRefusal("cancel", too_late); !refused.ok()) return refused;
  }
  if (Chance(15)) return absl::OkStatus();  // still on its way
  api::v1::DeliverOrder deliver;
  deliver.set_received_by(name_);
  return Do("deliver", deliver);
}

absl::Status Customer::BringBack() {
  const api::v1::Line& line = order_.lines(0);
  api::v1::OpenCreditNote open;
  open.set_order_id(order_.id());
  api::v1::NewLine* item = open.add_items();
  item->set_sku(line.sku());
  item->set_description(line.description());
  item->set_quantity(1);
  item->set_unit_price_minor(line.unit_price_minor());
  const auto opened = Send("/credit-notes", open);
  if (!opened.ok()) return opened.status();
  if (opened->status != 201) return Unexpected("POST /credit-notes", 201, *opened);
  api::v1::CreditNote note;
  if (absl::Status parsed = FromJson(opened->body, &note); !parsed.ok()) return parsed;
  ledger_.SawCreditNote(note);
  const std::string path = absl::StrCat("/credit-notes/", note.id(), "/issue");
  const auto issued = Send(path, api::v1::IssueCreditNote());
  if (!issued.ok()) return issued.status();
  if (issued->status != 200) return Unexpected(path, 200, *issued);
  note.Clear();
  if (absl::Status parsed = FromJson(issued->body, &note); !parsed.ok()) return parsed;
  ledger_.SawCreditNote(note);
  return absl::OkStatus();
}

absl::Status Customer::Shop() {
  auto placed = Place(1 + static_cast<int>(random_() % 4));
  if (!placed.ok()) return placed.status();
  order_ = *std::move(placed);
  if (Chance(40)) {
    if (absl::Status done = Do("lines", PickItem()); !done.ok()) return done;
  }
  if (Chance(30)) {
    if (absl::Status done = ChangeMind(); !done.ok()) return done;
  }
  if (Chance(20)) {
    if (absl::Status done = TryWhatIsNotAllowed(); !done.ok()) return done;
  }
  if (Chance(12)) {
    api::v1::CancelOrder cancel;
    cancel.set_reason("found it in a drawer");
    return Do("cancel", cancel);
  }
  if (absl::Status paid = Pay(api::v1::Order(order_)); !paid.ok()) return paid;
  if (absl::Status received = Receive(); !received.ok()) return received;
  return Chance(10) ? BringBack() : absl::OkStatus();
}

absl::Status Customer::JoinGroupOrder(const std::string& order_id) {
  const std::string path = absl::StrCat("/orders/", order_id);
  const api::v1::NewLine item = PickItem();
  for (;;) {
    const auto seen = client_.Get(path);
    if (!seen.ok()) return seen.status();
    const auto answer = client_.Post(path + "/lines", item, {{"If-Match", seen->etag}});
    if (!answer.ok()) return answer.status();
    if (answer->status == 412) {  // somebody was faster: look again
      ++ledger_.stale_writes;
      continue;
    }
    if (answer->status != 200) return Unexpected(path + "/lines", 200, *answer);
    api::v1::Order order;
    if (absl::Status parsed = FromJson(answer->body, &order); !parsed.ok()) return parsed;
    ledger_.SawOrder(order);
    return absl::OkStatus();
  }
}

}  // namespace shop
