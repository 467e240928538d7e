// SPDX-License-Identifier: Apache-2.0
// The stats answer has the public shape, and the CLI reads back what the manager wrote.
#include "protocol/control_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace koi {
namespace {

using testing::HasSubstr;

Stats Example() {
  Stats stats;
  stats.node = "blue";
  stats.role = "master";
  stats.total.cpu = -1;
  stats.cpus = {{.cpu = 1, .pid = 42, .state = "serving", .accepted = 7}};
  stats.pools = {
      {"web", "round-robin", {{.name = "web-1", .address = "10.0.0.2:80", .admin = "enabled"}}}};
  stats.verdicts = {{"STEERED", "redirect", 12}};
  return stats;
}

TEST(ControlMessagesTest, StatsReadBackAsWritten) {
  const auto stats = DecodeStats(EncodeJson(Example()));
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->node, "blue");
  ASSERT_EQ(stats->cpus.size(), 1u);
  EXPECT_EQ(stats->cpus[0].accepted, 7u);
  ASSERT_EQ(stats->pools.size(), 1u);
  EXPECT_EQ(stats->pools[0].backends[0].address, "10.0.0.2:80");
  ASSERT_EQ(stats->verdicts.size(), 1u);
  EXPECT_EQ(stats->verdicts[0].action, "redirect");
}

TEST(ControlMessagesTest, StatsHaveThePublicShape) {
  const std::string json = EncodeJson(Example());
  EXPECT_THAT(json, HasSubstr(R"("verdicts":{"STEERED":12})"));
  EXPECT_THAT(json, HasSubstr(R"("role":"master")"));
  EXPECT_THAT(json, HasSubstr(R"("xdp":{"attached":false)"));
}

TEST(ControlMessagesTest, NameThatIsNotUtf8DoesNotBreakTheAnswer) {
  Stats stats = Example();
  stats.node = "bl\xff";
  EXPECT_TRUE(DecodeStats(EncodeJson(stats)).ok());
}

TEST(ControlMessagesTest, RequestThatLacksAFieldNamesIt) {
  EXPECT_THAT(std::string(DecodeBackendName(R"({"pool":"web"})").status().message()),
              HasSubstr("name"));
  EXPECT_FALSE(DecodeBackendAdd("nonsense").ok());
}

TEST(ControlMessagesTest, ErrorBodyReadsBack) {
  EXPECT_EQ(DecodeError(EncodeError("no \"pool\"")), "no \"pool\"");
  EXPECT_EQ(DecodeError("<html>"), "<html>");
}

}  // namespace
}  // namespace koi
