// SPDX-License-Identifier: Apache-2.0
// The process koi-carp is configured anew while it is master: only what changed changes.
//
//  client ──┬── blue (koi-carp, master)
//           └── red  (koi-carp, backup)     VIPs 10.9.0.100 and fd00:9::100, vhid 42
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "interop/carp_stand_in.h"
#include "support/lab/eventually.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;

constexpr Duration kSoon = 20s;
constexpr char kThird[] = "10.9.0.101";
constexpr char kFourth[] = "10.9.0.102";

class CarpReloadTest : public testing::Test {
 protected:
  void SetUp() override {
    blue.Start(CarpDefaults());
    ASSERT_TRUE(Eventually(kSoon, [&] { return blue.role() == CarpRole::kMaster; }));
    red.Start(CarpDefaults());
    ASSERT_TRUE(Eventually(kSoon, [&] { return red.group().adverts_received > 0; }));
    monitor = blue_host.Start({"ip", "-o", "monitor", "address"}, "addresses.log");
    blue.Configure(CarpDefaults());
    ASSERT_TRUE(Eventually(kSoon, [&] { return !Addresses().empty(); }));
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << blue.LogTail() << Addresses();
  }

  // What became of the addresses of blue since SetUp().
  std::string Addresses() {
    return ReadFile(absl::StrCat(blue_host.directory(), "/addresses.log")).value_or("");
  }
  bool WasRemoved(const std::string& vip) {
    for (const absl::string_view line : absl::StrSplit(Addresses(), '\n')) {
      if (absl::StrContains(line, "Deleted") && absl::StrContains(line, absl::StrCat(vip, "/"))) {
        return true;
      }
    }
    return false;
  }
  // Whether `group` has been master all the time, both of its first VIPs on the interface.
  void ExpectFirstGroupUntouched(uint32_t number) {
    EXPECT_EQ(blue.group().role, CarpRole::kMaster);
    EXPECT_EQ(blue.group().reason, "no advert for 3.0s");
    EXPECT_FALSE(WasRemoved(kCarpVip4));
    EXPECT_FALSE(WasRemoved(kCarpVip6));
    EXPECT_TRUE(blue.gate_open(number));
    EXPECT_TRUE(blue.xdp().attached);
  }
  // Waits until koi-carp reports the configuration with `groups` groups, its first of `number`.
  bool Reports(size_t groups, uint32_t number) {
    return Eventually(kSoon, [&] {
      return blue.group().number == number && blue.group_of(groups).vhid == 0 &&
             blue.group_of(groups - 1).vhid != 0;
    });
  }
  static CarpGroup Numbered(CarpGroup group, uint32_t number) {
    group.number = number;
    return group;
  }
  static CarpGroup Second(uint32_t number) {
    CarpConfig carp = CarpDefaults();
    carp.vhid = 43;
    return {.number = number, .carp = carp, .vips = {*Address::Parse(kFourth)}};
  }

  Lab lab;
  Host& blue_host = lab.Add("blue");
  Host& red_host = lab.Add("red");
  CarpStandIn blue{blue_host};
  CarpStandIn red{red_host};
  Process monitor;
};

TEST_F(CarpReloadTest, VipsComeAndGoAndTheOthersStay) {
  CarpGroup more = GroupOf(CarpDefaults());
  more.vips.push_back(*Address::Parse(kThird));
  blue.Configure({more});
  EXPECT_TRUE(Eventually(kSoon, [&] { return HasVip(blue_host, kThird); }));

  blue.Configure({GroupOf(CarpDefaults())}, {.mode = XdpMode::kAuto, .attach = XdpAttach::kAlways});
  EXPECT_TRUE(Eventually(kSoon, [&] { return WasRemoved(kThird); }));
  ExpectFirstGroupUntouched(kCarpGroup);
  EXPECT_EQ(red.role(), CarpRole::kBackup);
}

TEST_F(CarpReloadTest, GroupsComeAndGoAndChangeTheirNumbersBesideOneThatStays) {
  const CarpGroup first = GroupOf(CarpDefaults());
  blue.Configure({Numbered(first, 1), Second(0)});
  ASSERT_TRUE(Reports(2, 1));
  EXPECT_FALSE(blue.gate_open(kCarpGroup)) << "nobody's any more";
  ASSERT_TRUE(Eventually(kSoon, [&] { return blue.group_of(1).role == CarpRole::kMaster; }));
  ExpectFirstGroupUntouched(1);

  blue.Configure({Numbered(first, 0), Second(1)});  // each takes the other's gate
  ASSERT_TRUE(Reports(2, 0));
  EXPECT_TRUE(blue.gate_open(1));
  ExpectFirstGroupUntouched(0);

  CarpGroup both = first;  // takes the other's VIP, and its gate
  both.vips.push_back(*Address::Parse(kFourth));
  blue.Configure({Numbered(both, 1)});
  ASSERT_TRUE(Reports(1, 1));
  EXPECT_TRUE(HasVip(blue_host, kFourth));
  EXPECT_FALSE(blue.gate_open(0));
  ExpectFirstGroupUntouched(1);
}

TEST_F(CarpReloadTest, AnotherPasswordMovesNothingWhenTheBackupGetsItFirst) {
  CarpConfig changed = CarpDefaults();
  changed.password = "another";
  changed.advskew = 20;
  red.Configure(changed);
  const uint64_t heard = red.group().adverts_received;
  // Longer than the dead time: the old password's adverts are still the master's.
  ASSERT_TRUE(Eventually(kSoon, [&] { return red.group().adverts_received > heard + 3; }));
  EXPECT_EQ(red.role(), CarpRole::kBackup);

  blue.Configure(changed);
  const uint64_t heard_before = red.group().adverts_received;
  ASSERT_TRUE(Eventually(kSoon, [&] { return red.group().adverts_received > heard_before + 3; }));
  EXPECT_EQ(red.role(), CarpRole::kBackup);
  EXPECT_EQ(red.group().peers[0].advskew, 20);
  EXPECT_EQ(red.group().bad_authentication, 0U);
  ExpectFirstGroupUntouched(kCarpGroup);
}

TEST_F(CarpReloadTest, AnotherVhidIsAnotherElection) {
  CarpConfig changed = CarpDefaults();
  changed.vhid = 44;
  blue.Configure(changed);
  EXPECT_TRUE(Eventually(kSoon, [&] { return red.role() == CarpRole::kMaster; }));
  EXPECT_THAT(red.group().reason, testing::HasSubstr("the master left"));
  EXPECT_TRUE(WasRemoved(kCarpVip4));
  EXPECT_THAT(blue.LogTail(), testing::HasSubstr("vhid=44 role=backup"));
}

}  // namespace
}  // namespace koi::lab
