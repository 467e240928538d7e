// SPDX-License-Identifier: Apache-2.0
// Backends with limits, by the fewest connections in use over the workers of both CPUs; and figures
// that say what the clients did.
//
//   client ── blue ── web-1, web-2: three connections each, ten more wait
#include <string>

#include "absl/strings/str_cat.h"
#include "lab/koi_test.h"

namespace koi::lab {
namespace {

using ::testing::HasSubstr;

constexpr char kCheck[] = "check = { tcp = true";
constexpr char kSlowStart[] = "slow_start = \"60s\"\n";

class BalanceLabTest : public KoiTest {
 protected:
  void SetUp() override {
    lab.blue.EditConfig(kCheck, absl::StrCat("balance = \"least-connections\"\n", kSlowStart,
                                             "limits = { connections = 3, queue = 10 }\n"
                                             "timeouts = { queue = \"8s\" }\n",
                                             kCheck));
    ASSERT_TRUE(lab.StartBlue());
  }

  LoadReport Ask(const std::string& path, int count, int at_once) const {
    return Burst(lab.client, {KoiLab::Url4("https", path)}, lab.certificate.chain, count, at_once);
  }
  // What the statistics say once nothing is under way.
  Stats Settled() const {
    Stats stats;
    Eventually(10s, [&] {
      stats = lab.blue.ReadStats().value_or(Stats());
      return !stats.pools.empty() && stats.total.connections == 0 && Open(stats) == 0;
    });
    return stats;
  }
  static uint64_t Open(const Stats& stats) {
    uint64_t open = 0;
    for (const BackendStats& backend : stats.pools[0].backends) open += backend.connections;
    return open;
  }
};

TEST_F(BalanceLabTest, LimitsAndSharesHoldOverBothWorkersAndTheFiguresAddUp) {
  const Stats before = Settled();
  ASSERT_EQ(before.pools.size(), 1U);
  const LoadReport four = Ask("/slow", 4, 4);
  EXPECT_EQ(four.ok, 4U) << four.Describe();
  EXPECT_NEAR(static_cast<double>(four.served_by.at("web-1")), 2, 1) << "two each, or nearly";

  const LoadReport many = Ask("/slow", 30, 30);
  EXPECT_EQ(many.ok + many.failed, 30U);
  EXPECT_GE(many.ok, 16U) << many.Describe();
  EXPECT_GT(many.failures.count("status 503"), 0U) << many.Describe();
  EXPECT_EQ(many.failures.size(), 1U) << many.Describe();

  const Stats after = Settled();
  const auto grown = [&](auto member) { return member(after) - member(before); };
  const auto web = [](const Stats& stats) -> const ServiceStats& { return stats.services[0]; };
  EXPECT_EQ(grown([&](const Stats& stats) { return web(stats).requests; }), 34U);
  EXPECT_EQ(grown([&](const Stats& stats) { return web(stats).responses.by_class[1]; }),
            4U + many.ok);
  EXPECT_EQ(grown([&](const Stats& stats) { return web(stats).responses.by_class[4]; }),
            many.failed);
  EXPECT_EQ(grown([&](const Stats& stats) { return web(stats).total_time.count; }), 4U + many.ok);
  EXPECT_EQ(grown([&](const Stats& stats) { return web(stats).handshakes; }), 34U);
  EXPECT_EQ(grown([&](const Stats& stats) { return web(stats).handshake_time.count; }), 34U);
  EXPECT_EQ(grown([&](const Stats& stats) { return stats.total.requests; }), 34U);
  EXPECT_EQ(grown([](const Stats& stats) {
              uint64_t sum = 0;
              for (const CpuStats& cpu : stats.cpus) sum += cpu.requests;
              return sum;
            }),
            34U);
  EXPECT_EQ(grown([](const Stats& stats) {
              uint64_t sum = 0;
              for (const BackendStats& backend : stats.pools[0].backends) {
                sum += backend.responses.by_class[1];
              }
              return sum;
            }),
            4U + many.ok);
  const PoolStats& pool = after.pools[0];
  EXPECT_EQ(pool.balance, "least-connections");
  EXPECT_EQ(pool.queue_full + pool.queue_timeouts, many.failed);
  EXPECT_GE(pool.queue_time.count, many.ok - 6);
  EXPECT_GE(pool.queue_time.PercentileUs(99), 500'000U);
  EXPECT_GE(web(after).total_time.PercentileUs(99), 1'000'000U);
  EXPECT_EQ(pool.queued, 0U);

  EXPECT_THAT(lab.blue.Koi({"backend", "list"}).out, HasSubstr("0 of 3"));
  EXPECT_THAT(lab.blue.Koi({"stats"}).out, HasSubstr("TURNED AWAY"));
  EXPECT_THAT(lab.blue.DumpMap("koi_backends").out, HasSubstr("\"connections_max\": 3"));
}

TEST_F(BalanceLabTest, OneThatComesBackGetsItsShareByAndBy) {
  ASSERT_TRUE(lab.blue.Koi({"backend", "drain", "web", "web-1"}).ok());
  ASSERT_TRUE(lab.blue.Koi({"backend", "undrain", "web", "web-1"}).ok());
  // One at a time: an idle backend is freer than a busy one, however little it is worth yet.
  const LoadReport at_first = Ask("/", 100, 1);
  EXPECT_EQ(at_first.ok, 100U) << at_first.Describe();
  EXPECT_LT(at_first.served_by.count("web-1") == 0 ? 0 : at_first.served_by.at("web-1"), 40U);

  lab.blue.EditConfig(kSlowStart, "");
  ASSERT_TRUE(lab.blue.Koi({"reload"}).ok());
  const LoadReport later = Ask("/", 100, 2);
  EXPECT_NEAR(static_cast<double>(later.served_by.at("web-1")), 50, 15) << later.Describe();
}

}  // namespace
}  // namespace koi::lab
