// SPDX-License-Identifier: Apache-2.0
// ICMP and l4 services: errors about flows, questions, and what koi says itself about packets that
// are too big.
#include "packet/l4_test.h"

namespace koi {
namespace {

using L4IcmpTest = L4Test;

constexpr char kRouter4[] = "198.51.100.1";
constexpr char kRouter6[] = "2001:db8:ffff::1";

Packet Error4(uint8_t type, uint8_t code) {
  return Packet::Ethernet().Ip4(kRouter4, kL4Vip4).Icmp(type, code);
}
Packet Error6(uint8_t type, uint8_t code) {
  return Packet::Ethernet().Ip6(kRouter6, kL4Vip6).Icmp(type, code);
}
// What a backend sent to the client, in the VIP's name.
Packet Answer4() { return Packet::Ethernet().Ip4(kL4Vip4, kClient4); }
Packet Answer6() { return Packet::Ethernet().Ip6(kL4Vip6, kClient6); }

TEST_F(L4IcmpTest, ErrorGoesWhereItsFlowGoesThoughItQuotesEightBytesAlone) {
  for (const uint8_t type : {3, 11, 12}) {
    ExpectForwarded(Error4(type, 4).WithMtu(1400).Quoting(Answer4().Tcp(80, 40000), 8));
    ExpectForwarded(Error4(type, 1).Quoting(Answer4().Udp(53, 5000).Payload("answer"), 8));
  }
  for (const uint8_t type : {1, 2, 3, 4}) {
    ExpectForwarded(Error6(type, 0).WithMtu(1400).Quoting(Answer6().Tcp(80, 40000), 8));
    ExpectForwarded(Error6(type, 0).Quoting(Answer6().Udp(53, 5000).Payload("answer")));
  }
}

TEST_F(L4IcmpTest, ErrorAboutAPacketWithOptionsGoesWhereItsFlowGoes) {
  ExpectForwarded(Error4(3, 4).Quoting(
      Answer4().WithOptions(absl::string_view("\x94\x04\0\0", 4)).Tcp(80, 40000), 8));
}

TEST_F(L4IcmpTest, ErrorTravelsInATunnelToo) {
  for (const char* address : {kBackend4, kBackend6}) {
    ForwardInTunnelTo(address);
    ExpectForwarded(Error4(3, 4).WithMtu(1400).Quoting(Answer4().Tcp(80, 40000), 8));
    ExpectForwarded(Error6(2, 0).WithMtu(1400).Quoting(Answer6().Tcp(80, 40000)));
  }
}

// Slots tell two backends apart: an error must find the slot of its flow, not one of its own.
TEST_F(L4IcmpTest, ErrorIsHashedAsItsFlowIs) {
  l4_settings.tunnel4.spread = 255;
  WriteSettings();
  ForwardInTunnelTo(kBackend4);
  for (uint16_t port = 40000; port < 40032; ++port) {
    SCOPED_TRACE(port);
    const std::string flow = Run(FromClient4().Tcp(port, 80)).frame;
    const std::string error = Run(Error4(3, 4).Quoting(Answer4().Tcp(80, port), 8)).frame;
    ASSERT_GT(error.size(), 34U);
    EXPECT_EQ(error.substr(26, 8), flow.substr(26, 8)) << "outer source and destination";
  }
}

TEST_F(L4IcmpTest, ErrorAboutNothingOfOursIsDropped) {
  const Packet about_nothing[] = {
      Error4(3, 4).Quoting(Packet::Ethernet().Ip4("10.0.0.7", kClient4).Tcp(80, 40000)),
      Error4(3, 4).Quoting(Answer4().Tcp(80, 40000), 7),
      Error4(3, 4).Quoting(Answer4().Icmp(0, 0)),
      Error4(3, 4).Quoting(Answer4().Fragment(1480, false).Payload("12345678").WithProtocol(6)),
      Error4(3, 4).Quoting(Answer4().WithVersion(6).Tcp(80, 40000)),
      Error4(3, 4).Quoting(Answer4().WithHeaderWords(4).Tcp(80, 40000)),
      Error4(3, 4).Payload("short"),
      Packet::Ethernet()
          .Ip4(kRouter4, kL4Vip4)
          .WithTotalBytes(48)
          .Icmp(3, 4)
          .Quoting(Answer4().Tcp(80, 40000), 8),
      Error4(3, 4),
      Error6(2, 0).Quoting(Packet::Ethernet().Ip6("2001:db8::7", kClient6).Tcp(80, 40000)),
      Error6(2, 0).Quoting(Answer6().Tcp(80, 40000), 7),
      Error6(2, 0),
  };
  for (const Packet& error : about_nothing) ExpectVerdict(error, "BAD_ICMP");
  AddLocalServices();
  for (const Packet& error : about_nothing) ExpectVerdict(error, "ICMP_LOCAL");
}

TEST_F(L4IcmpTest, ErrorAboutAPortWithoutAServiceIsNotForwarded) {
  ExpectVerdict(Error4(3, 4).Quoting(Answer4().Tcp(81, 40000), 8), "NO_L4_SERVICE");
}

TEST_F(L4IcmpTest, ErrorAboutALocalServiceIsLeftToTheKernel) {
  AddLocalServices();
  ExpectVerdict(Error4(3, 4).Quoting(Answer4().Tcp(443, 40000), 8), "ICMP_LOCAL");
  ExpectVerdict(Error6(2, 0).Quoting(Answer6().Tcp(443, 40000), 8), "ICMP_LOCAL");
  ExpectForwarded(Error4(3, 4).Quoting(Answer4().Tcp(80, 40000), 8));
}

TEST_F(L4IcmpTest, RedirectAndSourceQuenchAreDropped) {
  ExpectVerdict(Error4(5, 1).Quoting(Answer4().Tcp(80, 40000)), "BAD_ICMP");
  ExpectVerdict(Error4(4, 0).Quoting(Answer4().Tcp(80, 40000)), "BAD_ICMP");
  ExpectVerdict(Error6(137, 0).Quoting(Answer6().Tcp(80, 40000)), "BAD_ICMP");
}

TEST_F(L4IcmpTest, QuestionsAreLeftToTheKernel) {
  ExpectVerdict(FromClient4().Icmp(8, 0).Payload("ping"), "ICMP_LOCAL");
  ExpectVerdict(FromClient6().Icmp(128, 0).Payload("ping"), "ICMP_LOCAL");
  ExpectVerdict(FromClient6().Icmp(135, 0).Payload("who has it?"), "ICMP_LOCAL");
}

TEST_F(L4IcmpTest, ErrorMakesNoState) {
  SetSlots({.current = kBackend, .previous = kBackend, .epoch = 1, .moved = 1});
  ExpectForwarded(Error4(3, 4).Quoting(Answer4().Tcp(80, 40000), 8));
  ExpectForwarded(Error4(3, 4).Quoting(Answer4().Udp(53, 40000), 8));
  EXPECT_EQ(CountFlows(), 0U);
}

class L4TooBigTest : public L4Test {
 protected:
  // What the sender of `packet` is told, whose way leaves `mtu`.
  static Packet Told(const Packet& packet, uint32_t mtu, bool ip6) {
    const Packet link = packet.Link().FromMac(kOurMac).ToMac(kClientMac);
    if (ip6) {
      return link.Ip6(kL4Vip6, kClient6).Icmp(2, 0).WithMtu(mtu).Quoting(packet, 1280 - 48 - 40);
    }
    return link.Ip4(kL4Vip4, kClient4)
        .WithIdentification(0)
        .Icmp(3, 4)
        .WithMtu(mtu)
        .Quoting(packet, 128 - 20);
  }
  void ExpectTold(const Packet& packet, uint32_t mtu, bool ip6) {
    for (const Packet& tagged : Tagged(packet)) {
      SCOPED_TRACE(mtu);
      const Outcome outcome = Run(tagged);
      EXPECT_EQ(outcome.verdict, "TOO_BIG_TOLD");
      EXPECT_THAT(outcome, Transmits(Told(tagged, mtu, ip6)));
    }
  }
};

Packet Segment4(size_t ip_bytes) {
  return FromClient4().WithDontFragment().Tcp(40000, 80).WithFlags("A").Payload(
      std::string(ip_bytes - 40, 'x'));
}
Packet Segment6(size_t ip_bytes) {
  return FromClient6().Tcp(40000, 80).WithFlags("A").Payload(std::string(ip_bytes - 60, 'x'));
}

TEST_F(L4TooBigTest, WayTakesWhatFitsToTheLastByte) {
  ExpectForwarded(Segment4(1500));
  ExpectForwarded(Segment6(1500));
  ForwardInTunnelTo(kBackend4);
  ExpectForwarded(Segment4(1480));
  ExpectForwarded(Segment6(1480));
  ForwardInTunnelTo(kBackend6);
  ExpectForwarded(Segment4(1460));
  ExpectForwarded(Segment6(1460));
}

TEST_F(L4TooBigTest, SenderIsToldWhatTheWayLeaves) {
  backend.mtu = 1400;
  WriteBackend();
  ExpectTold(Segment4(1401), 1400, false);
  ExpectTold(Segment6(1401), 1400, true);
  backend.mtu = 1500;
  ForwardInTunnelTo(kBackend4);
  ExpectTold(Segment4(1481), 1480, false);
  ExpectTold(Segment6(1481), 1480, true);
  ForwardInTunnelTo(kBackend6);
  ExpectTold(Segment4(1500), 1460, false);
  ExpectTold(Segment6(1500), 1460, true);
}

TEST_F(L4TooBigTest, SenderOfIp6IsNeverToldLessThanItsLeastMtu) {
  backend.mtu = 1290;
  ForwardInTunnelTo(kBackend4);
  ExpectTold(Segment6(1281), 1280, true);
  ExpectTold(Segment4(1281), 1270, false);
}

TEST_F(L4TooBigTest, PacketThatMayBeCutIsDropped) {
  ForwardInTunnelTo(kBackend4);
  const Packet segment =
      FromClient4().Tcp(40000, 80).WithFlags("A").Payload(std::string(1460, 'x'));
  ExpectVerdict(segment, "TOO_BIG");
}

TEST_F(L4TooBigTest, ErrorsAndPiecesAreNotAnsweredByErrors) {
  backend.mtu = 100;
  WriteBackend();
  ExpectVerdict(
      Error4(3, 4).WithTtl(9).Quoting(Answer4().Tcp(80, 40000).Payload(std::string(99, 'x'))),
      "TOO_BIG");
}

TEST_F(L4TooBigTest, AnswersHaveABudgetPerSecond) {
  // A second that no other test has spent from.
  l4_settings.clock_offset_ns = -10'000'000'000;
  l4_settings.icmp_per_second = 2;
  WriteSettings();
  ASSERT_OK(gates.OpenUntil(kGroup, Now() + std::chrono::minutes(1)));
  ForwardInTunnelTo(kBackend4);
  size_t told = 0;
  for (int i = 0; i < 50; ++i) told += VerdictFor(Segment4(1500)) == "TOO_BIG_TOLD" ? 1 : 0;
  EXPECT_GE(told, 2U);
  EXPECT_LE(told, 4U) << "at most two seconds' worth";
  l4_settings.icmp_per_second = 0;
  WriteSettings();
  EXPECT_EQ(VerdictFor(Segment6(1500)), "TOO_BIG");
}

TEST_F(L4TooBigTest, JumboFrameGoesWhereTheWayIsWideEnough) {
  backend.mtu = 9000;
  WriteBackend();
  ExpectForwarded(Segment4(9000));
  ExpectForwarded(Segment6(9000));
  ExpectTold(Segment4(9001), 9000, false);
  ExpectTold(Segment6(9001), 9000, true);
  ForwardInTunnelTo(kBackend4);
  ExpectForwarded(Segment4(8980));
}

}  // namespace
}  // namespace koi
