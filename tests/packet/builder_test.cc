// SPDX-License-Identifier: Apache-2.0
// The builder and the matchers of the packet tests: what they say must be right before they judge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "base/bytes.h"
#include "support/packet/decode.h"
#include "support/packet/matchers.h"
#include "support/packet/packet.h"
#include "support/packet/strict.h"

namespace koi {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Mac kSource = {0x02, 0, 0, 0, 0, 0x0c};

std::string Hex(const Packet& packet) { return absl::BytesToHexString(packet.Bytes()); }

TEST(PacketBuilderTest, FillsInWhatATestDoesNotSpellOut) {
  EXPECT_EQ(Hex(Packet::Ethernet().FromMac(kSource).Ip4("192.0.2.7", "10.0.0.1").Tcp(40000, 443)),
            "020000000001"
            "02000000000c"
            "0800"
            "4500002812340000"
            "40069c94"
            "c0000207"
            "0a000001"
            "9c4001bb1000000100000000"
            "5002faf0"
            "3aed0000");
}

// Whatever covers its own checksum sums up to zero (RFC 1071).
TEST(PacketBuilderTest, ChecksumsCoverHeaderPayloadAndPseudoHeader) {
  const std::string frame =
      Packet::Ethernet().Ip6("2001:db8::7", "2001:db8::1").Udp(53, 5353).Payload("odd").Bytes();
  ByteWriter covered;
  covered.Bytes(absl::string_view(frame).substr(22, 32));  // both addresses
  covered.U32(11);
  covered.U32(17);
  covered.Bytes(absl::string_view(frame).substr(54));

  EXPECT_EQ(InternetChecksum(covered.bytes()), 0);
}

TEST(PacketBuilderTest, ChangesOneFieldAndItsChecksum) {
  const Packet syn = Packet::Ethernet().Ip4("192.0.2.7", "10.0.0.1").Tcp(40000, 443);
  const std::string difference = DecodedDifference(syn.Bytes(), syn.WithFlags("SF").Bytes());

  EXPECT_THAT(difference, HasSubstr("  - tcp.flags S\n  + tcp.flags FS\n"));
  EXPECT_THAT(difference, HasSubstr("    tcp.destination_port 443\n"));
  EXPECT_THAT(difference, HasSubstr("+ tcp.checksum"));
}

TEST(PacketBuilderTest, DifferenceNamesLayersThatOnlyOneFrameHas) {
  const Packet ip = Packet::Ethernet().Ip4("192.0.2.7", "10.0.0.1");
  const std::string difference = DecodedDifference(ip.Udp(1, 2).Bytes(), ip.Tcp(1, 2).Bytes());

  EXPECT_THAT(difference, HasSubstr("  - udp.source_port 1\n"));
  EXPECT_THAT(difference, HasSubstr("  + tcp.source_port 1\n"));
}

TEST(PacketBuilderTest, MatcherTellsFramesThatDifferInOneByte) {
  const Packet syn = Packet::Ethernet().Ip4("192.0.2.7", "10.0.0.1").Tcp(40000, 443);
  const Outcome outcome = {.action = "pass", .verdict = "NOT_OURS", .frame = syn.Bytes()};

  EXPECT_THAT(outcome, Passes(syn));
  EXPECT_THAT(outcome, Not(Passes(syn.ToMac(kOtherMac))));
  EXPECT_THAT(outcome, Not(Redirects(syn)));
  EXPECT_THAT(outcome, Not(Drops()));
}

TEST(PacketBuilderTest, FrameThatEndsAnywhereIsStillDecoded) {
  const std::string frame = Packet::Ethernet().Ip6("2001:db8::7", "2001:db8::1").Tcp(1, 2).Bytes();
  for (size_t bytes = 0; bytes <= frame.size(); ++bytes) {
    SCOPED_TRACE(bytes);
    EXPECT_THAT(Decoded(absl::string_view(frame).substr(0, bytes)), HasSubstr("frame of"));
  }
}

std::string FieldsOf(const Packet& packet) { return Decoded(packet.Bytes()); }

TEST(PacketBuilderTest, TagsAreStackedAndTheirTypesTold) {
  const Packet packet =
      Packet::Ethernet().ServiceVlan(7).Vlan(9).Ip4("192.0.2.7", "10.0.0.1").Udp(1, 2);
  EXPECT_THAT(Hex(packet), HasSubstr("88a8000781000009080045"));
  EXPECT_THAT(FieldsOf(packet), HasSubstr("vlan.type 0x8100\n    vlan.id 9\n"));
}

TEST(PacketBuilderTest, FieldsOfIpStandWhereTheyBelong) {
  const Packet ip4 = Packet::Ethernet()
                         .Ip4("192.0.2.7", "10.0.0.1")
                         .WithService(0xb9)
                         .WithTtl(3)
                         .WithIdentification(0x4242)
                         .WithDontFragment();
  EXPECT_THAT(Hex(ip4), HasSubstr("080045b9001442424000"
                                  "03fd"));
  const Packet ip6 = Packet::Ethernet()
                         .Ip6("2001:db8::7", "2001:db8::1")
                         .WithService(0xb9)
                         .WithFlowLabel(0x12345)
                         .WithTtl(3);
  EXPECT_THAT(Hex(ip6), HasSubstr("86dd6b9123450000fd03"));
}

TEST(PacketBuilderTest, ExtensionHeadersCountTheirLengthInTheirOwnUnits) {
  const Packet packet = Packet::Ethernet()
                            .Ip6("2001:db8::7", "2001:db8::1")
                            .Extension(0, 16)
                            .Extension(43)
                            .Extension(51, 24)
                            .Fragment(0, false)
                            .WithIdentification(7)
                            .Tcp(1, 2)
                            .WithSequence(5);
  const std::string fields = FieldsOf(packet);
  EXPECT_THAT(fields, HasSubstr("extension0.length 1\n"));
  EXPECT_THAT(fields, HasSubstr("extension43.length 0\n"));
  EXPECT_THAT(fields, HasSubstr("extension51.length 4\n"));
  EXPECT_THAT(fields, HasSubstr("fragment.identification 0x00000007\n"));
  EXPECT_THAT(fields, HasSubstr("tcp.sequence 5\n"));
  EXPECT_EQ(CheckWellFormed(packet.Bytes(), Checksums::kOfPayloads), absl::OkStatus());
}

TEST(PacketBuilderTest, PacketInAPacketIsTheOneThatWasGiven) {
  const Packet inner = Packet::Ethernet().Ip6("2001:db8::7", "2001:db8::1").Udp(53, 53);
  const Packet outer = Packet::Ethernet().Vlan(7).Ip4("10.0.9.1", "10.0.2.1").Carrying(inner);

  EXPECT_EQ(outer.Bytes().substr(38), inner.Bytes().substr(14));
  EXPECT_THAT(FieldsOf(outer), HasSubstr("ipv4.protocol 41\n"));
  EXPECT_THAT(FieldsOf(outer), HasSubstr("inner.udp.source_port 53\n"));
}

TEST(PacketBuilderTest, QuoteEndsWhereItIsTold) {
  const Packet told = Packet::Ethernet().Ip4("10.0.0.1", "192.0.2.7").Tcp(443, 40000);
  const Packet error = Packet::Ethernet().Ip4("198.51.100.1", "10.0.0.1").Icmp(3, 4).WithMtu(1400);

  EXPECT_EQ(error.Quoting(told, 8).Bytes().size(), 14U + 20 + 8 + 28);
  EXPECT_EQ(error.Quoting(told).Bytes().size(), 14U + 20 + 8 + 40);
  EXPECT_THAT(FieldsOf(error.Quoting(told)), HasSubstr("icmp.rest 0x00000578\n"));
  EXPECT_THAT(FieldsOf(error.Quoting(told)), HasSubstr("quoted.tcp.source_port 443\n"));
}

TEST(StrictDecoderTest, TellsWhatIsMalformed) {
  const Packet ip4 = Packet::Ethernet().Ip4("192.0.2.7", "10.0.0.1");
  const Packet ip6 = Packet::Ethernet().Ip6("2001:db8::7", "2001:db8::1");
  const Packet outer = Packet::Ethernet().Ip6("fd00::1", "fd00::2");
  const struct {
    const char* wrong;
    Packet packet;
  } kCases[] = {
      {"ethernet: not IP", ip4.WithType(0x0806)},
      {"ipv4: version", ip4.WithVersion(5)},
      {"ipv4: checksum", ip4.WithBadChecksum()},
      {"ipv4: total length", ip4.WithTotalBytes(99)},
      {"ipv4: header length", ip4.WithHeaderWords(4)},
      {"ipv4: time to live", ip4.WithTtl(0)},
      {"ipv4: an option does not fit", ip4.WithOptions("\x44\x08")},
      {"ipv4: bytes left over", outer.Carrying(ip4.WithTotalBytes(20)).Payload("x")},
      {"fragment: not of whole words", ip4.Fragment(0, true).Payload("x")},
      {"fragment: ends past any packet", ip4.Fragment(65528, false).Payload("12345678")},
      {"ipv6: payload length", ip6.WithTotalBytes(9)},
      {"ipv6: hop-by-hop options not first", ip6.Extension(60).Extension(0).Udp(1, 2)},
      {"ipv6: ends in an extension header", ip6.Extension(60).WithProtocol(60)},
      {"tcp: header length", ip4.Tcp(1, 2).WithDataOffset(6)},
      {"tcp: ends in its header", ip4.Payload("x").WithProtocol(6)},
      {"udp: no checksum", ip6.Udp(1, 2).WithoutChecksum()},
      {"protocol 6: checksum", outer.Carrying(ip4.Tcp(1, 2).WithBadChecksum())},
      {"protocol 58: checksum", ip6.Icmp(128, 0).WithBadChecksum()},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.packet);
    EXPECT_EQ(CheckWellFormed(test.packet.Bytes(), Checksums::kOfPayloads).message(), test.wrong);
  }
}

}  // namespace
}  // namespace koi
