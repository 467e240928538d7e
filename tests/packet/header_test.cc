// SPDX-License-Identifier: Apache-2.0
// Headers that lie or end too early: dropped when they are for a VIP, never before that is known.
#include "packet/xdp_test.h"

namespace koi {
namespace {

using XdpHeaderTest = XdpTest;

TEST_F(XdpHeaderTest, FrameCutBeforeItsDestinationIsLeftToTheKernel) {
  for (size_t bytes = 14; bytes < 34; ++bytes) {  // test_run takes no less than an Ethernet header
    SCOPED_TRACE(bytes);
    const Outcome outcome = Run(Syn().CutTo(bytes));
    EXPECT_THAT(outcome, Passes(Syn().CutTo(bytes)));
    EXPECT_EQ(outcome.verdict, "UNREADABLE");
  }
}

TEST_F(XdpHeaderTest, Ip6FrameCutBeforeItsDestinationIsLeftToTheKernel) {
  for (size_t bytes = 14; bytes < 54; ++bytes) {
    SCOPED_TRACE(bytes);
    EXPECT_EQ(VerdictFor(Syn6().CutTo(bytes)), "UNREADABLE");
  }
}

TEST_F(XdpHeaderTest, FrameForAVipCutInsideItsTcpHeaderIsDropped) {
  for (size_t bytes = 34; bytes < 54; ++bytes) {
    SCOPED_TRACE(bytes);
    EXPECT_EQ(VerdictFor(Syn().CutTo(bytes)), "TRUNCATED");
  }
}

TEST_F(XdpHeaderTest, Ip6FrameForAVipCutInsideItsTcpHeaderIsDropped) {
  for (size_t bytes = 54; bytes < 74; ++bytes) {
    SCOPED_TRACE(bytes);
    EXPECT_EQ(VerdictFor(Syn6().CutTo(bytes)), "TRUNCATED");
  }
}

TEST_F(XdpHeaderTest, FrameForAVipCutInsideItsTcpOptionsIsDropped) {
  const Packet syn = Syn().WithOptions("12345678");
  for (size_t bytes = 54; bytes < 62; ++bytes) {
    SCOPED_TRACE(bytes);
    EXPECT_EQ(VerdictFor(syn.CutTo(bytes)), "TRUNCATED");
  }
  EXPECT_EQ(VerdictFor(syn.CutTo(62)), "STEERED");
}

TEST_F(XdpHeaderTest, FrameForAVipCutInsideItsIpOptionsIsDropped) {
  const Packet packet = Packet::Ethernet().Ip4("192.0.2.7", kVip4).WithOptions("12345678");
  for (size_t bytes = 34; bytes < 42; ++bytes) {
    SCOPED_TRACE(bytes);
    EXPECT_EQ(VerdictFor(packet.CutTo(bytes)), "TRUNCATED");
  }
}

TEST_F(XdpHeaderTest, PayloadShorterThanTheHeaderSaysIsDropped) {
  const Packet segment = Syn().WithFlags("PA").Payload("0123456789");

  EXPECT_EQ(VerdictFor(segment.CutTo(60)), "BAD_HEADER");
  EXPECT_EQ(VerdictFor(Syn6().WithFlags("PA").Payload("0123456789").CutTo(80)), "BAD_HEADER");
}

Packet Ip4() { return Packet::Ethernet().Ip4("192.0.2.7", kVip4); }

TEST_F(XdpHeaderTest, ImpossibleHeadersForAVipAreDropped) {
  const Packet impossible[] = {
      Ip4().WithVersion(5).Tcp(40000, 443),
      Ip4().WithVersion(6).Tcp(40000, 443),
      Ip4().WithHeaderWords(0).Tcp(40000, 443),
      Ip4().WithHeaderWords(4).Tcp(40000, 443),
      Ip4().WithTotalBytes(0).Tcp(40000, 443),
      Ip4().WithTotalBytes(19).Tcp(40000, 443),
      Ip4().WithTotalBytes(39).Tcp(40000, 443),
      Ip4().WithTotalBytes(41).Tcp(40000, 443),
      Ip4().WithTotalBytes(65535).Tcp(40000, 443),
      Ip4().Tcp(40000, 443).WithDataOffset(0),
      Ip4().Tcp(40000, 443).WithDataOffset(4),
      Ip4().WithTotalBytes(40).Tcp(40000, 443).WithDataOffset(6).PaddedTo(60),
      Packet::Ethernet().Ip6("2001:db8::7", kVip6).WithVersion(4).Tcp(40000, 443),
      Packet::Ethernet().Ip6("2001:db8::7", kVip6).WithTotalBytes(0).Tcp(40000, 443),
      Packet::Ethernet().Ip6("2001:db8::7", kVip6).WithTotalBytes(21).Tcp(40000, 443),
  };
  for (const Packet& packet : impossible) {
    SCOPED_TRACE(packet);
    const Outcome outcome = Run(packet);
    EXPECT_THAT(outcome, Drops());
    EXPECT_EQ(outcome.verdict, "BAD_HEADER");
  }
}

TEST_F(XdpHeaderTest, Ip6FrameWithTheTypeOfIp4IsNotTakenForOne) {
  EXPECT_EQ(VerdictFor(Syn6().WithType(0x0800)), "NOT_OURS");
}

TEST_F(XdpHeaderTest, SourcesThatCanSendNothingAreDropped) {
  for (const char* source : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.255.255.255",
                             "240.0.0.1", "255.255.255.255", kVip4}) {
    SCOPED_TRACE(source);
    const Outcome outcome = Run(Packet::Ethernet().Ip4(source, kVip4).Tcp(40000, 443));
    EXPECT_THAT(outcome, Drops());
    EXPECT_EQ(outcome.verdict, "BAD_SOURCE");
  }
  for (const char* source : {"::", "::1", "ff02::1", "::ffff:192.0.2.7", kVip6}) {
    SCOPED_TRACE(source);
    EXPECT_EQ(VerdictFor(Packet::Ethernet().Ip6(source, kVip6).Tcp(40000, 443)), "BAD_SOURCE");
  }
}

TEST_F(XdpHeaderTest, SourcesBesideThoseAreNot) {
  for (const char* source :
       {"1.0.0.0", "126.255.255.255", "128.0.0.1", "223.255.255.255", "10.0.0.2", "169.254.1.1"}) {
    SCOPED_TRACE(source);
    EXPECT_EQ(VerdictFor(Packet::Ethernet().Ip4(source, kVip4).Tcp(40000, 443)), "STEERED");
  }
  for (const char* source : {"::2", "fe80::1", "fd00::1", "2001:db8::2"}) {
    SCOPED_TRACE(source);
    EXPECT_EQ(VerdictFor(Packet::Ethernet().Ip6(source, kVip6).Tcp(40000, 443)), "STEERED");
  }
}

TEST_F(XdpHeaderTest, FlagsThatNoSenderSetsTogetherAreDropped) {
  for (const char* flags : {"", "F", "P", "U", "FPU", "SF", "SR", "SFA", "SRA", "SFRPAU"}) {
    SCOPED_TRACE(flags);
    const Outcome outcome = Run(Syn().WithFlags(flags));
    EXPECT_THAT(outcome, Drops());
    EXPECT_EQ(outcome.verdict, "BAD_FLAGS");
    EXPECT_EQ(VerdictFor(Syn6().WithFlags(flags)), "BAD_FLAGS");
  }
}

}  // namespace
}  // namespace koi
