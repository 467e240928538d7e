// SPDX-License-Identifier: Apache-2.0
// Many failovers, to and fro: each one is seen, none is slower than three adverts allow.
//
//   client ──┬── blue ──┬── web-1
//            └── red  ──┴── web-2
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

constexpr int kFailovers = 20;

class FailoverSoakTest : public KoiTest {
 protected:
  // Kills `master`: how long the client had no answer, once `backup` serves. -1: it does not.
  int64_t OutageWhenKilled(Balancer& master, Balancer& backup, const std::string& url) {
    OutageProber prober(lab.client, url, lab.certificate.chain);
    const TimePoint start = Now();
    if (!Eventually(5s, [&] { return prober.last_answer() > start + 100ms; })) return -1;
    const TimePoint killed = Now();
    master.Kill();
    const bool replaced = Eventually(5 * kDeadTime, [&] {
      return backup.role() == "master" && prober.last_answer() > killed + 1s;
    });
    return replaced ? prober.Stop().longest_gap_ms : -1;
  }
};

TEST_F(FailoverSoakTest, EachOfManyFailoversSucceeds) {
  ASSERT_TRUE(lab.StartBoth());
  Balancer* master = &lab.blue;
  Balancer* backup = &lab.red;
  std::vector<int64_t> outages_ms;
  for (int failover = 0; failover < kFailovers; ++failover) {
    SCOPED_TRACE(absl::StrCat("failover ", failover, ", ", master->name(), " killed"));
    const std::string url =
        failover % 2 == 0 ? KoiLab::Url4("https", "/") : KoiLab::Url6("https", "/");
    outages_ms.push_back(OutageWhenKilled(*master, *backup, url));
    ASSERT_GE(outages_ms.back(), 0);
    EXPECT_TRUE(Eventually(10s, [&] { return master->VipsPresent().empty(); }));
    master->Start();
    ASSERT_TRUE(Eventually(30s, [&] { return master->role() == "backup"; }));
    std::swap(master, backup);
  }
  std::sort(outages_ms.begin(), outages_ms.end());
  PrintMeasured("outage_killed_min", outages_ms.front(), "ms");
  PrintMeasured("outage_killed_median", outages_ms[outages_ms.size() / 2], "ms");
  PrintMeasured("outage_killed_max", outages_ms.back(), "ms");
}

}  // namespace
}  // namespace koi::lab
