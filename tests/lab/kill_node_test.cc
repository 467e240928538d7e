// SPDX-License-Identifier: Apache-2.0
// The kill matrix, second half: a host whose koi is dead or stopped has no VIP, and the other one
// serves.
//
//   client ──┬── blue ──┬── web-1       the roles change with each row
//            └── red  ──┴── web-2
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lab/kill_matrix.h"

namespace koi::lab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr Duration kVipOffBound = 2500ms;

class KillNodeTest : public KillMatrix {
 protected:
  // Does `harm` to the master: whether its VIPs are off the host and the other one serves.
  void LosesTheVips(const std::string& row, const std::function<void()>& harm) {
    OutageProber prober(lab().client, KoiLab::Url4("https", "/"), lab().certificate.chain);
    const TimePoint start = Now();
    ASSERT_TRUE(Eventually(5s, [&] { return prober.last_answer() > start; }));
    const TimePoint harmed = Now();
    harm();
    EXPECT_TRUE(Eventually(
        5 * kVipOffBound, [&] { return VipsOn(master()) == 0; }, row + "_vip_off"));
    EXPECT_TRUE(Eventually(5 * kDeadTime, [&] {
      return backup().role() == "master" && prober.last_answer() > harmed + kVipOffBound;
    }));
    PrintMeasured(row + "_outage", prober.Stop().longest_gap_ms, "ms");
    EXPECT_THAT(master().VipsPresent(), IsEmpty());
    EXPECT_THAT(backup().VipsPresent(), ElementsAre(kVip4, kVip6));
  }

  // koi's processes in the network namespace of `host`, whoever their parent is now.
  static std::vector<std::string> Processes(Balancer& host) {
    const ProgramResult result =
        lab().lab.Run({"sh", "-c",
                       absl::StrCat("for pid in $(ip netns pids ", host.host().namespace_name(),
                                    "); do cat /proc/$pid/comm; done | grep ^koi || true")});
    return absl::StrSplit(result.out, '\n', absl::SkipEmpty());
  }

  // Nothing but pins is left, and the next start removes them.
  void StartsAnewAfterDeath() {
    EXPECT_TRUE(Eventually(5s, [&] { return Processes(master()).empty(); }));
    EXPECT_FALSE(master().XdpPresent());
    EXPECT_TRUE(lab().lab.Run({"ls", master().MapPath("koi_vips")}).ok());
    master().koid().Wait(5s);
    master().Start();
    EXPECT_TRUE(Eventually(30s, [&] { return master().role() == "backup"; }));
    EXPECT_EQ(Logged(master(), "removed what an earlier koi left kind=pin"), 1U);
  }
};

TEST_F(KillNodeTest, KeeperKilledOnTheMasterTakesTheWholeHostOffTheVips) {
  LosesTheVips("kill_keeper", [&] { master().Kill(); });
  StartsAnewAfterDeath();
}

TEST_F(KillNodeTest, AllKilledOnTheMasterLeaveNoVip) {
  LosesTheVips("kill_all", [&] { Send("KILL", AllPids(master())); });
  StartsAnewAfterDeath();
}

TEST_F(KillNodeTest, CarpStoppedOnTheMasterIsReplacedAndOneHostHasTheVips) {
  const std::vector<int> carp = Pids(master(), "koi-carp");
  Send("STOP", carp);
  EXPECT_TRUE(Eventually(
      20s, [&] { return Logged(master(), "started program=koi-carp") > 0; }, "stop_carp_replaced"));
  const auto one_host_serves = [&] {
    return VipsOn(master()) + VipsOn(backup()) == 2 && lab().Get(KoiLab::Url4("https", "/")).ok();
  };
  EXPECT_TRUE(Eventually(5 * kDeadTime, one_host_serves, "stop_carp_served"));
  EXPECT_TRUE(Eventually(5 * kDeadTime, [&] {
    return (master().role() == "master") != (backup().role() == "master");
  }));
  ASSERT_TRUE(Answers(20));
  (void)Saw("stop_carp");
}

TEST_F(KillNodeTest, AllStoppedOnTheMasterAreBackupBeforeTheySayAnythingOnceTheyGoOn) {
  const std::vector<int> all = AllPids(master());
  LosesTheVips("stop_all", [&] { Send("STOP", all); });

  // Adverts and announcements of the VIPs that come from this host.
  const std::string mac = master().host().Run({"cat", "/sys/class/net/eth0/address"}).out;
  Process capture = lab().client.Start(
      {"tcpdump", "-lni", "eth0",
       absl::StrCat("ether src ", mac.substr(0, 17), " and (ip proto 112 or (arp and src host ",
                    kVip4, ") or (ip6 and src host ", kVip6, "))")},
      "capture.log");
  const std::string captured = lab().client.directory() + "/capture.log";
  ASSERT_TRUE(Eventually(10s, [&] {
    return lab().lab.Run({"grep", "-q", "listening on", captured}).ok();
  }));
  Process monitor = master().host().Start({"ip", "-o", "monitor", "address"}, "monitor.log");
  Send("CONT", all);

  EXPECT_TRUE(Eventually(10s, [&] { return master().role() == "backup"; }));
  EXPECT_TRUE(Stays(1500ms, [&] { return master().role() == "backup"; }));
  capture.Signal(SIGTERM);
  EXPECT_TRUE(capture.Wait(5s).has_value());
  monitor.Signal(SIGKILL);
  EXPECT_TRUE(lab().lab.Run({"grep", "-q", "^0 packets captured", captured}).ok())
      << lab().lab.Run({"cat", captured}).out;
  const std::string changes =
      lab().lab.Run({"cat", master().host().directory() + "/monitor.log"}).out;
  EXPECT_THAT(changes, Not(HasSubstr(kVip4)));
  EXPECT_THAT(changes, Not(HasSubstr(kVip6)));
  EXPECT_EQ(AllPids(master()), all) << "nobody was killed for having slept";
}

TEST_F(KillNodeTest, DeadOrStoppedBackupCostsNothing) {
  const std::vector<int> stopped = AllPids(backup());
  Send("STOP", stopped);
  EXPECT_TRUE(Stays(kDeadTime + 1s, [&] { return VipsOn(master()) == 2; }));
  Send("CONT", stopped);
  EXPECT_TRUE(Eventually(10s, [&] { return backup().role() == "backup"; }));
  Send("KILL", AllPids(backup()));
  EXPECT_TRUE(Eventually(5s, [&] { return Processes(backup()).empty(); }));
  backup().koid().Wait(5s);
  backup().Start();
  EXPECT_TRUE(Eventually(30s, [&] { return backup().role() == "backup"; }));
  backup().Kill();
  EXPECT_TRUE(Eventually(5s, [&] { return Processes(backup()).empty(); }));
  backup().Start();
  EXPECT_TRUE(Eventually(30s, [&] { return backup().role() == "backup"; }));
  EXPECT_EQ(master().role(), "master");
  EXPECT_THAT(master().VipsPresent(), ElementsAre(kVip4, kVip6));
  EXPECT_EQ(Saw("kill_backup").failed(), 0U);
}

}  // namespace
}  // namespace koi::lab
