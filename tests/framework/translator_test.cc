#include "daybook/translator.h"

#include <stdexcept>

#include "account.h"
#include "account_contracts.pb.h"
#include "daybook/subscription.h"
#include "daybook/testing.h"
#include "status_testing.h"
#include "subscription/outcome.h"

namespace daybook::test {
namespace {

using contracts::v1::AccountCredited;
using contracts::v1::BalanceMoved;
using internal::Verdict;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

StoredEvent At(const google::protobuf::Message& message) {
  StoredEvent event;
  event.position = Position(42);
  event.version = Version(3);
  event.id = *EventId::Parse("0197f2d4-7c1e-7000-8000-00000000002a");
  event.time = RecordedTime(std::chrono::microseconds(1'291'191'960'000'000));
  event.stream = "account-7";
  event.type = std::string(message.GetDescriptor()->full_name());
  event.payload = message.SerializeAsString();
  return event;
}

AccountCredited Credited(const Deposited& event, const RecordedEvent& at) {
  AccountCredited out;
  out.set_account_id(std::string(at.stream_id()));
  out.set_amount(event.amount());
  return out;
}

Translator Contracts() { return Translator({.source = "/bank"}); }

Verdict VerdictOf(const absl::StatusOr<std::vector<IntegrationEvent>>& translated) {
  return internal::OutcomeOf(translated.status()).verdict;
}

TEST(TranslatorTest, EverythingButTheMessageIsDerivedFromWhereTheEventStands) {
  // given
  Translator contracts = Contracts();
  contracts.On(&Credited);
  StoredEvent event = At(Deposit(5));
  Metadata metadata;
  metadata.set_correlation_id("conversation");
  metadata.set_traceparent("00-trace");
  metadata.set_tracestate("a=b");
  event.metadata = metadata.SerializeAsString();
  // when
  const auto translated = contracts.Translate(event.View());
  // then
  ASSERT_THAT(translated, IsOk());
  AccountCredited out;
  out.set_account_id("7");
  out.set_amount(5);
  EXPECT_THAT(
      *translated,
      ElementsAre(IntegrationEvent{
          .id = "0b54fc6c-3b37-5660-a8cd-80b7acc4a137",  // Python: uuid.uuid5(namespace, name)
          .source = "/bank",
          .type = "daybook.test.contracts.v1.AccountCredited",
          .subject = "7",
          .time = event.time,
          .data_content_type = "application/protobuf",
          .data_schema = "https://type.googleapis.com/daybook.test.contracts.v1.AccountCredited",
          .partition_key = "account-7",
          .sequence = "00000000000000000042",
          .correlation_id = "conversation",
          .causation_id = "0197f2d4-7c1e-7000-8000-00000000002a",
          .traceparent = "00-trace",
          .tracestate = "a=b",
          .data = out.SerializeAsString()}));
}

TEST(TranslatorTest, SeveralTranslationsOfOneEventGoOutInTheirOrder) {
  Translator contracts = Contracts();
  contracts.On(&Credited);
  contracts.On([](const Deposited& event) {
    BalanceMoved out;
    out.set_by(event.amount());
    return out;
  });
  contracts.On(&Credited);
  const auto translated = contracts.Translate(At(Deposit(5)).View());
  ASSERT_THAT(translated, IsOk());
  ASSERT_THAT(*translated, SizeIs(3));
  EXPECT_EQ((*translated)[0].id, "0b54fc6c-3b37-5660-a8cd-80b7acc4a137");
  EXPECT_EQ((*translated)[1].id, "735e7509-2054-5a57-9213-ee61afc28239");
  EXPECT_EQ((*translated)[2].id, "83aa5b7c-fbbb-5667-9093-7dcdd5d87622")
      << "the second of its contract";
}

TEST(TranslatorTest, ACallbackMayReturnNoneOneOrSeveralOrAStatus) {
  Translator contracts = Contracts();
  contracts.On([](const Deposited& event) {
    return std::vector<AccountCredited>(static_cast<size_t>(event.amount()));
  });
  contracts.On([](const AccountOpened& event) -> absl::StatusOr<BalanceMoved> {
    if (event.owner().empty()) return absl::NotFoundError("nobody");
    return BalanceMoved();
  });
  contracts.On([](const Withdrawn&) -> absl::StatusOr<std::vector<BalanceMoved>> {
    return std::vector<BalanceMoved>(2);
  });
  contracts.On([](const AccountClosed&) -> BalanceMoved { throw std::runtime_error("oops"); });
  EXPECT_THAT(*contracts.Translate(At(Deposit(0)).View()), IsEmpty());
  EXPECT_THAT(*contracts.Translate(At(Deposit(3)).View()), SizeIs(3));
  EXPECT_THAT(*contracts.Translate(At(Opened("ada")).View()), SizeIs(1));
  EXPECT_THAT(contracts.Translate(At(Opened("")).View()),
              Fails(absl::StatusCode::kNotFound, "nobody"));
  EXPECT_THAT(*contracts.Translate(At(Withdrawal(1)).View()), SizeIs(2));
  EXPECT_THAT(contracts.Translate(At(AccountClosed()).View()),
              Fails(absl::StatusCode::kInternal, "oops"));
}

TEST(TranslatorTest, FormerNamesAreTranslatedToo) {
  Translator contracts = Contracts();
  contracts.On([](const Withdrawn&) { return BalanceMoved(); });
  StoredEvent event = At(Withdrawal(2));
  event.type = "daybook.test.v0.Debited";
  EXPECT_THAT(*contracts.Translate(event.View()), SizeIs(1));
}

TEST(TranslatorTest, WhatIsIgnoredMakesNothingAndWhatIsForgottenHalts) {
  Translator contracts = Contracts();
  contracts.On(&Credited).Ignore<AccountOpened, Withdrawn>();
  EXPECT_THAT(*contracts.Translate(At(Opened("ada")).View()), IsEmpty());
  const auto forgotten = contracts.Translate(At(AccountClosed()).View());
  EXPECT_THAT(forgotten, Fails(absl::StatusCode::kFailedPrecondition,
                               "AccountClosed at position 42 is neither translated nor ignored"));
  EXPECT_EQ(VerdictOf(forgotten), Verdict::kHalt);
}

TEST(TranslatorTest, ATestNamesWhatIsForgotten) {
  Translator contracts = Contracts();
  contracts.On(&Credited).Ignore<AccountOpened>();
  EXPECT_THAT(testing::UntranslatedEvents<Account>(contracts),
              ElementsAre("daybook.test.v1.AccountClosed", "daybook.test.v1.Withdrawn"));
}

TEST(TranslatorTest, WhatCanNeverBeTranslatedIsMarked) {
  Translator contracts = Contracts();
  contracts.On([](const Deposited&) {
    AccountCredited out;
    out.set_account_id("\xff");
    return out;
  });
  const auto not_utf8 = contracts.Translate(At(Deposit(1)).View());
  EXPECT_THAT(not_utf8, Fails(absl::StatusCode::kInvalidArgument, "account_id"));
  EXPECT_EQ(VerdictOf(not_utf8), Verdict::kNever);
  StoredEvent broken = At(Deposit(1));
  broken.payload = "\xff";
  const auto undecodable = contracts.Translate(broken.View());
  EXPECT_THAT(undecodable, HasCode(absl::StatusCode::kDataLoss));
  EXPECT_EQ(VerdictOf(undecodable), Verdict::kNever);
}

TEST(TranslatorTest, DataMayBeJson) {
  Translator contracts({.source = "/bank", .data = TranslatorOptions::kJson});
  contracts.On(&Credited);
  const auto translated = contracts.Translate(At(Deposit(5)).View());
  ASSERT_THAT(translated, IsOk());
  EXPECT_EQ(translated->front().data_content_type, "application/json");
  EXPECT_EQ(translated->front().data, R"({"accountId":"7","amount":"5"})");
}

TEST(TranslatorTest, ASourceIsAUriReference) {
  EXPECT_THAT(Translator({.source = "/bank"}).Check(), IsOk());
  EXPECT_THAT(Translator({.source = "https://bank.example/a?b#c"}).Check(), IsOk());
  EXPECT_THAT(Translator({}).Check(), Fails(absl::StatusCode::kInvalidArgument, "source"));
  EXPECT_THAT(Translator({.source = "/bank"}).Ignore<Deposited>().Ignore<Deposited>().Check(),
              IsOk());
  EXPECT_THAT(Translator({.source = "my bank"}).Check(),
              HasCode(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace daybook::test
