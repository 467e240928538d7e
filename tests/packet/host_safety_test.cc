// SPDX-License-Identifier: Apache-2.0
// The host that koi runs on has traffic of its own. However odd it is, with all kinds of services
// configured, none of it is changed or dropped: cut anywhere, tagged or not.
#include <string>
#include <vector>

#include "packet/l4_test.h"

namespace koi {
namespace {

constexpr char kHost4[] = "10.0.0.9";
constexpr char kHost6[] = "2001:db8::9";
constexpr char kNeighbour4[] = "10.0.0.77";
constexpr char kNeighbour6[] = "fe80::77";
const Mac kSpanningTree = {0x01, 0x80, 0xc2, 0, 0, 0};
const Mac kMulticast4 = {0x01, 0, 0x5e, 0, 0, 1};
const Mac kMulticast6 = {0x33, 0x33, 0, 0, 0, 1};

class HostSafetyTest : public L4Test {
 protected:
  void SetUp() override {
    L4Test::SetUp();
    AddLocalServices();
    SetVip(kL4Vip4, kL4Vip4Number, KOI_VIP_L4 | KOI_VIP_LOCAL | KOI_VIP_ANY_PORT);
    SetL4Service(kL4Vip4Number, IPPROTO_TCP, 0);
    l4_settings.deny = 1;
    WriteSettings();
  }
  void TearDown() override {
    l4_settings.deny = 0;
    WriteSettings();
    L4Test::TearDown();
  }
};

Packet To4(absl::string_view destination) {
  return Packet::Ethernet().Ip4(kNeighbour4, destination);
}
Packet To6(absl::string_view destination) {
  return Packet::Ethernet().Ip6(kNeighbour6, destination);
}
Packet Typed(uint16_t type, absl::string_view bytes) {
  return Packet::Ethernet().WithType(type).Payload(bytes);
}

std::vector<Packet> LinkTraffic() {
  return {
      Typed(0x0806, "arp reply").ToMac(kBroadcastMac),
      Typed(0x0806, "arp request"),
      Typed(0x88cc, "lldp").ToMac(kSpanningTree),
      Typed(0x0026, "802.3 length: spanning tree").ToMac(kSpanningTree),
      Typed(0x8863, "pppoe"),
      Typed(0x8847, "mpls"),
      Typed(0x8809, "lacp"),
      Typed(0x888e, "802.1x"),
      Typed(0x0800, ""),
      Typed(0x86dd, "x"),
      Packet::Ethernet().Vlan(1).Vlan(2).Vlan(3).Carrying(L4Syn()),
  };
}

std::vector<Packet> Ip4Traffic() {
  const absl::string_view router_alert("\x94\x04\x00\x00", 4);
  return {
      To4(kHost4).Tcp(50000, 22).WithFlags("PA").Payload("ssh"),
      To4(kHost4).Tcp(80, 50000).WithFlags("SA"),
      To4(kHost4).Tcp(50000, 80).WithFlags(""),
      To4(kHost4).Tcp(50000, 80).WithFlags("SFRPAU").WithDataOffset(1),
      To4(kHost4).Tcp(50000, 80).WithBadChecksum(),
      To4(kHost4).WithBadChecksum().Tcp(50000, 80),
      To4("255.255.255.255").ToMac(kBroadcastMac).Udp(67, 68).Payload("dhcp offer"),
      Packet::Ethernet().ToMac(kBroadcastMac).Ip4("0.0.0.0", "255.255.255.255").Udp(68, 67),
      To4("10.0.0.255").ToMac(kBroadcastMac).Udp(137, 137),
      To4(kHost4).Udp(53, 5353).WithoutChecksum(),
      To4(kHost4).Icmp(8, 0).Payload("ping"),
      To4(kHost4).Icmp(0, 0).Payload("pong"),
      To4(kHost4).Icmp(5, 1).Payload("redirect"),
      To4(kHost4).Icmp(3, 4).WithMtu(1400).Quoting(
          Packet::Ethernet().Ip4(kL4Vip4, kClient4).Tcp(80, 40000)),
      To4(kHost4).WithTtl(1).Udp(33434, 33435),
      To4(kHost4).WithTtl(0).Tcp(1, 2),
      To4(kHost4).Fragment(0, true).Udp(2049, 2049).Payload("12345678"),
      To4(kHost4).Fragment(1480, true).Payload("middle").WithProtocol(17),
      To4(kHost4).Fragment(8, false).Payload("overlapping").WithProtocol(6),
      To4(kHost4).Fragment(65528, false).Payload("ping of death").WithProtocol(1),
      To4(kHost4).WithOptions(router_alert).Tcp(50000, 22),
      To4(kHost4).WithOptions("\x83\x07\x04\x0a").Tcp(50000, 22),
      To4("224.0.0.1").ToMac(kMulticast4).WithTtl(1).WithOptions(router_alert).WithProtocol(2),
      To4("224.0.0.5").ToMac(kMulticast4).WithTtl(1).Payload("ospf hello").WithProtocol(89),
      To4("224.0.0.18").ToMac(kMulticast4).Payload("carp, vrrp").WithProtocol(112),
      To4("239.1.1.1").ToMac(kMulticast4).Udp(5000, 5000),
      To4(kHost4).Payload("gre").WithProtocol(47),
      To4(kHost4).Payload("esp").WithProtocol(50),
      To4(kHost4).Payload("ah").WithProtocol(51),
      To4(kHost4).Payload("sctp").WithProtocol(132),
      To4(kHost4).Carrying(L4Syn()),
      To4(kHost4).Carrying(L4Syn6()),
      To4(kHost4).WithVersion(5).Tcp(1, 2),
      To4(kHost4).WithHeaderWords(3).Tcp(1, 2),
      To4(kHost4).WithTotalBytes(9).Tcp(1, 2),
      To4(kHost4).WithTotalBytes(65535).Tcp(1, 2),
      Packet::Ethernet().Ip4("127.0.0.1", kHost4).Tcp(1, 2),
      Packet::Ethernet().Ip4(kL4Vip4, kClient4).Tcp(80, 40000).WithFlags("SA"),
  };
}

std::vector<Packet> Ip6Traffic() {
  return {
      To6(kHost6).Tcp(50000, 22).WithFlags("PA").Payload("ssh"),
      To6(kHost6).Tcp(50000, 80).WithFlags(""),
      To6(kHost6).Udp(53, 5353).WithoutChecksum(),
      To6("ff02::1:ff00:100").ToMac(kMulticast6).Icmp(135, 0).Payload("who has the VIP?"),
      To6("ff02::1").ToMac(kMulticast6).WithTtl(255).Icmp(134, 0).Payload("router advertisement"),
      To6("ff02::16").ToMac(kMulticast6).WithTtl(1).Extension(0).Icmp(143, 0).Payload("mld"),
      To6("ff02::5").ToMac(kMulticast6).WithTtl(1).Payload("ospf hello").WithProtocol(89),
      To6("ff02::1:2").ToMac(kMulticast6).Udp(546, 547),
      To6(kHost6).Icmp(128, 0).Payload("ping"),
      To6(kHost6).Icmp(137, 0).Payload("redirect"),
      To6(kHost6).Icmp(2, 0).WithMtu(1280).Quoting(
          Packet::Ethernet().Ip6(kL4Vip6, kClient6).Tcp(80, 40000)),
      To6(kHost6).Extension(0).Extension(60).Extension(43).Tcp(50000, 22),
      To6(kHost6).Extension(51, 24).Payload("esp").WithProtocol(50),
      To6(kHost6).Extension(60).Extension(0).Tcp(1, 2),
      To6(kHost6).Extension(60, 2048).Tcp(1, 2),
      To6(kHost6).Fragment(0, true).Udp(2049, 2049),
      To6(kHost6).Fragment(1448, false).Payload("last").WithProtocol(17),
      To6(kHost6).Fragment(0, false).Tcp(50000, 22),
      To6(kHost6).Payload("sctp").WithProtocol(132),
      To6(kHost6).Payload("").WithProtocol(59),
      To6(kHost6).Carrying(L4Syn()),
      To6(kHost6).Carrying(L4Syn6()),
      To6(kHost6).WithVersion(4).Tcp(1, 2),
      To6(kHost6).WithTotalBytes(9999).Tcp(1, 2),
      To6(kHost6).WithTtl(0).Tcp(1, 2),
      To6("::ffff:10.0.0.100").Tcp(40000, 80),
      Packet::Ethernet().Ip6("::", "ff02::1:ff00:9").Icmp(135, 0),
      Packet::Ethernet().Ip6(kL4Vip6, kClient6).Tcp(80, 40000).WithFlags("SA"),
  };
}

std::vector<Packet> All() {
  std::vector<Packet> all = LinkTraffic();
  for (const auto& traffic : {Ip4Traffic(), Ip6Traffic()}) {
    for (const Packet& packet : traffic) {
      for (const Packet& tagged : Tagged(packet)) all.push_back(tagged);
    }
  }
  return all;
}

TEST_F(HostSafetyTest, TrafficOfTheHostIsNeverChangedOrDropped) {
  for (const Packet& packet : All()) ASSERT_THAT(Run(packet), Passes(packet));
}

TEST_F(HostSafetyTest, NorIsItWhereverTheFrameEnds) {
  for (const Packet& packet : All()) {
    const std::string frame = packet.Bytes();
    for (size_t bytes = 14; bytes <= frame.size() && bytes < 150; ++bytes) {
      const Outcome outcome = runner.Answer(frame.substr(0, bytes));
      ASSERT_EQ(outcome.action, "pass") << packet << "cut to " << bytes;
      ASSERT_EQ(outcome.frame, frame.substr(0, bytes)) << packet;
    }
  }
}

TEST_F(HostSafetyTest, JumboFramesOfTheHostPass) {
  const Packet packets[] = {
      To4(kHost4).Tcp(50000, 22).WithFlags("A").Payload(std::string(8000, 'x')),
      To6(kHost6).Udp(2049, 2049).Payload(std::string(8000, 'x'))};
  for (const Packet& packet : packets) EXPECT_THAT(Run(packet), Passes(packet));
}

}  // namespace
}  // namespace koi
