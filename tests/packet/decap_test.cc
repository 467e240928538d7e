// SPDX-License-Identifier: Apache-2.0
// koi_decap on frames: what comes out, and what is left alone.
#include "dataplane/decap_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "packet/l4_test.h"
#include "support/packet/sandbox.h"
#include "support/packet/strict.h"

namespace koi {
namespace {

constexpr char kKoi4[] = "10.0.9.5";
constexpr char kKoi6[] = "2001:db8:9::5";
constexpr char kSelf4[] = "10.0.2.11";
constexpr char kSelf6[] = "2001:db8:2::11";

class DecapTest : public ::testing::Test {
 protected:
  static DecapProgram& Program() {
    static const std::unique_ptr<DecapProgram> program = [] {
      EnterSandbox();
      auto loaded =
          DecapProgram::Load({*Prefix::Parse("10.0.9.0/28"), *Prefix::Parse("2001:db8:9::/64")});
      if (!loaded.ok()) ADD_FAILURE() << loaded.status();
      KOI_CHECK(loaded.ok());
      return *std::move(loaded);
    }();
    return *program;
  }
  void SetUp() override {
    ASSERT_OK(Program().SetAddresses({*Address::Parse(kSelf4), *Address::Parse(kSelf6)}));
  }

  // The reason counted, once.
  std::string Reason(const Packet& packet, Outcome* outcome) {
    const auto before = Program().Figures();
    *outcome = runner_.Answer(packet.Bytes());
    const auto after = Program().Figures();
    std::string reason;
    for (size_t i = 0; i < after->size(); ++i) {
      if ((*after)[i].packets == (*before)[i].packets) continue;
      reason += (*after)[i].reason;
      EXPECT_EQ((*after)[i].action, outcome->action);
    }
    return reason;
  }
  void ExpectReason(const Packet& packet, const std::string& reason) {
    for (const Packet& tagged : Tagged(packet)) {
      SCOPED_TRACE(tagged);
      Outcome outcome;
      EXPECT_EQ(Reason(tagged, &outcome), reason);
      if (outcome.action == "pass") {
        EXPECT_THAT(outcome, Passes(tagged));
      }
    }
  }
  void ExpectTakenOut(const Packet& outer, const Packet& inner, const Packet& after) {
    for (const Packet& tagged : Tagged(outer)) {
      SCOPED_TRACE(tagged);
      Outcome outcome;
      EXPECT_EQ(Reason(tagged.Carrying(inner), &outcome), "TAKEN_OUT");
      EXPECT_THAT(outcome, Passes(tagged.Link().Carrying(after)));
    }
  }

  ProgramRunner runner_{Program().program_fd(), VerdictMap(Fd())};
};

const Packet kOuters[] = {Packet::Ethernet().Ip4(kKoi4, kSelf4).WithDontFragment(),
                          Packet::Ethernet().Ip6(kKoi6, kSelf6).WithFlowLabel(0x12345)};

TEST_F(DecapTest, PacketInsideIsGivenToTheKernelAsItIs) {
  for (const Packet& outer : kOuters) {
    for (const Packet& inner :
         {L4Syn().WithTtl(63), L4Syn6().WithTtl(63), FromClient4().Udp(1, 53).Payload("x"),
          FromClient4().WithOptions("\x01\x01\x01\x01").Tcp(40000, 80),
          FromClient6().Extension(60).Udp(1, 53), FromClient4().Fragment(16, false).Payload("x")}) {
      ExpectTakenOut(outer, inner, inner);
    }
  }
}

TEST_F(DecapTest, WhatKoiPutsInComesOut) {
  const Packet jumbo = FromClient4().Tcp(40000, 80).Payload(std::string(5000, 'x'));
  for (const Packet& outer : kOuters) ExpectTakenOut(outer, jumbo, jumbo);
}

// RFC 6040, figure 4: rows are what is inside (Not-ECT, ECT(0), ECT(1), CE), columns what the
// outer header says, in the same order; -: dropped.
TEST_F(DecapTest, CongestionMetOnTheWayIsToldToWhoCanTell) {
  constexpr uint8_t kCodes[] = {0, 2, 1, 3};
  constexpr int kAfter[4][4] = {{0, 0, 0, -1}, {2, 2, 1, 3}, {1, 1, 1, 3}, {3, 3, 3, 3}};
  for (const Packet& outer : kOuters) {
    for (const Packet& inner : {L4Syn(), L4Syn6()}) {
      for (int in = 0; in < 4; ++in) {
        for (int out = 0; out < 4; ++out) {
          const Packet before = inner.WithService(0xb8 | kCodes[in]);
          const Packet around = outer.WithService(0x60 | kCodes[out]);
          if (kAfter[in][out] < 0) {
            ExpectReason(around.Carrying(before), "BAD_ECN");
            continue;
          }
          const auto after = static_cast<uint8_t>(0xb8 | kAfter[in][out]);
          ExpectTakenOut(around, before, inner.WithService(after));
        }
      }
    }
  }
}

TEST_F(DecapTest, ChecksumIsRightForEveryInnerHeader) {
  const Packet outer = Packet::Ethernet().Ip4(kKoi4, kSelf4).WithService(3);
  for (uint32_t id = 0; id < 65536; id += 41) {
    const Packet inner = FromClient4().WithIdentification(id).WithService(2).Tcp(40000, 80);
    const Outcome outcome = runner_.Answer(outer.Carrying(inner).Bytes());
    ASSERT_OK(CheckWellFormed(outcome.frame, Checksums::kOfPayloads));
  }
}

TEST_F(DecapTest, WhatIsFromNoKoiHostIsLeftAlone) {
  for (const char* source : {"10.0.9.16", "10.0.8.255", "192.0.2.1"}) {
    ExpectReason(Packet::Ethernet().Ip4(source, kSelf4).Carrying(L4Syn()), "OTHER_SOURCE");
  }
  ExpectReason(Packet::Ethernet().Ip6("2001:db8:9:1::5", kSelf6).Carrying(L4Syn()), "OTHER_SOURCE");
}

TEST_F(DecapTest, WhatIsForAnotherHostIsLeftAlone) {
  const Packet outer = Packet::Ethernet().Ip4(kKoi4, "10.0.2.12");
  ExpectReason(outer.Carrying(L4Syn()), "OTHER_HOST");
  ASSERT_OK(Program().SetAddresses({*Address::Parse("10.0.2.12")}));
  ExpectTakenOut(outer, L4Syn(), L4Syn());
  ExpectReason(Packet::Ethernet().Ip4(kKoi4, kSelf4).Carrying(L4Syn()), "OTHER_HOST");
}

TEST_F(DecapTest, WhatIsNoTunnelIsLeftAlone) {
  const Packet others[] = {
      Packet::Ethernet().Ip4(kKoi4, kSelf4).Tcp(40000, 22),
      Packet::Ethernet().Ip4(kKoi4, kSelf4).Payload("gre").WithProtocol(47),
      Packet::Ethernet().Ip6(kKoi6, kSelf6).Extension(60).Carrying(L4Syn()),
      Packet::Ethernet().WithType(0x0806).Payload("arp"),
  };
  for (const Packet& packet : others) {
    Outcome outcome;
    EXPECT_EQ(Reason(packet, &outcome), "NO_TUNNEL");
    EXPECT_THAT(outcome, Passes(packet));
  }
}

TEST_F(DecapTest, OuterOptionsAndPiecesAreLeftToTheKernel) {
  const Packet outer = Packet::Ethernet().Ip4(kKoi4, kSelf4);
  ExpectReason(outer.WithOptions("\x01\x01\x01\x01").Carrying(L4Syn()), "OUTER_OPTIONS");
  ExpectReason(outer.Fragment(0, true).Carrying(L4Syn()), "OUTER_OPTIONS");
  ExpectReason(outer.Fragment(8, false).Carrying(L4Syn()), "OUTER_OPTIONS");
}

TEST_F(DecapTest, ImpossibleHeadersAreDropped) {
  const Packet outer = Packet::Ethernet().Ip4(kKoi4, kSelf4);
  const Packet outer6 = Packet::Ethernet().Ip6(kKoi6, kSelf6);
  ExpectReason(outer.WithBadChecksum().Carrying(L4Syn()), "BAD_OUTER");
  ExpectReason(outer.WithTotalBytes(200).Carrying(L4Syn()), "BAD_OUTER");
  ExpectReason(outer6.WithTotalBytes(200).Carrying(L4Syn()), "BAD_OUTER");
  ExpectReason(outer.WithTotalBytes(59).Carrying(L4Syn()), "BAD_INNER");
  ExpectReason(outer6.WithTotalBytes(59).Carrying(L4Syn6()), "BAD_INNER");
  ExpectReason(outer.Carrying(FromClient4().WithVersion(6).Tcp(1, 2)), "BAD_INNER");
  ExpectReason(outer.Carrying(FromClient4().WithHeaderWords(4).Tcp(1, 2)), "BAD_INNER");
  ExpectReason(outer.Carrying(FromClient6().WithVersion(4).Tcp(1, 2)), "BAD_INNER");
  ExpectReason(outer.Payload("short").WithProtocol(4), "BAD_INNER");
}

TEST_F(DecapTest, FrameThatEndsAnywhereIsNeverMadeUp) {
  for (const Packet& outer : kOuters) {
    const std::string whole = outer.Carrying(L4Syn()).Bytes();
    for (size_t bytes = 14; bytes < whole.size(); ++bytes) {
      const Outcome outcome = runner_.Answer(whole.substr(0, bytes));
      if (outcome.action == "pass") {
        EXPECT_EQ(outcome.frame, whole.substr(0, bytes)) << bytes;
      }
    }
  }
}

}  // namespace
}  // namespace koi
