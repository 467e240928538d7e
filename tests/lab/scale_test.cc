// SPDX-License-Identifier: Apache-2.0
// A large node: 500 VIPs, each with an l4 service and a pool of 20 backends. How long it takes to
// start, to read its configuration again, to have its rings follow, and how much memory it needs.
//
//   blue ── origin, which has 20 addresses
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bench/usage.h"
#include "support/lab/balancer.h"
#include "support/lab/eventually.h"

namespace koi::lab {
namespace {

using std::chrono_literals::operator""s;

constexpr int kVips = 500;
constexpr int kBackends = 20;  // of each pool
constexpr int kPort = 8080;

std::string VipOf(int number) {
  return absl::StrCat("10.20.", number / 250, ".", 1 + number % 250);
}
std::string BackendOf(int number) { return absl::StrCat("10.9.0.", 200 + number); }

std::string PoolText(int number) {
  std::string text = absl::StrCat("[[pool]]\nname = \"p", number,
                                  "\"\nforward = \"dsr\"\n"
                                  "check = { tcp = true, interval = \"60s\", timeout = \"10s\" }\n"
                                  "backend = [\n");
  for (int i = 0; i < kBackends; ++i) {
    absl::StrAppend(&text, "  { name = \"b", number, "-", i, "\", address = \"", BackendOf(i), ":",
                    kPort, "\" },\n");
  }
  return absl::StrCat(text, "]\n");
}

std::string ConfigText(const std::string& directory) {
  std::string text =
      absl::StrCat("version = 1\n[node]\nname = \"blue\"\ninterface = \"eth0\"\nrun = \"",
                   directory, "/run\"\nstate = \"", directory, "/state\"\nbpffs = \"", directory,
                   "/bpf/koi\"\n[[carp]]\nvhid = 42\npassword = \"lab-secret\"\n"
                   "[stats]\nlisten = \"127.0.0.1:8404\"\nauth_file = \"",
                   directory, "/stats.auth\"\n");
  for (int i = 0; i < kVips; ++i) {
    absl::StrAppend(&text, "[[vip]]\naddress = \"", VipOf(i), "\"\n[[service]]\nname = \"s", i,
                    "\"\nmode = \"l4\"\nlisten = [\"", VipOf(i), ":80\"]\npool = \"p", i, "\"\n",
                    PoolText(i));
  }
  return text;
}

class ScaleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < kBackends; ++i) {
      const ProgramResult added =
          origin.Run({"ip", "address", "add", absl::StrCat(BackendOf(i), "/24"), "dev", "eth0"});
      ASSERT_TRUE(added.ok()) << added.Describe();
    }
    blue.SetConfig(ConfigText(blue.host().directory()));
  }
  void TearDown() override {
    if (HasFailure()) std::cerr << blue.LogTail() << '\n';
  }
  // All backends of all pools are up.
  bool AllUp() const {
    const auto stats = blue.ReadStats();
    if (!stats.ok() || stats->pools.size() != kVips) return false;
    for (const PoolStats& pool : stats->pools) {
      for (const BackendStats& backend : pool.backends) {
        if (backend.health != "up") return false;
      }
    }
    return true;
  }
  int VipsThere() const {
    const ProgramResult shown =
        blue.host().Run({"ip", "-o", "-4", "address", "show", "dev", "eth0"});
    int count = 0;
    for (const absl::string_view line : absl::StrSplit(shown.out, '\n')) {
      if (absl::StrContains(line, " 10.20.")) ++count;
    }
    return count;
  }
  void ReportMemory(const char* program) const {
    const auto bytes = bench::PssBytes({blue.ChildPid(program)});
    ASSERT_TRUE(bytes.ok());
    std::cout << "measured pss_" << program << ' ' << *bytes / (1 << 20) << " MiB" << std::endl;
  }

  Lab lab;
  Host& origin = lab.Add("origin");
  Process server = origin.Start({KoiProgram("koi-origin"), absl::StrCat(kPort)}, "origin.log");
  Balancer blue{lab, "blue", {}};
};

TEST_F(ScaleTest, FiveHundredVipsAndTenThousandBackendsAreServed) {
  blue.Start();
  EXPECT_TRUE(Eventually(
      60s, [this] { return blue.ReadStats().ok(); }, "manager_answers"));
  EXPECT_TRUE(Eventually(
      120s, [this] { return AllUp(); }, "all_backends_up"));
  EXPECT_TRUE(Eventually(
      60s, [this] { return VipsThere() == kVips; }, "all_vips"));

  const auto before = std::chrono::steady_clock::now();
  const ProgramResult reload = blue.Koi({"reload"});
  EXPECT_TRUE(reload.ok()) << reload.Describe();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - before;
  std::cout << "measured reload " << static_cast<int>(took.count()) << " ms" << std::endl;

  const ProgramResult weight = blue.Koi({"backend", "weight", "p499", "b499-3", "300"});
  EXPECT_TRUE(weight.ok()) << weight.Describe();
  ReportMemory("koi-manager");
  ReportMemory("koi-worker");
  ReportMemory("koi-carp");
}

}  // namespace
}  // namespace koi::lab
