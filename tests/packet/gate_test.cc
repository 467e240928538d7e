// SPDX-License-Identifier: Apache-2.0
// The gate of a group: only a master's host steers, and only for as long as its lease runs.
#include "packet/xdp_test.h"

namespace koi {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using XdpGateTest = XdpTest;

TEST_F(XdpGateTest, OpenGateLetsPacketsBeSteered) { EXPECT_EQ(VerdictFor(Syn()), "STEERED"); }

TEST_F(XdpGateTest, ClosedGateLeavesPacketsToTheKernelUnchanged) {
  ASSERT_OK(gates.Close(kGroup));
  const Outcome outcome = Run(Syn());

  EXPECT_THAT(outcome, Passes(Syn()));
  EXPECT_EQ(outcome.verdict, "GATE_CLOSED_LOCAL");
}

TEST_F(XdpGateTest, GateOfAnotherGroupDoesNotMatter) {
  ASSERT_OK(gates.Close(kGroup));
  ASSERT_OK(gates.OpenUntil(kGroup + 1, Now() + hours(1)));

  EXPECT_EQ(VerdictFor(Syn()), "GATE_CLOSED_LOCAL");
  EXPECT_EQ(VerdictFor(Syn6()), "GATE_CLOSED_LOCAL");
}

TEST_F(XdpGateTest, GateThatNobodyRenewsClosesByItself) {
  ASSERT_OK(gates.OpenUntil(kGroup, Now() - seconds(1)));

  EXPECT_EQ(VerdictFor(Syn()), "GATE_CLOSED_LOCAL");
}

TEST_F(XdpGateTest, GateClosesWhenItsTimeIsOver) {
  ASSERT_OK(gates.OpenUntil(kGroup, Now() + hours(1)));
  settings.clock_offset_ns = std::chrono::nanoseconds(hours(1) - seconds(30)).count();
  ASSERT_OK(settings_map.Write(settings));
  EXPECT_EQ(VerdictFor(Syn()), "STEERED");

  settings.clock_offset_ns = std::chrono::nanoseconds(hours(1) + seconds(1)).count();
  ASSERT_OK(settings_map.Write(settings));
  EXPECT_EQ(VerdictFor(Syn()), "GATE_CLOSED_LOCAL");
}

TEST_F(XdpGateTest, RenewedGateIsOpenAgain) {
  ASSERT_OK(gates.OpenUntil(kGroup, Now() - seconds(1)));
  EXPECT_EQ(VerdictFor(Syn()), "GATE_CLOSED_LOCAL");

  ASSERT_OK(gates.OpenUntil(kGroup, Now() + seconds(30)));
  EXPECT_EQ(VerdictFor(Syn()), "STEERED");
}

TEST_F(XdpGateTest, WhatIsNoServiceDoesNotAskTheGate) {
  ASSERT_OK(gates.Close(kGroup));

  EXPECT_EQ(VerdictFor(Packet::Ethernet().Ip4("192.0.2.7", kVip4).Tcp(40000, 22)), "NO_SERVICE");
}

}  // namespace
}  // namespace koi
