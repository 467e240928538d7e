// SPDX-License-Identifier: Apache-2.0
// Headers of packets for l4 services that lie, are rare, or come in pieces.
#include <bpf/bpf.h>
#include <koi/abi/flow.h>
#include <netinet/in.h>

#include "packet/l4_test.h"

namespace koi {
namespace {

using L4HeaderTest = L4Test;
using L4FragmentTest = L4Test;

constexpr uint8_t kHopByHop = 0, kRouting = 43, kAuthentication = 51, kDestination = 60;

absl::string_view RouterAlert() { return absl::string_view("\x94\x04\x00\x00", 4); }

TEST_F(L4HeaderTest, IpOptionsTravelWithThePacket) {
  ExpectForwarded(FromClient4().WithOptions(RouterAlert()).Tcp(40000, 80));
  ExpectForwarded(FromClient4().WithOptions(std::string(40, '\x01')).Tcp(40000, 80));
  ForwardInTunnelTo(kBackend4);
  ExpectForwarded(FromClient4().WithOptions(RouterAlert()).Udp(5000, 53));
}

TEST_F(L4HeaderTest, SourceRoutesAreDropped) {
  for (const char route : {'\x83', '\x89'}) {
    const std::string option = {route, 7, 4, 10, 0, 0, 1};
    ExpectVerdict(FromClient4().WithOptions(option).Tcp(40000, 80), "SOURCE_ROUTED");
    ExpectVerdict(FromClient4().WithOptions("\x01\x01" + option).Tcp(40000, 80), "SOURCE_ROUTED");
  }
  ExpectVerdict(FromClient6().Extension(kRouting).Tcp(40000, 80), "SOURCE_ROUTED");
}

TEST_F(L4HeaderTest, OptionsThatDoNotFitAreDropped) {
  for (const char* options : {"\x44\x08", "\x44\x01\x01\x01", "\x01\x01\x01\x44"}) {
    ExpectVerdict(FromClient4().WithOptions(options).Tcp(40000, 80), "BAD_HEADER");
  }
}

TEST_F(L4HeaderTest, ExtensionHeadersTravelWithThePacket) {
  ExpectForwarded(FromClient6().Extension(kHopByHop).Tcp(40000, 80));
  ExpectForwarded(FromClient6().Extension(kDestination, 24).Udp(5000, 53));
  ExpectForwarded(FromClient6().Extension(kAuthentication, 24).Tcp(40000, 80));
  ExpectForwarded(FromClient6()
                      .Extension(kHopByHop)
                      .Extension(kDestination)
                      .Extension(kAuthentication, 16)
                      .Extension(kDestination, 16)
                      .Tcp(40000, 80));
  ForwardInTunnelTo(kBackend4);
  ExpectForwarded(FromClient6().Extension(kHopByHop).Extension(kDestination).Tcp(40000, 80));
}

TEST_F(L4HeaderTest, TooManyExtensionHeadersAreDroppedOrLeftToTheKernel) {
  Packet seven = FromClient6();
  for (int i = 0; i < 7; ++i) seven = seven.Extension(kDestination);
  const Packet both[] = {seven.Tcp(40000, 80),
                         FromClient6().Extension(kDestination, 136).Tcp(1, 80)};
  for (const Packet& packet : both) ExpectVerdict(packet, "TOO_MANY_HEADERS");
  AddLocalServices();
  for (const Packet& packet : both) ExpectVerdict(packet, "OPTIONS_LOCAL");
}

TEST_F(L4HeaderTest, ExtensionHeadersThatDoNotFitAreDropped) {
  const Packet chain = FromClient6().Extension(kHopByHop).Extension(kDestination, 32);
  ExpectVerdict(
      FromClient6().WithTotalBytes(16).Extension(kHopByHop).Extension(kDestination, 32).Tcp(1, 80),
      "BAD_HEADER");
  ExpectVerdict(chain.WithProtocol(kDestination), "TRUNCATED");
  ExpectVerdict(FromClient6().Extension(kDestination).Extension(kHopByHop).Tcp(40000, 80),
                "BAD_HEADER");
}

// Every length of a frame, from behind its destination on.
TEST_F(L4HeaderTest, FrameThatEndsInAHeaderIsDropped) {
  const Packet whole[] = {
      L4Syn(),
      L4Syn6(),
      FromClient4().Udp(5000, 53),
      FromClient6().Udp(5000, 53),
      FromClient4().WithOptions(RouterAlert()).Tcp(40000, 80),
      FromClient6().Extension(kHopByHop).Extension(kDestination).Tcp(40000, 80)};
  for (const Packet& packet : whole) {
    const bool ip6 = packet.Bytes()[12] == '\x86';
    for (size_t bytes = ip6 ? 54 : 34; bytes < packet.Bytes().size(); ++bytes) {
      const Outcome outcome = Run(packet.CutTo(bytes));
      EXPECT_EQ(outcome.verdict, "TRUNCATED") << packet.CutTo(bytes);
    }
  }
}

TEST_F(L4HeaderTest, ImpossibleHeadersAreDropped) {
  const Packet impossible[] = {
      FromClient4().WithVersion(5).Tcp(40000, 80),
      FromClient4().WithHeaderWords(4).Tcp(40000, 80),
      FromClient4().WithTotalBytes(19).Tcp(40000, 80),
      FromClient4().WithTotalBytes(39).Tcp(40000, 80),
      FromClient4().WithTotalBytes(41).Tcp(40000, 80),
      FromClient4().Tcp(40000, 80).WithDataOffset(4),
      FromClient4().WithTotalBytes(27).Udp(5000, 53),
      FromClient6().WithVersion(4).Tcp(40000, 80),
      FromClient6().WithTotalBytes(0).Tcp(40000, 80),
      FromClient6().WithTotalBytes(21).Tcp(40000, 80),
      FromClient6().WithTotalBytes(7).Udp(5000, 53),
  };
  for (const Packet& packet : impossible) ExpectVerdict(packet, "BAD_HEADER");
}

TEST_F(L4HeaderTest, FlagsThatNoSenderSetsTogetherAreDropped) {
  for (const char* flags : {"", "F", "SF", "SR", "FPU"}) {
    ExpectVerdict(L4Syn().WithFlags(flags), "BAD_FLAGS");
    ExpectVerdict(L4Syn6().WithFlags(flags), "BAD_FLAGS");
  }
}

TEST_F(L4HeaderTest, WrongChecksumOfTheIpHeaderIsDropped) {
  ExpectVerdict(FromClient4().WithBadChecksum().Tcp(40000, 80), "BAD_IP_CHECKSUM");
  ExpectVerdict(FromClient4().WithOptions(RouterAlert()).WithBadChecksum().Tcp(40000, 80),
                "BAD_IP_CHECKSUM");
}

TEST_F(L4HeaderTest, WrongChecksumOfThePayloadIsForTheReceiverToJudge) {
  ExpectForwarded(L4Syn().WithBadChecksum());
  ExpectForwarded(FromClient6().Udp(5000, 53).Payload("x").WithBadChecksum());
}

TEST_F(L4HeaderTest, UdpWithoutAChecksumGoesOverIp4Alone) {
  ExpectForwarded(FromClient4().Udp(5000, 53).WithoutChecksum());
  ExpectVerdict(FromClient6().Udp(5000, 53).WithoutChecksum(), "NO_UDP_CHECKSUM");
}

TEST_F(L4HeaderTest, SourcesThatCanSendNothingAreDropped) {
  for (const char* source :
       {"0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255", kL4Vip4, kOwnAddress4}) {
    ExpectVerdict(Packet::Ethernet().Ip4(source, kL4Vip4).Tcp(40000, 80), "BAD_SOURCE");
  }
  for (const char* source : {"::", "::1", "ff02::1", "::ffff:192.0.2.7", kL4Vip6, kOwnAddress6}) {
    ExpectVerdict(Packet::Ethernet().Ip6(source, kL4Vip6).Tcp(40000, 80), "BAD_SOURCE");
  }
}

TEST_F(L4HeaderTest, FrameForAnotherMacIsLeftToTheKernel) {
  for (const Mac& mac :
       {kOtherMac, kBroadcastMac, Mac{0x01, 0, 0x5e, 0, 0, 1}, Mac{0x33, 0x33, 0, 0, 0, 1}}) {
    ExpectVerdict(L4Syn().ToMac(mac), "OTHER_MAC");
  }
}

TEST_F(L4HeaderTest, OtherProtocolsAreLeftToTheKernel) {
  for (const uint8_t protocol : {47, 50, 132, 2, 89}) {
    ExpectVerdict(FromClient4().Payload("gre, esp, sctp, igmp, ospf").WithProtocol(protocol),
                  "OTHER_PROTOCOL");
    ExpectVerdict(FromClient6().Payload("gre, esp, sctp, igmp, ospf").WithProtocol(protocol),
                  "OTHER_PROTOCOL");
  }
  // A tunnel that ends at the VIP is no flow of it: nothing is taken out and sent on a second time.
  ExpectVerdict(FromClient4().Carrying(L4Syn()), "OTHER_PROTOCOL");
  ExpectVerdict(FromClient6().Carrying(L4Syn()), "OTHER_PROTOCOL");
}

TEST_F(L4HeaderTest, WhoAsksForTheMacOfAVipIsLeftToTheKernel) {
  const Packet arp = Packet::Ethernet().ToMac(kBroadcastMac);
  EXPECT_EQ(VerdictFor(arp.WithType(0x0806).Payload("who has 10.0.0.100?")), "NOT_IP");
  EXPECT_EQ(VerdictFor(arp.Vlan(7).WithType(0x0806).Payload("who has 10.0.0.100?")), "NOT_IP");
  ExpectVerdict(Packet::Ethernet().Ip6(kClient6, "ff02::1:ff00:100").Icmp(135, 0), "NOT_OURS");
}

TEST_F(L4HeaderTest, ThirdTagIsLeftToTheKernel) {
  const Packet packet = Packet::Ethernet().Vlan(1).Vlan(2).Vlan(3).Carrying(L4Syn());
  EXPECT_EQ(VerdictFor(packet), "NOT_IP");
  EXPECT_THAT(Run(packet), Passes(packet));
}

TEST_F(L4FragmentTest, LaterPiecesFollowTheFirst) {
  const struct {
    Packet first, middle, last;
  } packets[] = {
      {FromClient4().Fragment(0, true).Udp(5000, 53).Payload("12345678"),
       FromClient4().Fragment(16, true).Payload("12345678").WithProtocol(IPPROTO_UDP),
       FromClient4().Fragment(24, false).Payload("x").WithProtocol(IPPROTO_UDP)},
      {FromClient6().Fragment(0, true).Udp(5000, 53).Payload("12345678"),
       FromClient6().Fragment(16, true).Payload("12345678").WithProtocol(IPPROTO_UDP),
       FromClient6().Fragment(24, false).Payload("x").WithProtocol(IPPROTO_UDP)},
  };
  for (const bool in_tunnel : {false, true}) {
    if (in_tunnel) ForwardInTunnelTo(kBackend4);
    for (const auto& packet : packets) {
      ExpectForwarded(packet.first);
      ExpectForwarded(packet.middle);
      ExpectForwarded(packet.last);
    }
  }
}

TEST_F(L4FragmentTest, PieceWhoseFirstIsUnknownIsDroppedOrLeftToTheKernel) {
  const Packet pieces[] = {
      FromClient4().WithIdentification(0x7777).Fragment(1480, false).Payload("x").WithProtocol(6),
      FromClient6().Fragment(1448, false).WithIdentification(0x7777).Payload("x").WithProtocol(6),
  };
  for (const Packet& piece : pieces) ExpectVerdict(piece, "FRAGMENT_UNKNOWN");
  AddLocalServices();
  for (const Packet& piece : pieces) ExpectVerdict(piece, "FRAGMENT_LOCAL");
}

TEST_F(L4FragmentTest, FirstPieceForALocalServiceIsLeftToTheKernelAndSoAreItsOthers) {
  AddLocalServices();
  ExpectVerdict(
      FromClient4().WithIdentification(0x8888).Fragment(0, true).Tcp(40000, 443).Payload("1234"),
      "FRAGMENT_LOCAL");
  ExpectVerdict(
      FromClient4().WithIdentification(0x8888).Fragment(24, false).Payload("x").WithProtocol(6),
      "FRAGMENT_LOCAL");
}

TEST_F(L4FragmentTest, PacketInOnePieceIsWhole) {  // RFC 6946
  ExpectForwarded(FromClient6().Fragment(0, false).Tcp(40000, 80));
  ExpectForwarded(FromClient6().Extension(kHopByHop).Fragment(0, false).Udp(5000, 53));
}

TEST_F(L4FragmentTest, FirstPieceTooSmallForItsPortsIsDropped) {  // RFC 1858
  ExpectVerdict(FromClient4().Fragment(0, true).Payload("12345678").WithProtocol(IPPROTO_TCP),
                "TINY_FRAGMENT");
  ExpectVerdict(FromClient6().Fragment(0, true).Payload("12345678").WithProtocol(IPPROTO_TCP),
                "TINY_FRAGMENT");
}

TEST_F(L4FragmentTest, PieceThatWouldWriteOverATcpHeaderIsDropped) {  // RFC 3128
  ExpectVerdict(FromClient4().Fragment(8, true).Payload("12345678").WithProtocol(IPPROTO_TCP),
                "TINY_FRAGMENT");
}

TEST_F(L4FragmentTest, PieceThatOthersFollowButIsNotOfWholeWordsIsDropped) {
  ExpectVerdict(FromClient4().Fragment(0, true).Udp(5000, 53).Payload("x"), "BAD_HEADER");
  ExpectVerdict(FromClient4().Fragment(0, true).Payload("1234").WithProtocol(17), "BAD_HEADER");
  ExpectVerdict(FromClient6().Fragment(0, true).Udp(5000, 53).Payload("x"), "BAD_HEADER");
}

TEST_F(L4FragmentTest, PieceThatEndsPastAnyPacketIsDropped) {
  ExpectVerdict(FromClient4().Fragment(65528, false).Payload("12345678").WithProtocol(17),
                "BAD_HEADER");
  ExpectVerdict(FromClient6().Fragment(65528, false).Payload("12345678").WithProtocol(17),
                "BAD_HEADER");
}

TEST_F(L4FragmentTest, ClosedGateDropsPiecesToo) {
  ExpectForwarded(FromClient4().Fragment(0, true).Udp(5000, 53).Payload("12345678"));
  ASSERT_OK(gates.Close(kGroup));
  ExpectVerdict(FromClient4().Fragment(16, false).Payload("x").WithProtocol(17), "GATE_CLOSED_L4");
}

class L4StateTest : public L4Test {
 protected:
  // Slots that led elsewhere before: a backend that is not there, so that nothing goes to it.
  void SetUp() override {
    L4Test::SetUp();
    SetSlots({.current = kBackend, .previous = 0, .epoch = 1, .moved = 1});
  }
};

TEST_F(L4StateTest, SynMakesAnEntryThatItsFlowFollows) {
  ExpectForwarded(L4Syn());
  ExpectForwarded(L4Syn().WithFlags("A"));
  EXPECT_EQ(CountFlows(), 1U);
}

TEST_F(L4StateTest, MapIsJustFullThoughTheClockOfTheCpuThatSaidSoIsAhead) {
  const uint32_t only = 0;
  koi_flow_state state = {};
  state.full_ns = ToNanoseconds(CoarseNow() + std::chrono::seconds(1));
  const Fd map = MapFd("koi_flow_state");
  ASSERT_EQ(bpf_map_update_elem(map.get(), &only, &state, BPF_ANY), 0);
  ExpectVerdict(L4Syn(), "NO_BACKEND");  // `previous`
  EXPECT_EQ(CountFlows(), 0U);
  state = {};
  ASSERT_EQ(bpf_map_update_elem(map.get(), &only, &state, BPF_ANY), 0);
}

TEST_F(L4StateTest, ResetMakesNoEntry) {
  ExpectVerdict(L4Syn().WithFlags("R"), "NO_BACKEND");
  ExpectVerdict(L4Syn6().WithFlags("RA"), "NO_BACKEND");
  EXPECT_EQ(CountFlows(), 0U);
}

TEST_F(L4StateTest, SlotAtRestMakesNoEntry) {
  SetSlots({.current = kBackend, .previous = 0, .epoch = 1, .moved = 0});
  ExpectForwarded(L4Syn());
  ExpectForwarded(FromClient4().Udp(5000, 53));
  EXPECT_EQ(CountFlows(), 0U);
}

}  // namespace
}  // namespace koi
