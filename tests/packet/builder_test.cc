// SPDX-License-Identifier: Apache-2.0
// The builder and the matchers of the packet tests: what they say must be right before they judge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "base/bytes.h"
#include "support/packet/decode.h"
#include "support/packet/matchers.h"
#include "support/packet/packet.h"

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

}  // namespace
}  // namespace koi
