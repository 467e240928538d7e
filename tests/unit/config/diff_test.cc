// SPDX-License-Identifier: Apache-2.0
// What is said of two configurations that differ.
#include "config/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "config_text.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// kSmallConfig with `from` replaced by `to`.
Config Changed(const std::string& from, const std::string& to) {
  return Parse(absl::StrReplaceAll(kSmallConfig, {{from, to}})).config.value();
}

std::vector<std::string> Lines(const Config& before, const Config& after) {
  std::vector<std::string> lines;
  for (const ConfigChange& change : DiffConfigs(before, after)) lines.push_back(change.ToString());
  return lines;
}

class DiffTest : public testing::Test {
 protected:
  const Config before = Parse(kSmallConfig).config.value();
};

TEST_F(DiffTest, SameIsNothing) { EXPECT_THAT(Lines(before, before), IsEmpty()); }

TEST_F(DiffTest, KeysThatChangeAreNamedWithBothValues) {
  EXPECT_THAT(Lines(before, Changed("8080\"", "8080\", weight = 50")),
              ElementsAre("~ backend web/web-1: weight 100 -> 50"));
  EXPECT_THAT(Lines(before, Changed("[[vip]]", "advskew = 7\npreempt = true\n[[vip]]")),
              ElementsAre("~ group 42: advskew 0 -> 7, preempt false -> true"));
  EXPECT_THAT(Lines(before, Changed("pool = \"web\"", "redirect = \"https\"")),
              ElementsAre("~ service web: redirect (none) -> https, pool web -> (none)"));
}

TEST_F(DiffTest, SecretIsNeverShown) {
  const Config after = Changed("password_file = \"carp.key\"", "password = \"other\"");
  EXPECT_THAT(Lines(before, after), ElementsAre("~ group 42: password (secret) changed"));
  for (const ConfigChange& change : DiffConfigs(before, after)) {
    EXPECT_EQ(change.keys.at(0).before, "(secret)");
    EXPECT_EQ(change.keys.at(0).after, "(secret)");
  }
}

TEST_F(DiffTest, WhatComesAndGoesIsNamed) {
  const Config after = Changed("[[service]]", R"([[vip]]
address = "fd00::1"
[stats]
listen = "127.0.0.1:8404"
[[service]])");
  EXPECT_THAT(Lines(before, after),
              ElementsAre("+ VIP fd00::1: group 42", "+ stats: listen 127.0.0.1:8404"));
  EXPECT_THAT(Lines(after, before), ElementsAre("- VIP fd00::1", "- stats"));
  EXPECT_THAT(Lines(before, Changed("\"web-1\"", "\"web-2\"")),
              ElementsAre("- backend web/web-1",
                          "+ backend web/web-2: address 10.0.2.11:8080, weight 100, from file"));
}

TEST_F(DiffTest, OrderAndNumbersDoNotCount) {
  Config after = before;
  after.pools[0].number = 9;
  after.vips[0].number = 9;
  EXPECT_THAT(Lines(before, after), IsEmpty());
}

TEST_F(DiffTest, WhatARunningNodeCannotChangeIsSaid) {
  EXPECT_THAT(ChangesNeedingRestart(DiffConfigs(before, Changed("\"eth0\"", "\"eth1\""))),
              ElementsAre("node.interface eth0 -> eth1"));
  EXPECT_THAT(
      ChangesNeedingRestart(DiffConfigs(before, Changed("[node]", "[xdp]\nflows = 1024\n[node]"))),
      ElementsAre("xdp.flows 262144 -> 1024"));
  EXPECT_THAT(ChangesNeedingRestart(DiffConfigs(before, Changed("10.0.2.11", "10.0.2.12"))),
              IsEmpty());
}

TEST_F(DiffTest, RingOfAPoolIsMadeOnceAndHowItForwardsMayChange) {
  const auto with = [](const std::string& from, const std::string& to) {
    return Parse(absl::StrReplaceAll(kL4Config, {{from, to}})).config.value();
  };
  const Config l4 = with("", "");
  const std::vector<ConfigChange> ring =
      DiffConfigs(l4, with("\"dsr\"", "\"dsr\"\nring_size = 257"));
  EXPECT_THAT(ChangesNeedingRestart(ring), ElementsAre("pool dns.ring_size 65537 -> 257"));

  const Config tunnel = with("\"dsr\"", "\"ipip\"");
  EXPECT_THAT(Lines(l4, tunnel), ElementsAre("~ pool dns: forward dsr -> ipip"));
  EXPECT_THAT(ChangesNeedingRestart(DiffConfigs(l4, tunnel)), IsEmpty());

  EXPECT_THAT(Lines(l4, with("\"l4\"", "\"l4\"\nprotocols = [\"udp\"]")),
              ElementsAre("~ service dns: protocols tcp -> udp"));
}

}  // namespace
}  // namespace koi
