// SPDX-License-Identifier: Apache-2.0
// l4 services with real kernels at both ends: what clients send comes back byte for byte by every
// way, and stays with its backend whatever becomes of the pool.
//
//   client ── blue, red ── pass-1, pass-2, pass-3
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "support/lab/eventually.h"
#include "support/lab/l4_lab.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr uint64_t kMegabyte = 1'000'000;

class L4LabTest : public ::testing::Test {
 protected:
  static L4Lab& lab() { return *made; }
  static void SetUpTestSuite() {
    made = std::make_unique<L4Lab>();
    ready = made->StartBoth();
  }
  static void TearDownTestSuite() { made.reset(); }

  void SetUp() override { ASSERT_TRUE(ready) << lab().blue.LogTail(); }
  void TearDown() override {
    if (!HasFailure()) return;
    std::cerr << lab().blue.LogTail() << lab().blue.Koi({"status"}).Describe()
              << lab().blue.Koi({"stats"}).Describe();
  }

  void Koi(const Argv& arguments) {
    const ProgramResult result = lab().blue.Koi(arguments);
    EXPECT_TRUE(result.ok()) << ShellText(arguments) << "\n" << result.Describe();
  }

  // 200 connections over all three ways that go on until they are stopped.
  struct Live {
    Live()
        : dsr(lab().client,
              {.to = L4Lab::Vip4(kDsrPort), .connections = 70, .chunk = 4096, .pause = 50ms}),
          tunnel4(
              lab().client,
              {.to = L4Lab::Vip6(kTunnel4Port), .connections = 65, .chunk = 4096, .pause = 50ms}),
          tunnel6(
              lab().client,
              {.to = L4Lab::Vip4(kTunnel6Port), .connections = 65, .chunk = 4096, .pause = 50ms}) {}
    uint64_t bytes() const {
      return dsr.SoFar().bytes + tunnel4.SoFar().bytes + tunnel6.SoFar().bytes;
    }
    int broken() const {
      return dsr.SoFar().broken + tunnel4.SoFar().broken + tunnel6.SoFar().broken;
    }
    // Whether all go on.
    bool Advances() {
      const uint64_t goal = bytes() + 10 * 200 * 4096;
      return Eventually(30s, [&] { return bytes() > goal; });
    }
    std::string Why() {
      return absl::StrCat(dsr.Stop().why, "; ", tunnel4.Stop().why, "; ", tunnel6.Stop().why);
    }
    Transfers dsr, tunnel4, tunnel6;
  };

  static std::unique_ptr<L4Lab> made;
  static bool ready;
};
std::unique_ptr<L4Lab> L4LabTest::made;
bool L4LabTest::ready = false;

// A lab of its own.
class L4FailoverTest : public L4LabTest {
 protected:
  // On both hosts, since what the CLI changes is one host's own.
  void DrainEverywhere(const L4Backend& backend) {
    for (const char* pool : {"dsr4", "dsr6", "tunnel4", "tunnel6"}) {
      for (const Balancer* host : {&lab().blue, &lab().red}) {
        const ProgramResult result = host->Koi({"backend", "drain", pool, backend.name()});
        EXPECT_TRUE(result.ok()) << result.Describe();
      }
    }
  }
  // Whether a new connection never gets there any more.
  bool GetsNothingNew(const L4Backend& backend) {
    return Eventually(20s, [&] {
      const int before = backend.connections();
      Live fresh;
      return fresh.Advances() && backend.connections() == before;
    });
  }
};

TEST_F(L4LabTest, BytesComeBackAsTheyWereSentByEveryWay) {
  for (const uint16_t port : {kDsrPort, kTunnel4Port, kTunnel6Port}) {
    for (const Endpoint& vip : {L4Lab::Vip4(port), L4Lab::Vip6(port)}) {
      SCOPED_TRACE(vip.ToString());
      Transfers transfers(
          lab().client,
          {.to = vip, .connections = 4, .bytes_each = 25 * kMegabyte, .chunk = 1 << 18});
      EXPECT_TRUE(transfers.Wait(60s));
      const TransferReport report = transfers.Stop();
      EXPECT_EQ(report.broken, 0) << report.why;
      EXPECT_EQ(report.finished, 4);
      EXPECT_GE(report.bytes, 100 * kMegabyte);
    }
  }
}

TEST_F(L4LabTest, DatagramsComeBackAsTheyWereSentByEveryWay) {
  for (const uint16_t port : {kDsrPort, kTunnel4Port, kTunnel6Port}) {
    for (const Endpoint& vip : {L4Lab::Vip4(port), L4Lab::Vip6(port)}) {
      EXPECT_EQ(EchoDatagrams(lab().client, vip, 20, 50), 1000) << vip.ToString();
    }
  }
}

TEST_F(L4LabTest, ManagerThatIsKilledMovesNoFlow) {
  Live live;
  ASSERT_TRUE(live.Advances());
  const int manager = lab().blue.ChildPid("koi-manager");
  ASSERT_GT(manager, 0);
  lab().lab.MustRun({"kill", "-KILL", absl::StrCat(manager)});
  EXPECT_TRUE(live.Advances());
  EXPECT_TRUE(Eventually(10s, [&] { return lab().blue.role() == "master"; }));
  EXPECT_TRUE(live.Advances());
  EXPECT_EQ(live.broken(), 0) << live.Why();
}

// Ten seconds of it, or as long as KOI_CHURN_SECONDS says.
TEST_F(L4LabTest, NoTransferBreaksWhateverBecomesOfThePool) {
  const char* wanted = std::getenv("KOI_CHURN_SECONDS");
  const auto length = std::chrono::seconds(wanted == nullptr ? 10 : std::atoi(wanted));
  std::mt19937 random(42);
  const auto below = [&random](size_t limit) { return random() % limit; };
  const char* const kPools[] = {"dsr4", "dsr6", "tunnel4", "tunnel6"};
  std::map<std::string, bool> draining;
  std::map<std::string, bool> absent;
  int changes = 0;
  Live live;
  ASSERT_TRUE(live.Advances());
  for (const TimePoint end = Now() + length; Now() < end; ++changes) {
    const std::string pool = kPools[below(4)];
    const size_t number = below(2) + 1;  // the first stays, so that there is always one
    const std::string name = lab().backends[number]->name();
    const std::string key = absl::StrCat(pool, "/", name);
    switch (below(3)) {
      case 0:
        if (absent[key]) break;
        Koi({"backend", "weight", pool, name, absl::StrCat(below(200) + 1)});
        break;
      case 1:
        if (absent[key]) break;
        Koi({"backend", draining[key] ? "undrain" : "drain", pool, name});
        draining[key] = !draining[key];
        break;
      default:
        if (absent[key]) {
          Koi({"backend", "add", pool, name, lab().AddressOf(pool, number)});
          draining[key] = false;
        } else {
          Koi({"backend", "remove", pool, name});
        }
        absent[key] = !absent[key];
    }
  }
  PrintMeasured("l4_churn_changes", changes, "changes");
  EXPECT_TRUE(live.Advances());
  EXPECT_EQ(live.broken(), 0) << live.Why();
  PrintMeasured("l4_churn_megabytes", static_cast<int64_t>(live.bytes() / kMegabyte), "MB");
  for (const auto& [key, is] : absent) {
    const std::vector<std::string> parts = absl::StrSplit(key, '/');
    if (is) {
      const size_t number = parts[1] == "pass-2" ? 1 : 2;
      Koi({"backend", "add", parts[0], parts[1], lab().AddressOf(parts[0], number)});
    } else if (draining[key]) {
      Koi({"backend", "undrain", parts[0], parts[1]});
    }
  }
}

TEST_F(L4LabTest, FlowsOfAKilledBackendAloneBreakAndNewOnesGoElsewhere) {
  L4Backend& killed = *lab().backends[2];
  Live live;
  ASSERT_TRUE(live.Advances());
  const int there = killed.connections();
  ASSERT_GT(there, 0);
  killed.Kill();
  EXPECT_TRUE(Eventually(
      20s, [&] { return live.broken() >= there; }, "l4_killed_backend_left"));
  EXPECT_TRUE(live.Advances());
  EXPECT_EQ(live.broken(), there) << live.Why();
  Transfers fresh(lab().client,
                  {.to = L4Lab::Vip4(kDsrPort), .connections = 30, .bytes_each = 10000});
  EXPECT_TRUE(fresh.Wait(20s));
  EXPECT_EQ(fresh.Stop().finished, 30);
  lab().lab.Plug(killed.host());
  EXPECT_TRUE(Eventually(20s, [&] {
    return lab().blue.Koi({"backend", "list"}).out.find("down") == std::string::npos;
  }));
}

// Which host is master, slots that are at rest and those that have left it know alike. Only flows
// that began in a slot after it had left rest have entries, which the other host has not.
TEST_F(L4FailoverTest, LosesNoFlowOfASlotAtRestAndOnlyNewOnesOfSlotsInTransition) {
  const L4Backend& drained = *lab().backends[2];
  Live old;
  ASSERT_TRUE(old.Advances());
  DrainEverywhere(drained);
  ASSERT_TRUE(GetsNothingNew(drained));
  Live young;
  ASSERT_TRUE(young.Advances());

  lab().lab.Unplug(lab().blue.host());
  const uint64_t before = old.bytes();
  EXPECT_TRUE(Eventually(
      30s, [&] { return old.bytes() > before + 200 * 4096; }, "l4_failover"));
  EXPECT_TRUE(old.Advances());
  EXPECT_TRUE(young.Advances());
  EXPECT_EQ(old.broken(), 0) << old.Why();
  PrintMeasured("l4_failover_lost_in_transition", young.broken(), "of 200 flows");
  EXPECT_LT(young.broken(), 120) << "a third of the slots had left rest";
}

}  // namespace
}  // namespace koi::lab
