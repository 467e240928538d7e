// SPDX-License-Identifier: Apache-2.0
// The process koi-carp, alone or with another one: leases, gate, XDP, its keeper, its manager, its
// interface.
//
//  client ──┬── blue (koi-carp)
//           └── red  (koi-carp)     VIPs 10.9.0.100 and fd00:9::100, vhid 42
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "interop/carp_stand_in.h"
#include "support/lab/eventually.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;

constexpr Duration kSoon = 20s;

class KoiCarpTest : public testing::Test {
 protected:
  ::testing::AssertionResult Becomes(CarpStandIn& carp, CarpRole role) {
    if (Eventually(kSoon, [&] { return carp.role() == role; })) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure() << carp.LogTail();
  }
  bool HasBothVips(const Host& host) { return HasVip(host) && HasVip(host, kCarpVip6); }
  bool HasAnyVip(const Host& host) { return HasVip(host) || HasVip(host, kCarpVip6); }

  Lab lab;
  Host& client = lab.Add("client");
  Host& blue_host = lab.Add("blue");
  Host& red_host = lab.Add("red");
  CarpStandIn blue{blue_host};
};

TEST_F(KoiCarpTest, AMasterHasBothVipsTheGateAndXdp) {
  blue.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));
  EXPECT_TRUE(HasBothVips(blue_host));
  EXPECT_TRUE(blue.gate_open());
  EXPECT_TRUE(blue.xdp().attached) << blue.xdp().why;
  EXPECT_TRUE(HasXdp(blue_host));
  EXPECT_TRUE(blue.holds_link());
  EXPECT_TRUE(blue.said_busy());
  EXPECT_TRUE(blue.Pongs());
  EXPECT_TRUE(client.Run({"ping", "-c", "1", "-W", "2", kCarpVip4}).ok());
  EXPECT_TRUE(client.Run({"ping", "-c", "1", "-W", "2", kCarpVip6}).ok());
}

TEST_F(KoiCarpTest, ABackupAttachesOnceAndDetachesAgain) {
  CarpStandIn red{red_host};
  blue.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));
  red.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(red, CarpRole::kBackup));
  EXPECT_TRUE(Eventually(kSoon, [&] { return !red.xdp().attached && !HasXdp(red_host); }))
      << red.xdp().why << red.LogTail();
  EXPECT_THAT(red.LogTail(), testing::HasSubstr("XDP attached"));
  EXPECT_FALSE(red.holds_link());
  EXPECT_FALSE(red.gate_open());
}

TEST_F(KoiCarpTest, XdpAttachAlwaysKeepsABackupAttached) {
  CarpStandIn red{red_host};
  blue.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));
  red.Start(CarpDefaults(), {.mode = XdpMode::kGeneric, .attach = XdpAttach::kAlways});
  ASSERT_TRUE(Becomes(red, CarpRole::kBackup));
  ASSERT_TRUE(Eventually(kSoon, [&] { return red.group().adverts_received > 3; }));
  EXPECT_TRUE(red.xdp().attached);
  EXPECT_EQ(red.xdp().mode, "generic");
  EXPECT_FALSE(red.gate_open());
}

TEST_F(KoiCarpTest, WhereAttachingMovesTheCarrierXdpStaysAttached) {
  CarpStandIn red{red_host};
  red.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(red, CarpRole::kMaster));
  blue.Start(CarpDefaults());
  ASSERT_TRUE(Eventually(kSoon, [&] { return HasXdp(blue_host); }));
  lab.Unplug(blue_host);  // as if the card had reset its link
  lab.Plug(blue_host);
  EXPECT_TRUE(Eventually(kSoon, [&] {
    return blue.LogTail().find("XDP stays attached") != std::string::npos && HasXdp(blue_host);
  })) << blue.LogTail();
  EXPECT_TRUE(Becomes(blue, CarpRole::kBackup));
  EXPECT_TRUE(blue.xdp().attached);
}

TEST_F(KoiCarpTest, AfterKillMinusNineTheVipsGoByThemselvesAndTheGateCloses) {
  blue.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));
  blue.Kill();
  EXPECT_TRUE(Eventually(
      10s, [&] { return !HasAnyVip(blue_host); }, "vips-gone-after-kill-9"));
  EXPECT_TRUE(Eventually(10s, [&] { return !blue.gate_open(); }));
}

TEST_F(KoiCarpTest, ARestartedKoiCarpGoesOnAsMasterWithTheHeldXdpLink) {
  blue.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));
  blue.Kill();
  ASSERT_TRUE(blue.holds_link());
  ASSERT_TRUE(HasXdp(blue_host));

  blue.Start(CarpDefaults());

  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));
  EXPECT_TRUE(blue.xdp().attached) << blue.xdp().why;
  EXPECT_TRUE(HasBothVips(blue_host));
  EXPECT_TRUE(blue.gate_open());
  EXPECT_THAT(blue.LogTail(), testing::HasSubstr("goes on where an earlier koi-carp ended"));
  EXPECT_THAT(blue.LogTail(), testing::HasSubstr("XDP taken over"));
  EXPECT_THAT(blue.LogTail(), testing::Not(testing::HasSubstr("cannot be attached")));
}

TEST_F(KoiCarpTest, ACrashOfTheMasterMovesTheVipsToTheBackup) {
  CarpStandIn red{red_host};
  blue.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));
  red.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(red, CarpRole::kBackup));
  blue.Kill();
  ASSERT_TRUE(Eventually(
      kSoon, [&] { return red.role() == CarpRole::kMaster; }, "koi-takes-over-from-koi"));
  EXPECT_TRUE(HasBothVips(red_host));
  EXPECT_TRUE(red.gate_open());
}

TEST_F(KoiCarpTest, APlannedStopHandsTheVipsOverAndLosesNothing) {
  CarpStandIn red{red_host};
  blue.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));
  red.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(red, CarpRole::kBackup));
  ASSERT_TRUE(client.Run({"ping", "-c", "1", "-W", "2", kCarpVip4}).ok());

  ProgramResult ping;
  std::thread pinging([&] {
    ping = client.Run({"ping", "-q", "-i", "0.01", "-w", "4", kCarpVip4});
  });
  blue.AskToStop();
  EXPECT_EQ(blue.WaitForExit(kSoon), 0);
  pinging.join();

  EXPECT_TRUE(blue.said_stopped());
  EXPECT_EQ(red.role(), CarpRole::kMaster);
  EXPECT_THAT(red.group().reason, testing::HasSubstr("the master left"));
  EXPECT_THAT(blue.LogTail(), testing::HasSubstr("handed over to"));
  EXPECT_FALSE(HasAnyVip(blue_host));
  EXPECT_FALSE(HasXdp(blue_host));
  EXPECT_FALSE(blue.gate_open());
  EXPECT_THAT(ping.out, testing::HasSubstr(" 0% packet loss"));
}

TEST_F(KoiCarpTest, ItGoesOnWithoutAManagerAndEndsWithItsKeeper) {
  blue.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));
  blue.CloseManagerChannel();
  ASSERT_TRUE(blue.Pongs());
  // Longer than any lease lasts without renewal.
  EXPECT_FALSE(Eventually(4s, [&] { return !HasAnyVip(blue_host) || !blue.gate_open(); }));

  blue.CloseKeeperChannel();
  EXPECT_EQ(blue.WaitForExit(kSoon), 1);
}

TEST_F(KoiCarpTest, AManagerThatReadsNothingDemotesAfterTenSeconds) {
  CarpStandIn red{red_host};
  CarpConfig worse = CarpDefaults();
  worse.advskew = 100;
  worse.preempt = true;
  blue.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));
  red.Start(worse);
  ASSERT_TRUE(Becomes(red, CarpRole::kBackup));
  // blue's reports are left unread from here on.
  EXPECT_TRUE(Eventually(40s, [&] { return red.role() == CarpRole::kMaster; }));
  EXPECT_THAT(blue.LogTail(), testing::HasSubstr("no manager"));
}

TEST_F(KoiCarpTest, AnInterfaceThatVanishesAndReturnsIsUsedAgain) {
  blue.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));

  ASSERT_TRUE(blue_host.Run({"ip", "link", "del", "eth0"}).ok());
  ASSERT_TRUE(Becomes(blue, CarpRole::kInit));
  EXPECT_EQ(blue.group().reason, "interface eth0 does not exist");
  EXPECT_FALSE(blue.xdp().attached);

  lab.MustRun({"ip", "link", "add", "eth0", "netns", blue_host.namespace_name(), "type", "veth",
               "peer", "name", "blue", "netns", lab.NamespaceName("switch")});
  lab.Plug(blue_host);
  ASSERT_TRUE(blue_host.Run({"ip", "link", "set", "eth0", "up"}).ok());
  ASSERT_TRUE(Eventually(kSoon, [&] {
    return blue.group().reason == "no IPv4 address on eth0 to send adverts from";
  })) << blue.group().reason;
  ASSERT_TRUE(
      blue_host.Run({"ip", "addr", "add", absl::StrCat(blue_host.ip4(), "/24"), "dev", "eth0"})
          .ok());
  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));
  EXPECT_TRUE(HasBothVips(blue_host));
  EXPECT_TRUE(Eventually(kSoon, [&] { return blue.xdp().attached && HasXdp(blue_host); }));
  EXPECT_TRUE(blue.gate_open());
  // A cable that comes up is no fault of XDP's.
  EXPECT_THAT(blue.LogTail(), testing::Not(testing::HasSubstr("XDP stays attached")));
}

TEST_F(KoiCarpTest, AVipIsNeverTheSourceOfTheHostsOwnConnections) {
  blue.Start(CarpDefaults());
  ASSERT_TRUE(Becomes(blue, CarpRole::kMaster));
  for (const std::string& target : {client.ip4(), client.ip6()}) {
    const std::string route = blue_host.Run({"ip", "route", "get", target}).out;
    EXPECT_THAT(route, testing::Not(testing::HasSubstr(kCarpVip4)));
    EXPECT_THAT(route, testing::Not(testing::HasSubstr(kCarpVip6)));
  }
}

}  // namespace
}  // namespace koi::lab
