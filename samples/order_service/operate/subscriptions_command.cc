#include "operate/subscriptions_command.h"

#include <unistd.h>

#include <iomanip>
#include <iostream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "api/api.pb.h"
#include "api/json.h"
#include "daybook/subscriptions.h"
#include "import/print.h"
#include "readmodel/rebuild.h"

namespace shop {
namespace {

using daybook::ParkedRecord;
using daybook::Position;
using daybook::SubscriptionHealth;
using daybook::Subscriptions;

std::string Text(const absl::Status& status) {
  return status.ok() ? ""
                     : absl::StrCat(absl::StatusCodeToString(status.code()), ": ",
                                    std::string(status.message()));
}

absl::Status PrintAsJson(const google::protobuf::Message& message) {
  const auto json = ToJson(message, JsonStyle::kReadable);
  if (!json.ok()) return json.status();
  std::cout << *json;
  return absl::OkStatus();
}

absl::Status PrintList(const std::vector<SubscriptionHealth>& all, bool json) {
  if (json) {
    api::v1::SubscriptionList list;
    for (const SubscriptionHealth& one : all) {
      api::v1::SubscriptionView* view = list.add_subscriptions();
      view->set_name(one.name);
      view->set_state(std::string(Name(one.state)));
      view->set_checkpoint(one.checkpoint.value());
      view->set_lag(one.lag);
      view->set_parked(one.parked_records);
      view->set_owner(one.owner);
      view->set_error(Text(one.last_error));
    }
    return PrintAsJson(list);
  }
  if (all.empty()) std::cout << "no subscription has been started on this file yet\n";
  for (const SubscriptionHealth& one : all) {
    std::cout << one.name << ": " << Name(one.state) << ", at " << one.checkpoint.value() << " of "
              << one.head.value() << ", " << one.parked_records << " parked";
    if (!one.owner.empty()) std::cout << ", run by " << one.owner;
    std::cout << '\n';
    if (one.lowest_unfinished.has_value() && one.lowest_unfinished->failed_attempts > 0) {
      std::cout << "  position " << one.lowest_unfinished->position.value() << " ("
                << one.lowest_unfinished->lane << ") has failed "
                << one.lowest_unfinished->failed_attempts << " times\n";
    }
    if (!one.last_error.ok()) std::cout << "  " << Text(one.last_error) << '\n';
  }
  return absl::OkStatus();
}

absl::Status PrintParked(const std::vector<ParkedRecord>& records, bool json) {
  if (json) {
    api::v1::ParkedList list;
    for (const ParkedRecord& record : records) {
      api::v1::ParkedView* view = list.add_parked();
      view->set_position(record.position.value());
      view->set_lane(record.lane);
      view->set_attempts(record.attempts);
      view->set_reason(Text(record.reason));
      view->set_parked_at(
          absl::FormatTime(absl::FromChrono(record.parked_at), absl::UTCTimeZone()));
    }
    return PrintAsJson(list);
  }
  for (const ParkedRecord& record : records) {
    std::cout << record.position.value() << "  " << record.lane << "  " << record.attempts
              << (record.attempts == 1 ? " attempt  " : " attempts  ") << Text(record.reason)
              << '\n';
  }
  if (records.empty()) std::cout << "nothing is parked\n";
  return absl::OkStatus();
}

absl::Status Rebuild(daybook::SqliteEventStore& store, const std::string& name) {
  std::function<void(size_t, size_t)> on_progress = [](size_t, size_t) {};
  if (isatty(STDERR_FILENO) != 0) on_progress = ProgressBar(std::cerr);
  return RebuildReadModel(store, name, on_progress);
}

}  // namespace

struct SubscriptionsCommand::Arguments {
  std::string name;
  int64_t position = 0;
  std::string lane;
};

SubscriptionsCommand::SubscriptionsCommand(CLI::App& app,
                                           const std::function<void(CLI::App*)>& add_common)
    : command_(app.add_subcommand("subscriptions",
                                  "List the subscriptions, or operate one; also while it runs")),
      arguments_(std::make_shared<Arguments>()) {
  add_common(command_);
  command_->require_subcommand(0, 1);
  command_->fallthrough();
  const auto add = [&](const char* name, const char* what) {
    CLI::App* command = command_->add_subcommand(name, what);
    command->add_option("NAME", arguments_->name, "The subscription's name")->required();
    return command;
  };
  add("pause", "Hand nothing more out");
  add("resume", "Go on, after a pause or a stop");
  add("reset", "Handle again, or skip to, what follows a position")
      ->add_option("POSITION", arguments_->position, "Of the log; 0: everything")
      ->required()
      ->check([](const std::string& text) -> std::string {
        int64_t position = 0;
        if (absl::SimpleAtoi(text, &position) && position >= 0) return "";
        return "is no position: a whole number, 0 or more";
      });
  add("parked", "List the records that were set aside");
  add("replay", "Handle parked records again")
      ->add_option("LANE", arguments_->lane, "Only these; otherwise all lanes");
  CLI::App* discard = add("discard", "Forget a parked record, or a lane of them");
  CLI::Option* position = discard->add_option("POSITION", arguments_->position, "Of the record");
  discard->add_option("--lane", arguments_->lane, "All of this lane")->excludes(position);
  add("rebuild", "Make a read model anew, beside the one that is asked");
  add("remove", "Forget the subscription and how far it had come");
}

absl::Status SubscriptionsCommand::Run(daybook::SqliteEventStore& store, bool json) const {
  Subscriptions subscriptions(store);
  const std::vector<CLI::App*> chosen = command_->get_subcommands();
  if (chosen.empty()) {
    const auto all = subscriptions.List();
    return all.ok() ? PrintList(*all, json) : all.status();
  }
  const std::string what = chosen.front()->get_name();
  const Arguments& given = *arguments_;
  if (what == "pause") return subscriptions.Pause(given.name);
  if (what == "resume") return subscriptions.Resume(given.name);
  if (what == "reset") return subscriptions.Reset(given.name, Position(given.position));
  if (what == "rebuild") return Rebuild(store, given.name);
  if (what == "remove") return subscriptions.Remove(given.name);
  if (what == "replay") {
    return given.lane.empty() ? subscriptions.ReplayAll(given.name)
                              : subscriptions.Replay(given.name, given.lane);
  }
  if (what == "discard") {
    if (!given.lane.empty()) return subscriptions.DiscardLane(given.name, given.lane);
    if (given.position > 0) return subscriptions.Discard(given.name, Position(given.position));
    return absl::InvalidArgumentError("say which: a POSITION, or --lane LANE");
  }
  const auto parked = subscriptions.Parked(given.name);
  return parked.ok() ? PrintParked(*parked, json) : parked.status();
}

}  // namespace shop
