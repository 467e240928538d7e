// SPDX-License-Identifier: Apache-2.0
// Numbers of an explanation as names.
#include "manager/explain.h"

#include <gtest/gtest.h>

namespace koi {
namespace {

TEST(ExplainReportTest, NumbersBecomeTheNamesOfTheConfiguration) {
  Config config;
  config.services.resize(2);
  config.services[1] = {.number = 7, .name = "dns", .mode = ServiceMode::kL4};
  config.pools.resize(1);
  config.pools[0].number = 4;
  config.pools[0].name = "resolvers";
  config.pools[0].l4 = {.forward = Forward::kIpip, .ring_size = 13};
  const std::vector<BackendEntry> backends = {{.number = 2000,
                                               .admin = BackendAdmin::kDraining,
                                               .health = BackendHealth::kUp,
                                               .endpoint = Endpoint::Parse("10.0.2.11:53").value(),
                                               .name = "dns-1"}};
  Explanation found{.verdict = "FORWARDED", .choice = "entry", .service = 7, .backend = 2000};
  found.slot = {
      .pool = 4, .number = 5, .current = 2001, .previous = 2000, .epoch = 9, .moved = true};
  const TimePoint now = Now();
  found.flow = {.backend = 2000, .epoch = 9, .used = now - std::chrono::seconds(3)};

  const ExplainReport report = ReportOf(found, config, backends, now);
  EXPECT_EQ(report.service, "dns");
  EXPECT_EQ(report.mode, "l4");
  EXPECT_EQ(report.pool, "resolvers");
  EXPECT_EQ(report.forward, "ipip");
  EXPECT_EQ(report.ring_size, 13U);
  EXPECT_EQ(report.backend.name, "dns-1");
  EXPECT_EQ(report.previous.admin, "draining");
  EXPECT_EQ(report.current.name, "number 2001");
  EXPECT_EQ(report.current.admin, "absent");
  EXPECT_EQ(report.flow_used_ms_ago, 3000);
}

TEST(ExplainReportTest, PacketForNoServiceHasNoNames) {
  Config config;
  config.services.resize(1);  // whose number is 0
  const ExplainReport report = ReportOf({.verdict = "NOT_OURS"}, config, {}, Now());
  EXPECT_EQ(report.service, "");
  EXPECT_EQ(report.backend.name, "");
  EXPECT_EQ(report.cpu, -1);
}

}  // namespace
}  // namespace koi
