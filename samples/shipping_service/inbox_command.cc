#include "inbox_command.h"

#include <iostream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/json_util.h"
#include "report.pb.h"

namespace shipping {
namespace {

std::string Text(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", std::string(status.message()));
}

absl::Status PrintJson(const std::vector<daybook::ParkedMessage>& messages) {
  report::v1::ParkedMessages list;
  for (const daybook::ParkedMessage& message : messages) {
    report::v1::ParkedMessage* view = list.add_parked();
    view->set_number(message.number);
    view->set_lane(message.lane);
    view->set_type(message.type);
    view->set_id(message.id);
    view->set_attempts(message.attempts);
    view->set_reason(Text(message.reason));
    view->set_parked_at(absl::FormatTime(absl::FromChrono(message.parked_at), absl::UTCTimeZone()));
  }
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(list, &json, options);
  if (!printed.ok()) return absl::InternalError(printed.ToString());
  std::cout << json;
  return absl::OkStatus();
}

void Print(const std::vector<daybook::ParkedMessage>& messages) {
  for (const daybook::ParkedMessage& message : messages) {
    std::cout << message.number << "  " << message.lane << "  " << message.type << "  "
              << message.attempts << (message.attempts == 1 ? " attempt  " : " attempts  ")
              << Text(message.reason) << '\n';
  }
  if (messages.empty()) std::cout << "nothing is parked\n";
}

}  // namespace

InboxCommand::InboxCommand(CLI::App& app, const std::function<void(CLI::App*)>& add_common)
    : command_(app.add_subcommand(
          "inbox", "List the messages that were set aside, or operate one; also while it runs")),
      arguments_(std::make_shared<Arguments>()) {
  add_common(command_);
  command_->require_subcommand(0, 1);
  command_->fallthrough();
  command_->add_subcommand("replay", "Handle parked messages again")
      ->add_option("LANE", arguments_->lane, "Only these; otherwise all lanes");
  command_->add_subcommand("discard", "Forget a parked message")
      ->add_option("NUMBER", arguments_->number, "Its number in the list")
      ->required();
}

absl::Status InboxCommand::Run(daybook::Inbox& inbox, bool json) const {
  const std::vector<CLI::App*> chosen = command_->get_subcommands();
  if (chosen.empty()) {
    const auto parked = inbox.Parked();
    if (!parked.ok()) return parked.status();
    if (json) return PrintJson(*parked);
    Print(*parked);
    return absl::OkStatus();
  }
  if (chosen.front()->get_name() == "discard") return inbox.Discard(arguments_->number);
  return arguments_->lane.empty() ? inbox.ReplayAll() : inbox.Replay(arguments_->lane);
}

}  // namespace shipping
