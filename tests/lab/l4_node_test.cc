// SPDX-License-Identifier: Apache-2.0
// What an operator sees of an l4 service, and that it is no harm to the others of its node.
//
//   client ── blue: http services as ever, and 10.9.0.100:53 to web-1 and web-3 by their MACs
#include <string>

#include "absl/strings/str_cat.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

class L4NodeTest : public KoiTest {
 protected:
  void SetUp() override { ASSERT_TRUE(lab.StartBlue()); }

  void AddL4() {
    lab.blue.SetConfig(absl::StrCat(
        lab.blue.Config(), "\n[[service]]\nname = \"dns\"\nmode = \"l4\"\nprotocols = [\"tcp\", ",
        "\"udp\"]\nlisten = [\"", kVip4, ":53\"]\npool = \"dns\"\n\n[[pool]]\nname = \"dns\"\n",
        "forward = \"dsr\"\nring_size = 257\ncheck = { interval = \"500ms\" }\nbackend = [\n",
        "  { name = \"dns-1\", address = \"", lab.web_1.endpoint4(),
        "\" },\n  { name = \"dns-3\", address = \"", lab.web_3.endpoint4(), "\" },\n]\n"));
  }
  PoolStats Pool() const {
    const absl::StatusOr<Stats> stats = lab.blue.ReadStats();
    if (!stats.ok()) return {};
    for (const PoolStats& pool : stats->pools) {
      if (pool.name == "dns") return pool;
    }
    return {};
  }
  bool BothUp() {
    return Eventually(15s, [&] {
      const PoolStats pool = Pool();
      return pool.backends.size() == 2 && pool.backends[0].health == "up" &&
             pool.backends[1].health == "up";
    });
  }
  void MustKoi(const Argv& arguments) {
    const ProgramResult result = lab.blue.Koi(arguments);
    EXPECT_TRUE(result.ok()) << result.Describe();
  }
};

TEST_F(L4NodeTest, ServiceIsAddedChangedAndRemovedWhileOthersServe) {
  const std::string before = lab.blue.Config();
  Load load = StartLoad();
  ASSERT_TRUE(Answers(load, 50));
  AddL4();
  MustKoi({"reload"});
  ASSERT_TRUE(BothUp()) << lab.blue.LogTail();
  EXPECT_EQ(Pool().forward, "dsr");
  EXPECT_EQ(Pool().slots, 257U);
  EXPECT_THAT(lab.blue.Koi({"status"}).out, ::testing::HasSubstr("dns        l4    off"));
  EXPECT_THAT(lab.blue.Koi({"backend", "list", "dns"}).out, ::testing::HasSubstr("dns-3"));

  EXPECT_THAT(lab.blue.host().Run({"ip", "-d", "neigh"}).out, ::testing::HasSubstr("managed"));
  EXPECT_THAT(lab.blue.DumpMap("koi_pools").out, ::testing::HasSubstr("KOI_FORWARD_DSR"));
  EXPECT_THAT(lab.blue.DumpMap("koi_services").out, ::testing::HasSubstr("KOI_SERVICE_L4"));

  MustKoi({"backend", "weight", "dns", "dns-1", "50"});
  EXPECT_EQ(Pool().backends[0].weight, 50U);
  MustKoi({"backend", "weight", "web", "web-1", "50"});
  MustKoi({"backend", "drain", "dns", "dns-1", "--wait", "--quiet", "1s"});
  EXPECT_EQ(Pool().backends[0].admin, "draining");
  MustKoi({"backend", "undrain", "dns", "dns-1"});
  MustKoi({"stats"});

  lab.blue.EditConfig("ring_size = 257", "ring_size = 65537");
  EXPECT_THAT(lab.blue.Koi({"reload"}).err,
              ::testing::HasSubstr("pool dns.ring_size 257 -> 65537"));
  lab.blue.SetConfig(before);
  MustKoi({"reload"});
  EXPECT_EQ(Pool().name, "");
  EXPECT_THAT(lab.blue.DumpMap("koi_services").out,
              ::testing::Not(::testing::HasSubstr("KOI_SERVICE_L4")));
  EXPECT_EQ(load.Stop().failed, 0U) << load.SoFar().Describe();
}

TEST_F(L4NodeTest, NextManagerFindsWhatTheOneBeforeItForwarded) {
  AddL4();
  MustKoi({"reload"});
  ASSERT_TRUE(BothUp());
  MustKoi({"backend", "weight", "dns", "dns-1", "50"});
  ::kill(lab.blue.ChildPid("koi-manager"), SIGKILL);
  ASSERT_TRUE(Eventually(15s, [&] { return Pool().backends.size() == 2; }));
  EXPECT_EQ(Pool().backends[0].weight, 50U);
  EXPECT_EQ(Pool().backends[0].health, "up");
  EXPECT_TRUE(lab.Get(KoiLab::Url4("https", "/")).ok());

  EXPECT_EQ(lab.blue.Stop(), 0);
  EXPECT_THAT(lab.blue.host().Run({"ip", "-d", "neigh"}).out,
              ::testing::Not(::testing::HasSubstr("managed")));
}

}  // namespace
}  // namespace koi::lab
