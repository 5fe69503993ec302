// order_service: the command line.

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "api/http_server.h"
#include "api/json.h"
#include "daybook/sqlite_event_store.h"
#include "demo/demo.h"
#include "demo/round_trip.h"
#include "demo/steady.h"
#include "import/import.h"
#include "import/print.h"
#include "messaging.h"
#include "operate/subscriptions_command.h"
#include "readmodel/read_models.h"
#include "shipping_service/inbox_command.h"
#include "shop.h"
#include "timeline.h"

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

struct Flags {
  std::string db = "orders.db";
  bool json = false;
  shop::HttpServerOptions server = {.port = 8080};
  std::string transport = {};
  std::string csv = {};
  std::string id = {};
  std::string demo_db = {};
  double demo_seconds = 4;
  int demo_customers = 300;
  shop::SteadyOptions customers = {};
  std::string parcels = "parcels.db";
};

int Fail(const absl::Status& status) {
  std::cerr << "order_service: " << status.message() << '\n';
  return kFailed;
}

int PrintJson(const google::protobuf::Message& message) {
  const auto json = shop::ToJson(message, shop::JsonStyle::kReadable);
  if (!json.ok()) return Fail(json.status());
  std::cout << *json << std::flush;
  return 0;
}

absl::StatusOr<std::unique_ptr<daybook::SqliteEventStore>> OpenStore(const std::string& path) {
  return daybook::SqliteEventStore::Open(
      {.path = path, .on_problem = [](const absl::Status& problem) {
         std::cerr << "order_service: " << problem.message() << '\n';
       }});
}

int Serve(const Flags& flags) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  // Blocked before any thread is made, so that only sigwait() gets them.
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  auto store = OpenStore(flags.db);
  if (!store.ok()) return Fail(store.status());
  shop::Shop shop(**store);
  const auto health = [&store] { return (*store)->Health(); };
  auto models = shop::ReadModels::Start(**store, (*store)->path());
  if (!models.ok()) return Fail(models.status());
  shop::HttpServerOptions options = flags.server;
  options.read_models = models->get();
  std::unique_ptr<shop::Messaging> messaging;
  if (!flags.transport.empty()) {
    auto started = shop::Messaging::Start(shop, (*store)->path(), flags.transport);
    if (!started.ok()) return Fail(started.status());
    messaging = *std::move(started);
    options.messaging = messaging.get();
  }
  auto server = shop::HttpServer::Start(shop, health, options);
  if (!server.ok()) return Fail(server.status());
  if (flags.json) {
    shop::api::v1::Listening listening;
    listening.set_url((*server)->url());
    listening.set_db((*store)->path());
    std::cout << shop::ToJson(listening).value_or("{}") << std::endl;
  } else {
    std::cout << "listening on " << (*server)->url() << ", orders are in " << (*store)->path()
              << std::endl;
  }
  int signal = 0;
  sigwait(&stop, &signal);
  server->reset();
  if (!flags.json) std::cout << "stopped" << std::endl;
  return 0;
}

int Import(const Flags& flags) {
  const auto book = shop::ReadRetailBook(flags.csv);
  if (!book.ok()) return Fail(book.status());
  auto store = OpenStore(flags.db);
  if (!store.ok()) return Fail(store.status());
  shop::Shop shop(**store);
  shop::ImportOptions options;
  if (isatty(STDERR_FILENO)) options.on_progress = shop::ProgressBar(std::cerr);
  const auto report = shop::Import(shop, *book, options);
  if (!report.ok()) return Fail(report.status());
  if (flags.json) {
    if (PrintJson(*report) != 0) return kFailed;
  } else {
    shop::Print(std::cout, *report);
  }
  if (report->reconciled()) return 0;
  return Fail(absl::DataLossError("the log and the file DO NOT RECONCILE: see the totals above"));
}

int Show(const Flags& flags) {
  if (!std::filesystem::exists(flags.db)) {
    return Fail(absl::NotFoundError("there is no file " + flags.db + "; name another with --db"));
  }
  auto store = OpenStore(flags.db);
  if (!store.ok()) return Fail(store.status());
  shop::Shop shop(**store);
  const auto timeline = shop::TimelineOf(shop, flags.id);
  if (!timeline.ok()) return Fail(timeline.status());
  if (flags.json) return PrintJson(*timeline);
  shop::Print(std::cout, *timeline);
  return 0;
}

int Operate(const Flags& flags, const shop::SubscriptionsCommand& subscriptions) {
  if (!std::filesystem::exists(flags.db)) {
    return Fail(absl::NotFoundError("there is no file " + flags.db + "; name another with --db"));
  }
  auto store = OpenStore(flags.db);
  if (!store.ok()) return Fail(store.status());
  const absl::Status done = subscriptions.Run(**store, flags.json);
  return done.ok() ? 0 : Fail(done);
}

int OperateInbox(const Flags& flags, const shipping::InboxCommand& inbox) {
  if (!std::filesystem::exists(flags.db)) {
    return Fail(absl::NotFoundError("there is no file " + flags.db + "; name another with --db"));
  }
  auto store = OpenStore(flags.db);
  if (!store.ok()) return Fail(store.status());
  shop::Shop shop(**store);
  auto parcels = shop::ParcelInbox::Open(shop, (*store)->path());
  if (!parcels.ok()) return Fail(parcels.status());
  const absl::Status done = inbox.Run((*parcels)->inbox(), flags.json);
  return done.ok() ? 0 : Fail(done);
}

absl::StatusOr<std::string> DemoFile(const std::string& wanted) {
  if (!wanted.empty()) {
    if (!std::filesystem::exists(wanted)) return wanted;
    return absl::AlreadyExistsError(wanted + " is there already; the demo begins with a new file");
  }
  std::string folder = std::filesystem::temp_directory_path() / "order-service-demo-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return absl::UnavailableError("cannot make " + folder);
  return folder + "/orders.db";
}

int Demo(const Flags& flags, const std::string& program) {
  const auto db = DemoFile(flags.demo_db);
  if (!db.ok()) return Fail(db.status());
  shop::DemoOptions options{.db = *db, .customers = flags.demo_customers};
  options.duration = std::chrono::milliseconds(static_cast<int64_t>(flags.demo_seconds * 1000));
  if (!flags.json) {
    std::cout << "An order service takes orders over HTTP, and keeps them in\n\n  " << *db << "\n\n"
              << std::flush;
    if (isatty(STDERR_FILENO)) options.progress = &std::cerr;
  }
  const auto report = shop::RunDemo(options);
  if (!report.ok()) return Fail(report.status());
  if (flags.json) {
    if (PrintJson(*report) != 0) return kFailed;
  } else {
    shop::Print(std::cout, *report);
    std::cout << "\nThe file stays. Look at an order in it, or serve it:\n\n  " << program
              << " show " << report->timeline().order().id() << " --db " << *db << "\n  " << program
              << " serve --db " << *db << '\n';
  }
  if (shop::AllHold(*report)) return 0;
  return Fail(absl::DataLossError("the log is not what customers were told"));
}

int BeCustomers(const Flags& flags) {
  const absl::Status done = shop::DriveSteadily(flags.customers);
  if (!done.ok()) return Fail(done);
  std::cout << flags.customers.orders << " orders were placed and paid\n";
  return 0;
}

int Audit(const Flags& flags) {
  for (const std::string& path : {flags.db, flags.parcels}) {
    if (!std::filesystem::exists(path)) {
      return Fail(absl::NotFoundError("there is no file " + path));
    }
  }
  auto orders = OpenStore(flags.db);
  if (!orders.ok()) return Fail(orders.status());
  auto parcels = OpenStore(flags.parcels);
  if (!parcels.ok()) return Fail(parcels.status());
  const auto trip = shop::CountRoundTrip(**orders, **parcels);
  if (!trip.ok()) return Fail(trip.status());
  if (flags.json) {
    if (PrintJson(*trip) != 0) return kFailed;
  } else {
    std::cout << trip->orders() << " orders, " << trip->paid() << " paid, " << trip->shipped()
              << " shipped with " << trip->parcels() << " parcels; " << trip->messages()
              << " messages; " << trip->twice() << " shipped twice, " << trip->lost() << " lost\n";
  }
  if (shop::IsWhole(*trip)) return 0;
  return Fail(absl::DataLossError("not every paid order was shipped exactly once"));
}

void AddJson(CLI::App* command, Flags* flags) {
  command->add_flag("--json", flags->json, "Print JSON, for programs");
}

void AddCommon(CLI::App* command, Flags* flags) {
  command->add_option("--db", flags->db, "The database file")->capture_default_str();
  AddJson(command, flags);
}

// For CLI11, which wants the complaint.
std::string ATransport(const std::string& text) {
  return std::string(shop::CheckTransport(text).message());
}

void AddServe(CLI::App* serve, Flags* flags) {
  AddCommon(serve, flags);
  serve
      ->add_option("--transport", flags->transport,
                   "Publish to, and hear from: in_process (shipping runs along), jsonl:FILE, "
                   "amqp://user:password@host:port/vhost. Without it nothing is published")
      ->envname("ORDER_SERVICE_TRANSPORT")
      ->check(ATransport);
  serve->add_option("--host", flags->server.host, "The address to listen on")
      ->capture_default_str();
  serve->add_option("--port", flags->server.port, "The port; 0: a free one, which is printed")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
}

// CLI::Range lets pass what is no number.
std::string AFewSeconds(const std::string& text) {
  double seconds = 0;
  if (CLI::detail::lexical_cast(text, seconds) && seconds >= 0.1 && seconds <= 3600) return "";
  return "Value " + text + " not in range [0.1 - 3600]";
}

void AddDemo(CLI::App* demo, Flags* flags) {
  demo->add_option("--db", flags->demo_db,
                   "A new database file; without it, in a new temporary folder");
  AddJson(demo, flags);
  demo->add_option("--seconds", flags->demo_seconds, "How long")
      ->check(AFewSeconds)
      ->capture_default_str();
  demo->add_option("--customers", flags->demo_customers, "How many")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
}

void AddCustomers(CLI::App* customers, Flags* flags) {
  customers->add_option("--url", flags->customers.url, "Of the service")->capture_default_str();
  customers->add_option("--orders", flags->customers.orders, "How many")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  customers->add_option("--per-second", flags->customers.per_second, "Orders begun in a second")
      ->check(CLI::Range(0.1, 10000.0))
      ->capture_default_str();
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Takes orders over HTTP and keeps all that happens to them in one SQLite file.",
               "order_service");
  app.require_subcommand(1);
  CLI::App* serve = app.add_subcommand("serve", "Serve HTTP until SIGTERM or Ctrl-C");
  AddServe(serve, &flags);
  CLI::App* import =
      app.add_subcommand("import", "Bring in a retailer's book. Importing again changes nothing");
  AddCommon(import, &flags);
  import->add_option("FILE", flags.csv, "CSV with the columns of \"Online Retail\"")->required();
  CLI::App* show = app.add_subcommand("show", "Show what happened to an order or a credit note");
  AddCommon(show, &flags);
  show->add_option("ID", flags.id, "Its id")->required();
  CLI::App* demo = app.add_subcommand(
      "demo", "Serve some hundreds of customers for a few seconds, and check the books");
  AddDemo(demo, &flags);
  CLI::App* customers = app.add_subcommand(
      "customers", "Order from a running service, and pay, whether it stays up or not");
  AddCustomers(customers, &flags);
  CLI::App* audit = app.add_subcommand(
      "audit", "Look into this file and shipping's: was each paid order shipped exactly once?");
  AddCommon(audit, &flags);
  audit->add_option("--parcels", flags.parcels, "The file of shipping_service")
      ->capture_default_str();
  const shop::SubscriptionsCommand subscriptions(
      app, [&flags](CLI::App* command) { AddCommon(command, &flags); });
  const shipping::InboxCommand inbox(app,
                                     [&flags](CLI::App* command) { AddCommon(command, &flags); });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  }
  const int exit_code = serve->parsed()          ? Serve(flags)
                        : import->parsed()       ? Import(flags)
                        : show->parsed()         ? Show(flags)
                        : customers->parsed()    ? BeCustomers(flags)
                        : audit->parsed()        ? Audit(flags)
                        : subscriptions.parsed() ? Operate(flags, subscriptions)
                        : inbox.parsed()         ? OperateInbox(flags, inbox)
                                                 : Demo(flags, argv[0]);
  if (std::cout.flush() || exit_code != 0) return exit_code;
  return Fail(absl::DataLossError("what was to be printed could not be written"));
}
