// SPDX-License-Identifier: Apache-2.0
// The VIPs move between the hosts, and only one host has them.
//
//   client ──┬── blue (master) ──┬── web-1
//            └── red  (backup) ──┴── web-2
#include <string>

#include "lab/koi_test.h"

namespace koi::lab {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class FailoverTest : public KoiTest {
 protected:
  void SetUp() override { ASSERT_TRUE(lab.StartBoth()); }

  // Kills the master, `from`; true once `to` serves in its place.
  bool KilledOneIsReplaced(Balancer& from, Balancer& to, const char* measured) {
    OutageProber prober(lab.client, KoiLab::Url4("https", "/"), lab.certificate.chain);
    const TimePoint start = Now();
    const auto answered_since = [&](TimePoint when) { return prober.last_answer() > when; };
    if (!Eventually(5s, [&] { return answered_since(start); })) return false;
    const TimePoint killed = Now();
    from.Kill();
    const bool replaced = Eventually(
        5 * kDeadTime, [&] { return to.role() == "master" && answered_since(killed + 1s); });
    PrintMeasured(measured, prober.Stop().longest_gap_ms, "ms");
    return replaced;
  }

  // Whether `balancer` becomes backup and still is one after a dead time.
  bool StaysBackup(Balancer& balancer) {
    if (!Eventually(30s, [&] { return balancer.role() == "backup"; })) return false;
    return !Eventually(kDeadTime + 1s, [&] { return balancer.role() != "backup"; });
  }
};

TEST_F(FailoverTest, BackupHasNeitherVipNorXdp) {
  EXPECT_THAT(lab.blue.VipsPresent(), SizeIs(2));
  EXPECT_TRUE(lab.blue.XdpPresent());
  EXPECT_THAT(lab.red.VipsPresent(), IsEmpty());
  // It attaches once at its start, to see how long that takes.
  EXPECT_TRUE(Eventually(10s, [&] { return !lab.red.XdpPresent(); }));
}

TEST_F(FailoverTest, KilledMasterIsReplacedAndOnComingBackStaysBackup) {
  ASSERT_TRUE(KilledOneIsReplaced(lab.blue, lab.red, "outage_blue_killed"));
  EXPECT_TRUE(Eventually(10s, [&] { return lab.blue.VipsPresent().empty(); }));
  EXPECT_THAT(lab.red.VipsPresent(), SizeIs(2));
  EXPECT_TRUE(lab.Get(KoiLab::Url6("https", "/")).ok());

  lab.blue.Start();
  EXPECT_TRUE(StaysBackup(lab.blue));
  EXPECT_EQ(lab.red.role(), "master");

  ASSERT_TRUE(KilledOneIsReplaced(lab.red, lab.blue, "outage_red_killed"));
  EXPECT_TRUE(Eventually(10s, [&] { return lab.red.VipsPresent().empty(); }));
  EXPECT_THAT(lab.blue.VipsPresent(), SizeIs(2));
}

TEST_F(FailoverTest, StoppedMasterHandsOverBeforeItLeaves) {
  OutageProber prober(lab.client, KoiLab::Url4("https", "/"), lab.certificate.chain);
  const TimePoint stopped = Now();
  EXPECT_EQ(lab.blue.Stop(), 0);
  EXPECT_TRUE(Eventually(10s, [&] { return lab.red.role() == "master"; }));
  EXPECT_TRUE(Eventually(10s, [&] { return prober.last_answer() > stopped + 2s; }));
  const OutageReport outage = prober.Stop();
  PrintMeasured("outage_blue_stopped", outage.longest_gap_ms, "ms");
  EXPECT_LT(outage.longest_gap_ms, ToMilliseconds(kDeadTime)) << "no bow-out was seen";
  EXPECT_THAT(lab.blue.VipsPresent(), IsEmpty());
}

TEST_F(FailoverTest, UnpluggedMasterIsReplacedAndOneHostHasTheVipsOnceItIsBack) {
  lab.lab.Unplug(lab.blue.host());
  EXPECT_TRUE(Eventually(
      5 * kDeadTime,
      [&] { return lab.red.role() == "master" && lab.Get(KoiLab::Url4("https", "/")).ok(); },
      "replaced_blue_unplugged"));

  lab.lab.Plug(lab.blue.host());
  EXPECT_TRUE(Eventually(5 * kDeadTime, [&] {
    return lab.blue.VipsPresent().size() + lab.red.VipsPresent().size() == 2 &&
           lab.Get(KoiLab::Url4("https", "/")).ok() && lab.Get(KoiLab::Url6("https", "/")).ok();
  }));
}

TEST_F(FailoverTest, BackupHearsItsMaster) {
  CarpGroupReport report;
  EXPECT_TRUE(Eventually(10s, [&] {
    const absl::StatusOr<Stats> stats = lab.red.ReadStats();
    if (stats.ok() && stats->carp.size() == 1) report = stats->carp[0];
    return report.adverts_received > 1;
  }));
  EXPECT_EQ(report.bad_authentication, 0U);
  ASSERT_THAT(report.peers, SizeIs(1));
  EXPECT_EQ(report.peers[0].source, lab.blue.host().ip4());
}

}  // namespace
}  // namespace koi::lab
