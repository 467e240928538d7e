// SPDX-License-Identifier: Apache-2.0
// Text in maps, durations for people, and guessing what a misspelt word was meant to be.
#include "base/text.h"

#include <gtest/gtest.h>

#include "base/time.h"

namespace koi {
namespace {

TEST(TextTest, FieldHoldsItsTextAndAlwaysANul) {
  char field[8];
  ToField("web", field);
  EXPECT_EQ(FromField(field), "web");
  ToField("much too long", field);
  EXPECT_EQ(FromField(field), "much to");
}

TEST(TextTest, NearestIsTheWordThatWasProbablyMeant) {
  const std::vector<std::string> words = {"web", "weight", "interface"};
  EXPECT_EQ(Nearest("wbe", words), "web");
  EXPECT_EQ(Nearest("wieght", words), "weight");
  EXPECT_EQ(Nearest("intreface", words), "interface");
  EXPECT_EQ(Nearest("backend", words), "");
  EXPECT_EQ(Nearest(std::string(1000, 'w'), words), "");
}

TEST(TimeTest, DurationsReadAsPeopleSayThem) {
  EXPECT_EQ(FormatDuration(std::chrono::milliseconds(350)), "350ms");
  EXPECT_EQ(FormatDuration(std::chrono::milliseconds(2540)), "2.5s");
  EXPECT_EQ(FormatDuration(std::chrono::seconds(250)), "4m10s");
  EXPECT_EQ(FormatDuration(std::chrono::minutes(61)), "1h1m");
  EXPECT_EQ(FormatDuration(std::chrono::hours(49)), "2d1h");
}

}  // namespace
}  // namespace koi
