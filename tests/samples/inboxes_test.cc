// What the services say to each other, and what they make of it: message by message.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/json.h"
#include "consume/parcel_inbox.h"
#include "daybook/sqlite_event_store.h"
#include "daybook/testing.h"
#include "daybook/translator.h"
#include "make_status.h"
#include "publish/order_contracts.h"
#include "report.pb.h"
#include "samples/program.h"
#include "shipping_service/contracts.h"
#include "shipping_service/parcel.h"
#include "shipping_service/shipping.h"
#include "shop.h"
#include "support/temp_dir.h"
#include "support/watched_store.h"

namespace shop::test {
namespace {

using daybook::Receipt;
using testing::HasSubstr;
using testing::IsEmpty;

daybook::IntegrationEvent Message(const std::string& id, const google::protobuf::Message& data) {
  return {.id = id,
          .source = "/test",
          .type = data.GetTypeName(),
          .data_content_type = std::string(daybook::kProtobufContent),
          .data = data.SerializeAsString()};
}

daybook::IntegrationEvent Paid(const std::string& id, const std::string& order_id) {
  contracts::v1::OrderPaid paid;
  paid.set_order_id(order_id);
  return Message(id, paid);
}

daybook::IntegrationEvent Dispatched(const std::string& id, const std::string& order_id,
                                     const std::string& tracking = "T1") {
  shipping::contracts::v1::ParcelDispatched dispatched;
  dispatched.set_order_id(order_id);
  dispatched.set_carrier("DHL");
  dispatched.set_tracking(tracking);
  return Message(id, dispatched);
}

TEST(ContractsTest, EveryEventIsTranslatedOrIgnoredByName) {
  EXPECT_THAT((daybook::testing::UntranslatedEvents<Order, CreditNote>(OrderContracts())),
              IsEmpty());
  EXPECT_THAT(daybook::testing::UntranslatedEvents<shipping::Parcel>(shipping::ParcelContracts()),
              IsEmpty());
}

TEST(ParcelTest, EveryEventOfTheProtoIsListed) {
  EXPECT_THAT(daybook::testing::UnlistedEvents<shipping::Parcel>(), IsEmpty());
}

TEST(ParcelTest, IsPackedOnceAndLeavesOnce) {
  shipping::parcels::v1::ParcelPacked packed;
  packed.set_order_id("17");
  shipping::parcels::v1::ParcelDispatched dispatched;
  dispatched.set_order_id("17");
  dispatched.set_carrier("DHL");
  const auto dispatch = [](shipping::Parcel& parcel) { return parcel.Dispatch("DHL", "T1", {}); };
  const auto pack = [](shipping::Parcel& parcel) { return parcel.Pack("17"); };
  daybook::testing::Given<shipping::Parcel>().When(pack).ThenEmits(packed);
  daybook::testing::Given<shipping::Parcel>().When(dispatch).ThenFails(
      absl::StatusCode::kFailedPrecondition);
  daybook::testing::Given<shipping::Parcel>(packed).When(pack).ThenFails(
      absl::StatusCode::kAlreadyExists);
  daybook::testing::Given<shipping::Parcel>(packed, dispatched)
      .When(dispatch)
      .ThenFails(absl::StatusCode::kFailedPrecondition);
}

class ShippingTest : public testing::Test {
 protected:
  void SetUp() override {
    auto shipping = shipping::Shipping::Open(db_);
    ASSERT_TRUE(shipping.ok()) << shipping.status();
    shipping_ = *std::move(shipping);
  }

  daybook::test::TempDir folder_;
  const std::string db_ = folder_.File("parcels.db");
  std::unique_ptr<shipping::Shipping> shipping_;
};

TEST_F(ShippingTest, AMessageThatComesTwiceMakesOneParcel) {
  // when
  for (const char* id : {"m1", "m2", "m1"}) {
    EXPECT_TRUE(shipping_->inbox().Receive(Paid(id, "17")).ok());
  }
  // then: m2 is another message, about the same order
  const auto counts = shipping_->Count();
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts->received, 3);
  EXPECT_EQ(counts->parcels, 2);
  EXPECT_EQ(counts->duplicates, 1);
  const auto parcels = shipping_->store().ListStreams({.category = "parcel"});
  ASSERT_TRUE(parcels.ok());
  EXPECT_EQ(parcels->size(), 2u);
}

TEST_F(ShippingTest, WhatCannotBeHandledIsParkedAndAnOperatorSeesItAndDropsIt) {
  // given
  EXPECT_EQ(*shipping_->inbox().Receive(Paid("m1", "")), Receipt::kParked);
  shipping_ = nullptr;
  // when
  const Ended listed = RunShipping({"inbox", "--json", "--db", db_}, folder_.path());
  // then
  ASSERT_EQ(listed.exit_code, 0) << listed.errors;
  shipping::report::v1::ParkedMessages list;
  ASSERT_TRUE(FromJson(listed.output, &list).ok()) << listed.output;
  ASSERT_EQ(list.parked_size(), 1);
  EXPECT_EQ(list.parked(0).type(), "shop.contracts.v1.OrderPaid");
  EXPECT_THAT(list.parked(0).reason(), HasSubstr("no order without an id"));
  EXPECT_EQ(list.parked(0).attempts(), 1);
  const std::vector<std::string> discard = {"inbox", "discard", "--db", db_,
                                            std::to_string(list.parked(0).number())};
  EXPECT_THAT(RunShipping({"inbox", "replay", "--db", db_}, folder_.path()).errors,
              HasSubstr("no order without an id"));
  EXPECT_EQ(RunShipping(discard, folder_.path()).exit_code, 0);
  EXPECT_EQ(RunShipping(discard, folder_.path()).exit_code, 1);
  EXPECT_EQ(RunShipping({"inbox", "--db", db_}, folder_.path()).output, "nothing is parked\n");
}

class ParcelInboxTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = daybook::SqliteEventStore::Open({.path = db_});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    watched_ = std::make_unique<daybook::test::WatchedStore>(*store_);
    shop_ = std::make_unique<Shop>(*watched_);
    auto parcels = ParcelInbox::Open(*shop_, db_);
    ASSERT_TRUE(parcels.ok()) << parcels.status();
    parcels_ = *std::move(parcels);
  }

  void Do(const std::string& order_id, const std::function<absl::Status(Order&)>& command) {
    const auto done = shop_->orders.Execute(order_id, command);
    ASSERT_TRUE(done.ok()) << done.status();
  }

  void PlaceAndPay(const std::string& order_id) {
    Do(order_id, [](Order& order) {
      absl::Status done = order.Place("ann", "GBP", Now());
      if (done.ok()) done = order.AddLine({.sku = "CUP", .quantity = 1, .unit_price_minor = 250});
      return done.ok() ? order.Pay(250, "GBP", "card-1", Now()) : done;
    });
  }

  daybook::test::TempDir folder_;
  const std::string db_ = folder_.File("orders.db");
  std::unique_ptr<daybook::SqliteEventStore> store_;
  std::unique_ptr<daybook::test::WatchedStore> watched_;
  std::unique_ptr<Shop> shop_;
  std::unique_ptr<ParcelInbox> parcels_;
};

TEST_F(ParcelInboxTest, AParcelShipsItsOrderOnce) {
  PlaceAndPay("17");
  EXPECT_EQ(*parcels_->inbox().Receive(Dispatched("m1", "17")), Receipt::kHandled);
  EXPECT_TRUE(parcels_->inbox().Receive(Dispatched("m1", "17")).ok());
  const auto order = shop_->orders.Load("17");
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(order->status(), OrderStatus::kShipped);
  EXPECT_EQ(order->tracking(), "T1");
  EXPECT_EQ(order->version().value(), 4);
  EXPECT_EQ(parcels_->received(), 2);
  EXPECT_EQ(parcels_->duplicates(), 1);
}

TEST_F(ParcelInboxTest, AParcelForACancelledOrderIsParkedWithWhatTheOrderSaid) {
  // given
  PlaceAndPay("17");
  Do("17", [](Order& order) { return order.Cancel("found it in a drawer", Now()); });
  // when
  EXPECT_EQ(*parcels_->inbox().Receive(Dispatched("m1", "17")), Receipt::kParked);
  // then
  const auto parked = parcels_->inbox().Parked();
  ASSERT_TRUE(parked.ok());
  ASSERT_EQ(parked->size(), 1u);
  EXPECT_EQ(parked->front().reason.message(),
            "only a paid order is shipped; this one is cancelled");
  EXPECT_EQ(parked->front().attempts, 1);
  EXPECT_EQ(shop_->orders.Load("17")->status(), OrderStatus::kCancelled);
  const Ended listed = RunProgram({"inbox", "--db", db_}, folder_.path());
  EXPECT_THAT(listed.output, HasSubstr("this one is cancelled")) << listed.errors;
}

TEST_F(ParcelInboxTest, AParkedParcelShipsItsOrderOnceItsReasonIsGone) {
  // given: the parcel was faster than the payment
  Do("17", [](Order& order) { return order.Place("ann", "GBP", Now()); });
  EXPECT_EQ(*parcels_->inbox().Receive(Dispatched("m1", "17")), Receipt::kParked);
  Do("17", [](Order& order) {
    absl::Status done = order.AddLine({.sku = "CUP", .quantity = 1, .unit_price_minor = 250});
    return done.ok() ? order.Pay(250, "GBP", "card-1", Now()) : done;
  });
  // when
  EXPECT_EQ(RunProgram({"inbox", "replay", "--db", db_}, folder_.path()).exit_code, 0);
  // then
  EXPECT_EQ(shop_->orders.Load("17")->status(), OrderStatus::kShipped);
}

TEST_F(ParcelInboxTest, AStoreThatCannotBeWrittenParksNothing) {
  PlaceAndPay("17");
  watched_->before_append = [] {
    return daybook::internal::MakeStatus(absl::StatusCode::kResourceExhausted, "the disk is full");
  };
  EXPECT_EQ(parcels_->inbox().Receive(Dispatched("m1", "17")).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(*parcels_->inbox().Parked(), IsEmpty());
  watched_->before_append = [] { return absl::OkStatus(); };
  EXPECT_EQ(*parcels_->inbox().Receive(Dispatched("m1", "17")), Receipt::kHandled);
}

}  // namespace
}  // namespace shop::test
