// shipping_service: the command line.

#include <signal.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "broker.h"
#include "google/protobuf/util/json_util.h"
#include "inbox_command.h"
#include "report.pb.h"
#include "shipping.h"

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

struct Flags {
  std::string db = "parcels.db";
  std::string broker = {};
  bool json = false;
};

int Fail(const absl::Status& status) {
  std::cerr << "shipping_service: " << status.message() << '\n';
  return kFailed;
}

absl::StatusOr<std::unique_ptr<shipping::Shipping>> Open(const std::string& db) {
  return shipping::Shipping::Open(db, [](const absl::Status& problem) {
    std::cerr << "shipping_service: " << problem.message() << '\n';
  });
}

absl::Status Print(const shipping::Counts& counts, bool json) {
  if (!json) {
    std::cout << counts.received << " messages received, " << counts.parcels << " parcels made, "
              << counts.duplicates << " duplicates, " << counts.parked << " parked" << std::endl;
    return absl::OkStatus();
  }
  shipping::report::v1::Counts view;
  view.set_received(counts.received);
  view.set_parcels(counts.parcels);
  view.set_duplicates(counts.duplicates);
  view.set_parked(counts.parked);
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto printed = google::protobuf::util::MessageToJsonString(view, &text, options);
  if (!printed.ok()) return absl::InternalError(printed.ToString());
  std::cout << text << std::endl;
  return absl::OkStatus();
}

// What stands in the way, as it comes and goes, until one of the signals comes.
void TellOfTrouble(const shipping::Broker& broker, const sigset_t& stop) {
  const timespec second = {.tv_sec = 1, .tv_nsec = 0};
  std::string told;
  while (sigtimedwait(&stop, nullptr, &second) < 0) {
    const std::string now(broker.Problem().message());
    if (now == told) continue;
    std::cerr << "shipping_service: " << (now.empty() ? "all is well again" : now) << std::endl;
    told = now;
  }
}

int Run(const Flags& flags) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  // Blocked before any thread is made, so that only sigwait() gets them.
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  auto shipping = Open(flags.db);
  if (!shipping.ok()) return Fail(shipping.status());
  auto broker = shipping::Broker::Connect(**shipping, flags.broker);
  if (!broker.ok()) return Fail(broker.status());
  if (!flags.json) {
    std::cout << "shipping what is paid, through " << (*broker)->endpoint() << ", parcels are in "
              << flags.db << std::endl;
  }
  TellOfTrouble(**broker, stop);
  broker->reset();
  const auto counts = (*shipping)->Count();
  if (!counts.ok()) return Fail(counts.status());
  const absl::Status printed = Print(*counts, flags.json);
  return printed.ok() ? 0 : Fail(printed);
}

int Operate(const Flags& flags, const shipping::InboxCommand& inbox) {
  if (!std::filesystem::exists(flags.db)) {
    return Fail(absl::NotFoundError("there is no file " + flags.db + "; name another with --db"));
  }
  auto shipping = Open(flags.db);
  if (!shipping.ok()) return Fail(shipping.status());
  const absl::Status done = inbox.Run((*shipping)->inbox(), flags.json);
  return done.ok() ? 0 : Fail(done);
}

void AddCommon(CLI::App* command, Flags* flags) {
  command->add_option("--db", flags->db, "The database file")->capture_default_str();
  command->add_flag("--json", flags->json, "Print JSON, for programs");
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app(
      "Packs and dispatches a parcel for each order that is paid, until SIGTERM or Ctrl-C.",
      "shipping_service");
  app.require_subcommand(0, 1);
  AddCommon(&app, &flags);
  app.add_option("--broker", flags.broker,
                 "amqp://user:password@host:port/vhost; in the "
                 "environment nobody else sees the password")
      ->envname("SHIPPING_SERVICE_BROKER");
  const shipping::InboxCommand inbox(app,
                                     [&flags](CLI::App* command) { AddCommon(command, &flags); });
  try {
    app.parse(argc, argv);
    if (!inbox.parsed() && flags.broker.empty()) throw CLI::RequiredError("--broker");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  }
  const int exit_code = inbox.parsed() ? Operate(flags, inbox) : Run(flags);
  if (std::cout.flush() || exit_code != 0) return exit_code;
  return Fail(absl::DataLossError("what was to be printed could not be written"));
}
