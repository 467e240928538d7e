// SPDX-License-Identifier: Apache-2.0
// koi-carp and a real ucarp in one group.
//
//  client ──┬── koi    (koi-carp)
//           └── other  (ucarp)       VIP 10.9.0.100, vhid 42
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include "absl/strings/match.h"
#include "interop/carp_stand_in.h"
#include "interop/ucarp_host.h"
#include "support/lab/eventually.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;

// ucarp's own limits are about 4 s; five times that.
constexpr Duration kFailover = 20s;

class UcarpTest : public testing::Test {
 protected:
  // Whether the VIP answers the client now.
  bool VipAnswers() { return client.Run({"ping", "-c", "1", "-W", "1", kCarpVip4}).ok(); }
  // The MAC that the client sends the VIP's packets to.
  bool ClientKnowsVipAt(Host& host) {
    const std::string link = host.Run({"ip", "-o", "link", "show", "dev", "eth0"}).out;
    const std::string known = client.Run({"ip", "neigh", "show", kCarpVip4}).out;
    std::istringstream words(known.substr(std::min(known.size(), known.find("lladdr "))));
    std::string mac;
    words >> mac >> mac;
    return !mac.empty() && absl::StrContains(link, mac);
  }
  ::testing::AssertionResult Becomes(CarpRole role, Duration limit = kFailover) {
    if (Eventually(limit, [&] { return koi.role() == role; })) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure()
           << "koi is " << std::string(CarpRoleName(koi.role())) << "\n"
           << koi.LogTail();
  }
  void MakeKoiMaster(const CarpConfig& carp = CarpDefaults()) {
    koi.Start(carp);
    ASSERT_TRUE(Becomes(CarpRole::kMaster));
  }
  void MakeUcarpMaster(const UcarpOptions& options = {}) {
    ucarp.Start(options);
    ASSERT_TRUE(Eventually(kFailover, [&] { return ucarp.master(); }));
  }

  Lab lab;
  Host& client = lab.Add("client");
  Host& koi_host = lab.Add("koi");
  Host& other_host = lab.Add("other");
  CarpStandIn koi{koi_host};
  UcarpHost ucarp{other_host};
};

TEST_F(UcarpTest, KoiBacksUpAUcarpAndTakesOverWhenItDies) {
  MakeUcarpMaster();
  koi.Start(CarpDefaults());
  ASSERT_TRUE(Eventually(kFailover, [&] { return koi.group().adverts_received > 4; }));
  EXPECT_EQ(koi.role(), CarpRole::kBackup);
  ASSERT_EQ(koi.group().peers.size(), 1u);
  EXPECT_EQ(koi.group().peers[0].source, other_host.ip4());
  EXPECT_EQ(koi.group().bad_authentication, 0u);
  EXPECT_FALSE(HasVip(koi_host));

  ucarp.Crash();

  ASSERT_TRUE(Eventually(
      kFailover, [&] { return koi.role() == CarpRole::kMaster; }, "koi-takes-over-from-ucarp"));
  EXPECT_TRUE(HasVip(koi_host));
  EXPECT_TRUE(VipAnswers());
}

TEST_F(UcarpTest, UcarpStaysBackupToKoiAndTakesOverWhenItIsKilled) {
  MakeKoiMaster();
  ucarp.Start();
  const uint64_t sent = koi.group().adverts_sent;
  ASSERT_TRUE(Eventually(kFailover, [&] { return koi.group().adverts_sent > sent + 5; }));
  EXPECT_FALSE(ucarp.master());
  EXPECT_EQ(koi.role(), CarpRole::kMaster);

  koi.Kill();

  EXPECT_TRUE(Eventually(
      kFailover, [&] { return ucarp.master(); }, "ucarp-takes-over-from-koi"));
  EXPECT_TRUE(Eventually(kFailover, [&] { return !HasVip(koi_host); }));
  EXPECT_TRUE(Eventually(kFailover, [&] { return VipAnswers(); }));
}

TEST_F(UcarpTest, APlannedHandoverToUcarpLosesNothing) {
  MakeKoiMaster();
  ucarp.Start();
  const uint64_t sent = koi.group().adverts_sent;
  ASSERT_TRUE(Eventually(kFailover, [&] { return koi.group().adverts_sent > sent + 3; }));
  ASSERT_TRUE(VipAnswers());

  ProgramResult ping;
  std::thread pinging([&] {
    ping = client.Run({"ping", "-q", "-i", "0.01", "-w", "5", kCarpVip4});
  });
  koi.AskToStop();
  EXPECT_EQ(koi.WaitForExit(kFailover), 0);
  pinging.join();

  EXPECT_TRUE(koi.said_stopped());
  EXPECT_TRUE(ucarp.master());
  EXPECT_FALSE(HasVip(koi_host));
  EXPECT_THAT(ping.out, testing::HasSubstr(" 0% packet loss"));
}

TEST_F(UcarpTest, APreemptingKoiTakesOverFromAWorseUcarpWhichYields) {
  MakeUcarpMaster({.advskew = 100});
  CarpConfig carp = CarpDefaults();
  carp.preempt = true;
  koi.Start(carp);
  ASSERT_TRUE(Becomes(CarpRole::kMaster));
  EXPECT_TRUE(Eventually(kFailover, [&] { return !ucarp.master(); }));
  EXPECT_TRUE(Eventually(kFailover, [&] { return VipAnswers() && ClientKnowsVipAt(koi_host); }));
  EXPECT_EQ(koi.role(), CarpRole::kMaster);
}

TEST_F(UcarpTest, KoiYieldsToAPreemptingBetterUcarp) {
  CarpConfig carp = CarpDefaults();
  carp.advskew = 100;
  MakeKoiMaster(carp);
  MakeUcarpMaster({.preempt = true});
  ASSERT_TRUE(Becomes(CarpRole::kBackup));
  EXPECT_FALSE(HasVip(koi_host));
  EXPECT_THAT(koi.group().reason, testing::HasSubstr("a better master advertised"));
  EXPECT_TRUE(Eventually(kFailover, [&] { return VipAnswers() && ClientKnowsVipAt(other_host); }));
}

TEST_F(UcarpTest, ASplitGroupHasOneMasterAndARightClientSoonAfterItHeals) {
  CarpConfig carp = CarpDefaults();
  MakeKoiMaster(carp);
  ucarp.Start({.advskew = 100});
  lab.Unplug(koi_host);  // koi loses its carrier: INIT
  ASSERT_TRUE(Eventually(kFailover, [&] { return ucarp.master(); }));
  ASSERT_TRUE(Becomes(CarpRole::kInit));
  EXPECT_FALSE(HasVip(koi_host));
  lab.Plug(koi_host);
  ASSERT_TRUE(Becomes(CarpRole::kBackup));
  EXPECT_TRUE(Eventually(kFailover, [&] { return koi.group().adverts_received > 2; }));
  EXPECT_EQ(koi.role(), CarpRole::kBackup);
  EXPECT_TRUE(ucarp.master());
}

TEST_F(UcarpTest, AnotherPasswordIsCountedAndChangesNothing) {
  MakeUcarpMaster({.password = "another"});
  koi.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(CarpRole::kMaster));
  EXPECT_TRUE(Eventually(kFailover, [&] { return koi.group().bad_authentication > 3; }));
  EXPECT_EQ(koi.group().adverts_received, 0u);
  EXPECT_THAT(koi.LogTail(), testing::HasSubstr("wrong digest"));
}

}  // namespace
}  // namespace koi::lab
