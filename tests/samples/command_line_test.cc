// The program, as people and scripts run it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "api/api.pb.h"
#include "api/json.h"
#include "samples/program.h"
#include "support/temp_dir.h"

namespace shop::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class CommandLineTest : public testing::Test {
 protected:
  Ended Run(const std::vector<std::string>& arguments) {
    return RunProgram(arguments, folder_.path());
  }

  template <typename Message>
  Message RunForJson(const std::vector<std::string>& arguments) {
    const Ended ended = Run(arguments);
    EXPECT_EQ(ended.exit_code, 0) << ended.errors;
    Message message;
    EXPECT_TRUE(FromJson(ended.output, &message).ok()) << ended.output;
    return message;
  }

  daybook::test::TempDir folder_;
  const std::string db_ = folder_.File("orders.db");
};

TEST_F(CommandLineTest, ExplainsItself) {
  EXPECT_THAT(Run({"--help"}).output, HasSubstr("import"));
  for (const char* command : {"serve", "import", "show", "demo"}) {
    const Ended ended = Run({command, "--help"});
    EXPECT_EQ(ended.exit_code, 0) << command;
    EXPECT_THAT(ended.output, HasSubstr("--db")) << command;
    EXPECT_THAT(ended.output, HasSubstr("--json")) << command;
  }
}

TEST_F(CommandLineTest, WrongUsageExitsWith2AndSaysWhatIsWrong) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"sell"},
      {"serve", "--port", "70000"},
      {"serve", "--port", "x"},
      {"import"},
      {"show"},
      {"demo", "--seconds", "-1"},
      {"show", "1", "--fast"},
      {"demo", "--seconds", "nan"},
      {"demo", "--seconds", "inf"},
      {"demo", "--seconds", "x"},
      {"subscriptions", "reset", "orders", "x"},
      {"subscriptions", "reset", "orders", "-1"},
  };
  for (const auto& arguments : wrong) {
    const Ended ended = Run(arguments);
    EXPECT_EQ(ended.exit_code, 2) << testing::PrintToString(arguments);
    EXPECT_THAT(ended.errors, testing::Not(IsEmpty())) << testing::PrintToString(arguments);
    EXPECT_LT(ended.errors.size(), 300u) << ended.errors;
  }
}

TEST_F(CommandLineTest, ImportsAndShowsForPeople) {
  const Ended imported = Run({"import", SMALL_BOOK, "--db", db_});
  EXPECT_EQ(imported.exit_code, 0);
  EXPECT_THAT(imported.output, HasSubstr("they reconcile; new were 4 orders and 1 credit notes"));
  EXPECT_THAT(imported.output,
              HasSubstr("line     12  invoice 900005         -9.00  the quantity is not positive"));
  EXPECT_THAT(imported.errors, IsEmpty());  // no progress bar where there is no terminal
  const Ended shown = Run({"show", "900001", "--db", db_});
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_THAT(shown.output, HasSubstr("order 900001: shipped, 4 lines, 195.95 GBP, version 7"));
  EXPECT_THAT(shown.output, HasSubstr("OrderPaid"));
}

TEST_F(CommandLineTest, ImportsAndShowsForPrograms) {
  const std::vector<std::string> import = {"import", SMALL_BOOK, "--db", db_, "--json"};
  EXPECT_EQ(RunForJson<api::v1::ImportReport>(import).new_orders(), 4);
  EXPECT_EQ(RunForJson<api::v1::ImportReport>(import).new_orders(), 0);
  const auto note = RunForJson<api::v1::Timeline>({"show", "C900007", "--db", db_, "--json"});
  EXPECT_EQ(note.credit_note().total_minor(), 3125);
  EXPECT_EQ(note.events_size(), 4);
}

TEST_F(CommandLineTest, AnImportThatDoesNotReconcileFailsLoudly) {
  ASSERT_EQ(Run({"import", SMALL_BOOK, "--db", db_}).exit_code, 0);
  const std::string changed = folder_.File("changed.csv");
  std::ofstream(changed) << "InvoiceNo,StockCode,Description,Quantity,UnitPrice,CustomerID\n"
                            "900001,KETTLE-1,,2,68.99,17850\n";
  const Ended ended = Run({"import", changed, "--db", db_});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.output, HasSubstr("invoice 900001"));
  EXPECT_THAT(ended.errors, HasSubstr("DO NOT RECONCILE"));
}

TEST_F(CommandLineTest, WhatCannotBeDoneExitsWith1AndSaysWhy) {
  EXPECT_THAT(Run({"show", "1", "--db", db_}).errors, HasSubstr("there is no file"));
  EXPECT_FALSE(std::filesystem::exists(db_));
  ASSERT_EQ(Run({"import", SMALL_BOOK, "--db", db_}).exit_code, 0);
  EXPECT_THAT(Run({"show", "1", "--db", db_}).errors, HasSubstr("there is no order"));
  EXPECT_THAT(Run({"demo", "--db", db_}).errors, HasSubstr("there already"));
  EXPECT_THAT(Run({"import", folder_.File("none.csv"), "--db", db_}).errors,
              HasSubstr("cannot open"));
  const std::string text = folder_.File("text.db");
  std::ofstream(text) << "this is no database, though it is long enough to be taken for one";
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"show", "1", "--db", text},
           {"import", SMALL_BOOK, "--db", text},
           {"serve", "--port", "0", "--db", text},
           {"serve", "--port", "0", "--db", folder_.File("no/such/folder/orders.db")},
           {"serve", "--port", "0", "--host", "203.0.113.7", "--db", db_},
       }) {
    const Ended ended = Run(arguments);
    EXPECT_EQ(ended.exit_code, 1) << testing::PrintToString(arguments);
    EXPECT_THAT(ended.errors, HasSubstr("order_service: ")) << testing::PrintToString(arguments);
  }
}

TEST_F(CommandLineTest, APortThatIsTakenIsSaid) {
  const Service service(db_);
  const Ended ended =
      Run({"serve", "--port", std::to_string(service.port()), "--db", folder_.File("other.db")});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.errors, HasSubstr("is the port taken?"));
}

TEST_F(CommandLineTest, AnAddressThatIsNotThereIsSaid) {
  const auto listen_on = [&](const std::string& host) {
    const Ended ended = Run({"serve", "--port", "0", "--host", host, "--db", db_});
    EXPECT_EQ(ended.exit_code, 1) << host;
    EXPECT_THAT(ended.errors, testing::Not(HasSubstr("is the port taken?"))) << host;
    return ended.errors;
  };
  EXPECT_THAT(listen_on("999.1.1.1"), HasSubstr("there is no address 999.1.1.1"));
  EXPECT_THAT(listen_on("203.0.113.7"), HasSubstr("this machine has no such address"));
}

TEST_F(CommandLineTest, WhatCouldNotBePrintedIsNoSuccess) {
  const Ended ended = RunProgram({"import", SMALL_BOOK, "--db", db_}, folder_.path(), "/dev/full");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.errors, HasSubstr("could not be written"));
}

TEST_F(CommandLineTest, TheDemoChecksWhatItShowsAndLeavesItsFile) {
  const auto report =
      RunForJson<api::v1::DemoReport>({"demo", "--seconds", "1", "--customers", "100", "--json"});
  EXPECT_GT(report.orders(), 10);
  EXPECT_EQ(report.checks_size(), 6);
  EXPECT_GT(report.round_trip().shipped(), 10);
  EXPECT_EQ(report.round_trip().shipped(), report.round_trip().parcels());
  EXPECT_EQ(report.round_trip().lost(), 0);
  for (const auto& check : report.checks()) EXPECT_TRUE(check.holds()) << check.claim();
  EXPECT_EQ(report.timeline().order().version(), report.timeline().events_size());
  EXPECT_EQ(report.db().rfind(folder_.path(), 0), 0u) << report.db();
  const auto shown = RunForJson<api::v1::Timeline>(
      {"show", report.timeline().order().id(), "--db", report.db(), "--json"});
  EXPECT_EQ(shown.order().version(), report.timeline().order().version());
}

TEST_F(CommandLineTest, TheDemoIsPleasantToRead) {
  const Ended ended = Run({"demo", "--seconds", "0.5", "--db", db_});
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("  holds  the file is sound"));
  EXPECT_THAT(ended.output, testing::Not(HasSubstr("FAILS")));
  EXPECT_THAT(ended.output, HasSubstr("order_service show "));
}

}  // namespace
}  // namespace shop::test
