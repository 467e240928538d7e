// SPDX-License-Identifier: Apache-2.0
// The bounded tables of what others sent.
#include "carp/peers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/carp/carp_data.h"

namespace koi {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1)};

TEST(PeersTest, RemembersTheLastAdvertOfEachHost) {
  Peers peers;
  peers.Heard(Addr("10.0.0.2"), 1, 100, kStart);
  peers.Heard(Addr("10.0.0.2"), 1, 240, kStart + seconds(1));
  const auto list = peers.List(kStart + seconds(3));
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].source, "10.0.0.2");
  EXPECT_EQ(list[0].advskew, 240);
  EXPECT_EQ(list[0].heard_ms_ago, 2000);
}

TEST(PeersTest, ForgetsTheOneNotHeardForLongestWhenFull) {
  Peers peers;
  for (int host = 1; host <= 17; ++host) {
    peers.Heard(Addr("10.0.0." + std::to_string(host)), 1, 0, kStart + seconds(host));
  }
  const auto list = peers.List(kStart + seconds(20));
  EXPECT_EQ(list.size(), 16u);
  EXPECT_THAT(
      list,
      testing::Not(testing::Contains(testing::Field(&CarpPeer::source, testing::Eq("10.0.0.1")))));
}

TEST(MismatchedSendersTest, CountsTheAdvertsOfEachHost) {
  MismatchedSenders senders;
  senders.Heard(Addr("10.0.0.3"), kStart);
  senders.Heard(Addr("10.0.0.2"), kStart);
  senders.Heard(Addr("10.0.0.2"), kStart + seconds(1));
  const auto list = senders.List(kStart + seconds(3));
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].source, "10.0.0.2");
  EXPECT_EQ(list[0].adverts, 2u);
  EXPECT_EQ(list[0].heard_ms_ago, 2000);
  senders.Forget(Addr("10.0.0.2"));
  EXPECT_EQ(senders.List(kStart + seconds(3)).size(), 1u);
}

TEST(MismatchedSendersTest, AFloodOfForgedSourcesTakesNoMoreRoom) {
  MismatchedSenders senders;
  for (int host = 1; host <= 200; ++host) {
    senders.Heard(Addr("10.0.0." + std::to_string(host)), kStart + seconds(host));
  }
  EXPECT_EQ(senders.List(kStart).size(), 16u);
}

TEST(WarningLimitTest, AllowsOneWarningEveryTenSecondsForEachSource) {
  WarningLimit limit;
  EXPECT_TRUE(limit.Allows(Addr("10.0.0.1"), kStart));
  EXPECT_FALSE(limit.Allows(Addr("10.0.0.1"), kStart + milliseconds(9999)));
  EXPECT_TRUE(limit.Allows(Addr("10.0.0.2"), kStart + seconds(1)));
  EXPECT_TRUE(limit.Allows(Addr("10.0.0.1"), kStart + seconds(10)));
}

TEST(WarningLimitTest, AFloodOfForgedSourcesSharesOneAllowance) {
  WarningLimit limit;
  int allowed = 0;
  for (int i = 0; i < 1000; ++i) {
    allowed += limit.Allows(Addr("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250)),
                            kStart);
  }
  EXPECT_LE(allowed, 66);
}

}  // namespace
}  // namespace koi
