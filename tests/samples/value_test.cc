// Money, decimals, texts: the values that everything else is made of.

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "domain/money.h"
#include "domain/text.h"
#include "import/decimal.h"

namespace shop {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

TEST(MoneyTest, IsShownInItsCurrency) {
  EXPECT_EQ(FormatMoney(0, "GBP"), "0.00 GBP");
  EXPECT_EQ(FormatMoney(5, "GBP"), "0.05 GBP");
  EXPECT_EQ(FormatMoney(123456789, "GBP"), "1,234,567.89 GBP");
  EXPECT_EQ(FormatMoney(-100, "GBP"), "-1.00 GBP");
  EXPECT_EQ(FormatMoney(-99999, "GBP"), "-999.99 GBP");
  EXPECT_EQ(FormatMoney(1234, "JPY"), "1,234 JPY");
  EXPECT_EQ(FormatMoney(1234, "KWD"), "1.234 KWD");
  EXPECT_EQ(FormatMoney(std::numeric_limits<int64_t>::min(), "GBP"),
            "-92,233,720,368,547,758.08 GBP");
}

TEST(MoneyTest, DoesNotOverflow) {
  EXPECT_EQ(CheckedAdd(kMost, 1), std::nullopt);
  EXPECT_EQ(CheckedAdd(kMost - 1, 1), kMost);
  EXPECT_EQ(CheckedMultiply(kMost / 2 + 1, 2), std::nullopt);
  EXPECT_EQ(CheckedMultiply(1000, 1000), 1'000'000);
}

TEST(MoneyTest, CurrenciesAreThreeCapitals) {
  EXPECT_TRUE(IsCurrency("GBP"));
  for (const char* no : {"", "GB", "GBPX", "gbp", "G1P"}) EXPECT_FALSE(IsCurrency(no)) << no;
}

TEST(DecimalTest, ReadsWhatFilesHold) {
  EXPECT_EQ(Decimal::Parse("2.55")->Hundredths(), 255);
  EXPECT_EQ(Decimal::Parse("-17.0")->Whole(), -17);
  EXPECT_EQ(Decimal::Parse("17850")->Whole(), 17850);
  EXPECT_EQ(Decimal::Parse("2.5500000000")->Hundredths(), 255);
  EXPECT_EQ(Decimal::Parse("0.001")->Hundredths(), std::nullopt);
  EXPECT_EQ(Decimal::Parse("0.5")->Whole(), std::nullopt);
  for (const char* no : {"", "-", ".", ".5", "1.", "1e3", "1,5", "+1", "0x1", " 1", "1.0000001",
                         "99999999999999999999", "--1", "1.2.3"}) {
    EXPECT_FALSE(Decimal::Parse(no).has_value()) << no;
  }
}

TEST(DecimalTest, IsExact) {
  const Decimal price = *Decimal::Parse("0.1");
  EXPECT_EQ(price.Times(3)->ToString(), "0.30");
  EXPECT_EQ(Decimal::Parse("-0.001")->ToString(), "-0.001");
  EXPECT_EQ(Decimal::FromHundredths(-1725).ToString(), "-17.25");
  EXPECT_EQ(Decimal::FromMillionths(kMost).Plus(Decimal::FromMillionths(1)), std::nullopt);
  EXPECT_EQ(Decimal::FromMillionths(kMost).Times(2), std::nullopt);
}

TEST(TextTest, KnowsUtf8) {
  for (const char* yes :
       {"", "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(yes)) << testing::PrintToString(std::string(yes));
  }
  for (const char* no : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xE2\x82",
                         "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xFF", "a\xE9z"}) {
    EXPECT_FALSE(IsUtf8(no)) << testing::PrintToString(std::string(no));
  }
}

}  // namespace
}  // namespace shop
