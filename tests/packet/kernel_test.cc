// SPDX-License-Identifier: Apache-2.0
// What koi leaves to the kernel: odd packets for a VIP, and everything that is for no VIP, byte for
// byte as it came.
#include "packet/xdp_test.h"

namespace koi {
namespace {

constexpr uint8_t kHopByHop = 0, kRouting = 43, kAuthentication = 51, kDestination = 60;
constexpr uint8_t kMobility = 135, kHostIdentity = 139, kShim6 = 140;

using XdpKernelTest = XdpTest;

Packet From4(absl::string_view destination) {
  return Packet::Ethernet().Ip4("192.0.2.7", destination);
}
Packet From6(absl::string_view destination) {
  return Packet::Ethernet().Ip6("2001:db8::7", destination);
}

TEST_F(XdpKernelTest, FragmentIsLeftToTheKernel) {
  const Packet fragments[] = {
      From4(kVip4).Fragment(0, true).Tcp(40000, 443),
      From4(kVip4).Fragment(1480, true).Payload("middle").WithProtocol(6),
      From4(kVip4).Fragment(2960, false).Payload("last").WithProtocol(6),
      From6(kVip6).Fragment(0, true).Tcp(40000, 443),
      From6(kVip6).Fragment(1448, false).Payload("last").WithProtocol(6),
      From6(kVip6).Fragment(0, false).Tcp(40000, 443),  // atomic (RFC 6946)
  };
  for (const Packet& fragment : fragments) {
    SCOPED_TRACE(fragment);
    const Outcome outcome = Run(fragment);
    EXPECT_THAT(outcome, Passes(fragment));
    EXPECT_EQ(outcome.verdict, "FRAGMENT_LOCAL");
  }
}

TEST_F(XdpKernelTest, OptionsAndExtensionHeadersAreLeftToTheKernel) {
  const Packet with_options =
      From4(kVip4).WithOptions(absl::string_view("\x94\x04\x00\x00", 4)).Tcp(40000, 443);
  EXPECT_THAT(Run(with_options), Passes(with_options));
  EXPECT_EQ(VerdictFor(with_options), "OPTIONS_LOCAL");
  for (const uint8_t extension :
       {kHopByHop, kRouting, kAuthentication, kDestination, kMobility, kHostIdentity, kShim6}) {
    SCOPED_TRACE(static_cast<int>(extension));
    const Packet packet = From6(kVip6).Extension(extension).Tcp(40000, 443);
    const Outcome outcome = Run(packet);
    EXPECT_THAT(outcome, Passes(packet));
    EXPECT_EQ(outcome.verdict, "OPTIONS_LOCAL");
  }
}

TEST_F(XdpKernelTest, OtherProtocolsAreLeftToTheKernel) {
  const Packet others[] = {
      From4(kVip4).Udp(40000, 443),
      From4(kVip4).Payload("sctp").WithProtocol(132),
      From6(kVip6).Udp(40000, 443),
  };
  for (const Packet& packet : others) {
    SCOPED_TRACE(packet);
    const Outcome outcome = Run(packet);
    EXPECT_THAT(outcome, Passes(packet));
    EXPECT_EQ(outcome.verdict, "OTHER_PROTOCOL");
  }
}

TEST_F(XdpKernelTest, IcmpIsLeftToTheKernel) {
  const Packet messages[] = {
      From4(kVip4).Icmp(8, 0),
      From4(kVip4).Icmp(3, 4).Quoting(Packet::Ethernet().Ip4(kVip4, "192.0.2.7").Tcp(443, 40000)),
      From6(kVip6).Icmp(128, 0),
      From6(kVip6).Icmp(135, 0).Payload("unicast solicitation"),
  };
  for (const Packet& packet : messages) {
    SCOPED_TRACE(packet);
    const Outcome outcome = Run(packet);
    EXPECT_THAT(outcome, Passes(packet));
    EXPECT_EQ(outcome.verdict, "ICMP_LOCAL");
  }
}

TEST_F(XdpKernelTest, PacketInAVlanIsLeftToTheKernel) {
  const Packet tagged = Packet::Ethernet().Vlan(7).Carrying(Syn());
  EXPECT_THAT(Run(tagged), Passes(tagged));
  EXPECT_EQ(VerdictFor(tagged), "TAGGED_LOCAL");
}

TEST_F(XdpKernelTest, WhatIsNoIpIsLeftToTheKernel) {
  const Packet others[] = {
      Packet::Ethernet().ToMac(kBroadcastMac).WithType(0x0806).Payload("who has 10.0.0.1?"),
      Packet::Ethernet().WithType(0x88cc).Payload("lldp"),
      Packet::Ethernet().WithType(0x0026).Payload("802.3 length"),
      Packet::Ethernet().Vlan(7).WithType(0x0806).Payload("who has 10.0.0.1?"),
      Packet::Ethernet().WithType(0x0806).CutTo(14),
  };
  for (const Packet& packet : others) {
    SCOPED_TRACE(packet);
    const Outcome outcome = Run(packet);
    EXPECT_THAT(outcome, Passes(packet));
    EXPECT_EQ(outcome.verdict, "NOT_IP");
  }
}

TEST_F(XdpKernelTest, AddressThatIsNoVipIsNotOurs) {
  EXPECT_EQ(VerdictFor(From4("10.0.0.2").Tcp(40000, 443)), "NOT_OURS");
  EXPECT_EQ(VerdictFor(From6("2001:db8::2").Tcp(40000, 443)), "NOT_OURS");
}

TEST_F(XdpKernelTest, RemovedVipIsNotOurs) {
  ASSERT_OK(vips.Remove(*Address::Parse(kVip4)));

  EXPECT_THAT(Run(Syn()), Passes(Syn()));
  EXPECT_EQ(VerdictFor(Syn()), "NOT_OURS");
}

TEST_F(XdpKernelTest, Ip4VipWrittenAsIp6OnTheWireIsNotOurs) {
  const Packet packet = From6(absl::StrCat("::ffff:", kVip4)).Tcp(40000, 443);
  const Outcome outcome = Run(packet);

  EXPECT_THAT(outcome, Passes(packet));
  EXPECT_EQ(outcome.verdict, "NOT_OURS");
}

// The host's own traffic, however odd: to drop or answer any of it would break the host.
TEST_F(XdpKernelTest, TrafficOfTheHostItselfIsNeverChangedOrDropped) {
  const Packet traffic[] = {
      From4("10.0.0.9").Tcp(40000, 22),
      From4("10.0.0.9").Tcp(40000, 22).WithFlags(""),
      From4("10.0.0.9").Tcp(40000, 22).WithFlags("SFR"),
      From4("10.0.0.9").Tcp(40000, 22).WithDataOffset(0),
      From4("10.0.0.9").Tcp(40000, 22).CutTo(40),
      From4("10.0.0.9").Udp(53, 5353),
      From4("10.0.0.9").Icmp(8, 0).Payload("ping"),
      From4("10.0.0.9").Icmp(3, 4).Payload("fragmentation needed"),
      From4("10.0.0.9").Fragment(0, true).Udp(2049, 2049),
      From4("10.0.0.9").Fragment(1480, false).Payload("last"),
      From4("10.0.0.9").WithVersion(5).Tcp(40000, 22),
      From4("10.0.0.9").WithHeaderWords(1).Tcp(40000, 22),
      From4("10.0.0.9").WithTotalBytes(9).Tcp(40000, 22),
      From4("10.0.0.9").WithBadChecksum().Tcp(40000, 22),
      From4("10.0.0.9").Payload("esp").WithProtocol(50),
      From4("10.0.0.9").Payload("gre").WithProtocol(47),
      From4("224.0.0.18").Payload("carp").WithProtocol(112).ToMac({0x01, 0, 0x5e, 0, 0, 0x12}),
      From4("224.0.0.22").WithOptions(absl::string_view("\x94\x04\x00\x00", 4)).WithProtocol(2),
      From4("255.255.255.255").Udp(68, 67).ToMac(kBroadcastMac),
      Packet::Ethernet().Ip4("127.0.0.1", "127.0.0.1").Tcp(40000, 443),
      Packet::Ethernet().Ip4("10.0.0.9", "10.0.0.9").Tcp(443, 443),
      Packet::Ethernet().Ip4(kVip4, "192.0.2.7").Tcp(443, 40000).WithFlags("SA"),
      From6("2001:db8::9").Tcp(40000, 22),
      From6("2001:db8::9").Tcp(40000, 22).CutTo(60),
      From6("2001:db8::9").Extension(kHopByHop).Icmp(143, 0),
      From6("2001:db8::9").Fragment(0, true).Udp(2049, 2049),
      From6("2001:db8::9").WithTotalBytes(9999).Tcp(40000, 22),
      From6("ff02::1:ff00:1").Icmp(135, 0).Payload("who has 2001:db8::1?"),
      From6("fe80::1").Icmp(134, 0).Payload("router advertisement"),
      From6("::").Udp(1, 2),
  };
  for (const Packet& packet : traffic) {
    SCOPED_TRACE(packet);
    const Outcome outcome = Run(packet);
    EXPECT_THAT(outcome, Passes(packet));
    EXPECT_EQ(outcome.verdict, "NOT_OURS");
  }
}

}  // namespace
}  // namespace koi
