// SPDX-License-Identifier: Apache-2.0
// What the network does to two koi hosts, and what their clocks do.
//
//   client ──┬── blue (master) ──┬── web-1
//            └── red  (backup) ──┴── web-2
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// A role is wanted at once or after a dead time; five times that.
constexpr Duration kSettled = 5 * kDeadTime;

class NetworkFaultsTest : public KoiTest {
 protected:
  bool Serves() {
    return lab.Get(KoiLab::Url4("https", "/")).ok() && lab.Get(KoiLab::Url6("https", "/")).ok();
  }
  // `owner` alone has the VIPs and serves them, and the client sends there.
  bool OnlyOwnerIs(Balancer& owner, Balancer& other) {
    return owner.role() == "master" && other.role() != "master" &&
           owner.VipsPresent().size() == 2 && other.VipsPresent().empty() && Serves() &&
           ClientSendsTo(owner);
  }
  bool BecomesOnlyOwner(Balancer& owner, Balancer& other, const char* measured = "") {
    return Eventually(
        kSettled, [&] { return OnlyOwnerIs(owner, other); }, measured);
  }
  // Whether the client's neighbour entries of both VIPs have the MAC of `owner`.
  bool ClientSendsTo(Balancer& owner) {
    const std::string owners = absl::StrCat(" lladdr ", MacOf(owner), " ");
    return absl::StrContains(lab.client.Run({"ip", "neigh", "show", kVip4}).out, owners) &&
           absl::StrContains(lab.client.Run({"ip", "neigh", "show", kVip6}).out, owners);
  }
  std::string MacOf(Balancer& balancer) {
    const std::string link = Ip(balancer, {"-o", "link", "show", "dev", "eth0"}).out;
    const std::vector<std::string> words = absl::StrSplit(link, ' ');
    const auto before = std::find(words.begin(), words.end(), "link/ether");
    return before == words.end() ? "" : *(before + 1);
  }
  ProgramResult Ip(Balancer& balancer, const Argv& arguments) {
    Argv argv = {"ip"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return balancer.host().Run(argv);
  }
  // Bridge ports that are isolated exchange nothing with each other, all with the others.
  void Part(bool parted) {
    for (const Balancer* balancer : {&lab.blue, &lab.red}) {
      lab.lab.MustRun({"bridge", "-n", lab.lab.NamespaceName("switch"), "link", "set", "dev",
                       balancer->name(), "isolated", parted ? "on" : "off"});
    }
  }
};

TEST_F(NetworkFaultsTest, HealedPartitionHasOneOwnerAndTheClientSendsToIt) {
  ASSERT_TRUE(lab.StartBoth());
  Part(true);
  ASSERT_TRUE(Eventually(kSettled, [&] {
    return lab.red.VipsPresent().size() == 2 && lab.blue.VipsPresent().size() == 2;
  })) << "each thinks the other is gone";
  EXPECT_TRUE(Serves()) << "either may answer";

  OutageProber prober(lab.client, KoiLab::Url4("https", "/"), lab.certificate.chain);
  Part(false);
  EXPECT_TRUE(BecomesOnlyOwner(lab.blue, lab.red, "one_owner_after_heal"));
  EXPECT_THAT(lab.red.Koi({"status"}).out, HasSubstr("a better master advertised"));
  // A card that has just been given XDP is watched for a second before it is taken away again.
  EXPECT_TRUE(Eventually(10s, [&] { return !lab.red.XdpPresent(); }));
  PrintMeasured("outage_partition_healed", prober.Stop().longest_gap_ms, "ms");

  for (int flap = 0; flap < 5; ++flap) {
    lab.lab.Unplug(lab.blue.host());
    lab.lab.Plug(lab.blue.host());
  }
  // Too short for red to notice, or long enough: either host may have the VIPs now, not both.
  EXPECT_TRUE(Eventually(
      kSettled, [&] { return OnlyOwnerIs(lab.blue, lab.red) || OnlyOwnerIs(lab.red, lab.blue); }));
  EXPECT_THAT(lab.blue.LogTail(1 << 20), Not(HasSubstr("ended unexpectedly")));
}

TEST_F(NetworkFaultsTest, InterfaceThatComesBackIsUsedAgainWhateverBecameOfIt) {
  ASSERT_TRUE(lab.StartBoth());
  const std::string mac_before = MacOf(lab.blue);
  const int carp = lab.blue.ChildPid("koi-carp");

  lab.lab.RemoveInterface(lab.blue.host());
  EXPECT_TRUE(Eventually(kSettled, [&] { return lab.red.role() == "master" && Serves(); }));
  EXPECT_THAT(lab.blue.Koi({"status"}).out, HasSubstr("interface eth0 does not exist"));
  // The next manager waits for it too.
  lab.lab.MustRun({"kill", "-KILL", absl::StrCat(lab.blue.ChildPid("koi-manager"))});
  EXPECT_TRUE(Eventually(10s, [&] {
    return absl::StrContains(lab.blue.Koi({"status"}).out, "interface eth0 does not exist");
  }));

  lab.lab.MakeInterface(lab.blue.host());
  EXPECT_NE(MacOf(lab.blue), mac_before);
  EXPECT_TRUE(BecomesOnlyOwner(lab.red, lab.blue));
  EXPECT_TRUE(Eventually(10s, [&] { return lab.blue.role() == "backup"; }));

  ASSERT_TRUE(Ip(lab.red, {"link", "set", "eth0", "down"}).ok());
  EXPECT_TRUE(BecomesOnlyOwner(lab.blue, lab.red));
  EXPECT_THAT(lab.red.Koi({"status"}).out, HasSubstr("interface eth0 is down"));
  EXPECT_TRUE(Eventually(10s, [&] { return lab.blue.XdpPresent(); }));
  const uint64_t misplaced = lab.blue.ReadStats()->total.misplaced;
  EXPECT_EQ(Burst(lab.client, {KoiLab::Url4("https", "/")}, lab.certificate.chain, 50).failed, 0U);
  EXPECT_EQ(lab.blue.ReadStats()->total.misplaced, misplaced) << "XDP knows the new MAC";

  ASSERT_TRUE(Ip(lab.red, {"link", "set", "eth0", "up"}).ok());
  EXPECT_TRUE(Eventually(kSettled, [&] { return lab.red.role() == "backup"; }));
  EXPECT_TRUE(OnlyOwnerIs(lab.blue, lab.red));
  EXPECT_EQ(lab.blue.ChildPid("koi-carp"), carp) << "it recovered by itself";
}

TEST_F(NetworkFaultsTest, AddressesChangedByHandMoveNothing) {
  ASSERT_TRUE(lab.StartBoth());
  for (const auto& [vip, prefix] : {std::pair{kVip4, "/32"}, std::pair{kVip6, "/128"}}) {
    SCOPED_TRACE(vip);
    ASSERT_TRUE(Ip(lab.blue, {"addr", "del", absl::StrCat(vip, prefix), "dev", "eth0"}).ok());
    EXPECT_TRUE(Eventually(
        5s, [&] { return lab.blue.VipsPresent().size() == 2; }, "vip_deleted_by_hand_back"));
  }
  EXPECT_THAT(lab.blue.LogTail(), HasSubstr("a VIP was removed by somebody else: put back"));

  // The old address goes first: for a moment there is none.
  const std::string own = absl::StrCat(lab.blue.host().ip4(), "/24");
  ASSERT_TRUE(Ip(lab.blue, {"addr", "del", own, "dev", "eth0"}).ok());
  ASSERT_TRUE(Ip(lab.blue, {"addr", "add", "10.9.0.200/24", "dev", "eth0"}).ok());
  EXPECT_TRUE(Eventually(10s, [&] {
    return absl::StrContains(lab.red.Koi({"status"}).out, "10.9.0.200 (advskew 0");
  })) << lab.red.Koi({"status"}).out;
  EXPECT_TRUE(BecomesOnlyOwner(lab.blue, lab.red));
  EXPECT_THAT(lab.red.LogTail(1 << 20), Not(HasSubstr("role=master")));
}

// koi-carp and koi-manager of blue live by the clock that the file `clock` says.
class ClockTest : public NetworkFaultsTest {
 protected:
  void SetClock(const std::string& offset) {
    ASSERT_TRUE(WriteFile(clock_file, offset + "\n").ok());
  }
  // The hour of day that blue's manager believes it became master in.
  std::string Since() {
    const absl::StatusOr<Stats> stats = lab.blue.ReadStats();
    return stats.ok() ? stats->since.substr(0, 13) : "";
  }

  const std::string clock_file = absl::StrCat(lab.blue.host().directory(), "/clock");
};

TEST_F(ClockTest, StepsOfTheClockChangeNothing) {
  SetClock("+0");
  lab.blue.Start({"LD_PRELOAD=libfaketime.so.1",
                  "LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/faketime",
                  "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_NO_CACHE=1",
                  absl::StrCat("FAKETIME_TIMESTAMP_FILE=", clock_file),
                  "FAKETIME_ONLY_CMDS=koi-carp,koi-manager"});
  ASSERT_TRUE(Eventually(30s, [&] { return lab.blue.role() == "master" && Serves(); }));
  lab.red.Start();
  ASSERT_TRUE(Eventually(30s, [&] { return lab.red.role() == "backup"; }));
  const int worker = lab.blue.ReadStats()->cpus.front().pid;
  Load load = StartLoad();
  ASSERT_TRUE(Answers(load, 20));

  std::string since = Since();
  for (const char* offset : {"+3600", "-3600", "+0"}) {
    SCOPED_TRACE(offset);
    SetClock(offset);
    EXPECT_TRUE(Eventually(5s, [&] { return Since() != since; })) << "the clock has not moved";
    since = Since();
    // Longer than every patience: leases, adverts, heartbeats, checks.
    EXPECT_FALSE(Eventually(kDeadTime + 1s, [&] {
      return lab.blue.role() != "master" || lab.blue.VipsPresent().size() != 2 ||
             lab.red.role() != "backup";
    }));
  }
  EXPECT_EQ(load.Stop().failed, 0U) << load.SoFar().Describe();
  EXPECT_EQ(lab.blue.ReadStats()->cpus.front().pid, worker);
  for (const char* trouble : {"ended unexpectedly", "does not answer", "role=backup reason=\"a",
                              "backend is down", "stood still"}) {
    EXPECT_THAT(lab.blue.LogTail(1 << 20), Not(HasSubstr(trouble)));
  }
}

}  // namespace
}  // namespace koi::lab
