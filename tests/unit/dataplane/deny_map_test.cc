// SPDX-License-Identifier: Apache-2.0
// Maps koi_deny4 and koi_deny6.
#include "dataplane/deny_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <koi/abi/limits.h>

#include <iostream>

#include "absl/strings/str_cat.h"
#include "base/time.h"
#include "loaded_object.h"

namespace koi {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

DenyEntry Entry(const std::string& prefix, uint32_t since_s) {
  return {.prefix = Prefix::Parse(prefix).value(), .since_s = since_s};
}

class DenyMapTest : public testing::Test {
 protected:
  LoadedObject object;
  DenyMap map{object.MapFd("koi_deny4"), object.MapFd("koi_deny6")};
};

TEST_F(DenyMapTest, PrefixesOfBothFamiliesAreListedAsTheyWereAdded) {
  const DenyEntry wide = Entry("10.0.0.0/8", 1);
  const DenyEntry inside = Entry("10.0.0.0/9", 2);
  const DenyEntry all = Entry("::/0", 3);
  const DenyEntry one = Entry("2001:db8::1", 4);
  EXPECT_THAT(map.List().value(), IsEmpty());

  ASSERT_TRUE(map.Add({one, all, inside, wide}).ok());
  EXPECT_THAT(map.List().value(), UnorderedElementsAre(all, wide, inside, one));

  ASSERT_TRUE(map.Add({Entry("10.0.0.0/8", 9)}).ok()) << "which changes its time alone";
  ASSERT_TRUE(map.Remove({inside, all}).ok());
  ASSERT_TRUE(map.Remove({inside, all}).ok()) << "absent is fine";
  EXPECT_THAT(map.List().value(), UnorderedElementsAre(Entry("10.0.0.0/8", 9), one));
}

TEST_F(DenyMapTest, HundredThousandPrefixesAreAddedListedAndRemoved) {
  std::vector<DenyEntry> entries;
  for (uint32_t i = 0; i < 100'000; ++i) {
    entries.push_back(
        Entry(absl::StrCat(i % 200 + 20, ".", i / 200 % 256, ".", i / 51'200, ".0/24"), i));
  }
  const TimePoint begun = Now();
  ASSERT_TRUE(map.Add(entries).ok());
  const TimePoint added = Now();
  ASSERT_EQ(map.List().value().size(), entries.size());
  const TimePoint listed = Now();
  ASSERT_TRUE(map.Remove(entries).ok());
  std::cout << "measured deny_100000_add " << ToMilliseconds(added - begun) << " ms\n"
            << "measured deny_100000_list " << ToMilliseconds(listed - added) << " ms\n"
            << "measured deny_100000_remove " << ToMilliseconds(Now() - listed) << " ms\n";
  EXPECT_THAT(map.List().value(), IsEmpty());
}

}  // namespace
}  // namespace koi
