// SPDX-License-Identifier: Apache-2.0
// Names keep their numbers.
#include "config/numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace koi {
namespace {

using ::testing::ElementsAre;

Config WithPools(const std::vector<std::string>& names) {
  Config config;
  for (const std::string& name : names) {
    PoolConfig pool;
    pool.name = name;
    config.pools.push_back(pool);
  }
  return config;
}

std::vector<uint32_t> Numbers(const Config& config) {
  std::vector<uint32_t> numbers;
  for (const PoolConfig& pool : config.pools) numbers.push_back(pool.number);
  return numbers;
}

TEST(NumbersTest, FirstOnesAreInOrder) {
  Config config = WithPools({"a", "b", "c"});
  AssignNumbers(Config(), config);
  EXPECT_THAT(Numbers(config), ElementsAre(0, 1, 2));
}

TEST(NumbersTest, NameKeepsItsNumberWhereverItStands) {
  Config before = WithPools({"a", "b", "c"});
  AssignNumbers(Config(), before);
  Config after = WithPools({"c", "a"});
  AssignNumbers(before, after);
  EXPECT_THAT(Numbers(after), ElementsAre(2, 0));
}

TEST(NumbersTest, NewOneDoesNotTakeTheNumberOfOneThatGoes) {
  Config before = WithPools({"a", "b"});
  AssignNumbers(Config(), before);
  Config after = WithPools({"new", "b"});
  AssignNumbers(before, after);
  EXPECT_THAT(Numbers(after), ElementsAre(2, 1));
  Config later = WithPools({"new", "b", "x"});
  AssignNumbers(after, later);
  EXPECT_THAT(Numbers(later), ElementsAre(2, 1, 0));
}

TEST(NumbersTest, GroupsGoByVhidAndTakeTheNumberOfAnotherWhereAllAreTaken) {
  Config before;
  for (int vhid = 1; vhid <= 255; ++vhid) {
    before.carp.push_back({.vhid = static_cast<uint8_t>(vhid), .password = "", .source = {}});
  }
  AssignNumbers(Config(), before);
  Config after = before;
  after.carp.erase(after.carp.begin() + 9);  // vhid 10
  after.carp.erase(after.carp.begin());      // vhid 1
  after.carp.push_back({.vhid = 10, .password = "", .source = {}});
  AssignNumbers(before, after);
  EXPECT_EQ(after.carp.back().number, 9U);
  before.carp.erase(before.carp.begin() + 9);
  AssignNumbers(before, after);
  EXPECT_EQ(after.carp.back().number, 9U) << "the only number that nothing had";
}

TEST(NumbersTest, VipsGoByAddressAndServicesByName) {
  Config before;
  before.vips = {{.number = 5, .address = Address::Parse("10.0.0.1").value(), .group = 0}};
  before.services.resize(1);
  before.services[0].name = "web";
  before.services[0].number = 3;
  Config after = before;
  after.vips[0].number = 0;
  after.services[0].number = 0;
  AssignNumbers(before, after);
  EXPECT_EQ(after.vips[0].number, 5U);
  EXPECT_EQ(after.services[0].number, 3U);
}

}  // namespace
}  // namespace koi
