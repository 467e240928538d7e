// SPDX-License-Identifier: Apache-2.0
// What leaves for a packet of an l4 service: whole frames, without a VLAN tag, with one and with
// two.
#include <bpf/bpf.h>
#include <koi/abi/deny.h>
#include <netinet/in.h>

#include <set>

#include "base/bytes.h"
#include "packet/l4_test.h"
#include "support/packet/sandbox.h"

namespace koi {
namespace {

class L4ForwardTest : public L4Test {
 protected:
  void TearDown() override {
    L4Test::TearDown();
    SetDenied(0);
  }
  void SetDenied(uint32_t deny) {
    l4_settings.deny = deny;
    WriteSettings();
  }
};

const char* const kBothBackends[] = {kBackend4, kBackend6};

TEST_F(L4ForwardTest, PacketGoesToItsBackendWithMacsChangedAndOneHopLess) {
  ExpectForwarded(L4Syn());
  ExpectForwarded(L4Syn6());
  ExpectForwarded(L4Syn().WithFlags("PA").Payload("hello"));
  ExpectForwarded(FromClient4().Udp(5000, 53).Payload("query"));
  ExpectForwarded(FromClient6().Udp(5000, 53).Payload("query"));
}

TEST_F(L4ForwardTest, PaddingOfAShortFrameStaysOnTheWayToTheBackend) {
  const Packet padded = L4Syn().PaddedTo(60);
  EXPECT_THAT(Run(padded), Transmits(Direct(padded)));
}

TEST_F(L4ForwardTest, TunnelCarriesThePacketWholeInEitherFamily) {
  for (const char* address : kBothBackends) {
    SCOPED_TRACE(address);
    ForwardInTunnelTo(address);
    ExpectForwarded(L4Syn());
    ExpectForwarded(L4Syn6());
    ExpectForwarded(L4Syn().WithFlags("PA").Payload("hello"));
    ExpectForwarded(FromClient4().Udp(5000, 53).Payload("query"));
    ExpectForwarded(FromClient6().Udp(5000, 53).Payload("query"));
  }
}

TEST_F(L4ForwardTest, PaddingIsNotCarriedInATunnel) {
  for (const char* address : kBothBackends) {
    SCOPED_TRACE(address);
    ForwardInTunnelTo(address);
    for (const Packet& tagged : Tagged(L4Syn())) {
      const Outcome outcome = Run(tagged.PaddedTo(90));
      EXPECT_THAT(outcome, Transmits(Tunnelled(tagged, outcome.frame)));
    }
  }
}

// RFC 2983 and RFC 6040, normal mode: all 256 values appear outside as they are inside.
TEST_F(L4ForwardTest, DscpAndEcnAreCopiedToTheOuterHeader) {
  for (const char* address : kBothBackends) {
    SCOPED_TRACE(address);
    ForwardInTunnelTo(address);
    for (const uint8_t service : {0x01, 0x02, 0x03, 0xb8, 0xbb, 0xff}) {
      ExpectForwarded(FromClient4().WithService(service).Tcp(40000, 80));
      ExpectForwarded(FromClient6().WithService(service).WithFlowLabel(0x12345).Tcp(40000, 80));
    }
  }
}

uint32_t LabelOf(const Outcome& outcome) {
  return ByteReader(absl::string_view(outcome.frame).substr(14)).U32() & 0xfffff;
}

TEST_F(L4ForwardTest, OuterFlowLabelIsTheSameForAFlowAndDiffersBetweenFlows) {
  ForwardInTunnelTo(kBackend6);
  std::set<uint32_t> labels;
  for (uint16_t port = 40000; port < 40032; ++port) {
    const uint32_t label = LabelOf(Run(FromClient4().Tcp(port, 80)));
    EXPECT_EQ(LabelOf(Run(FromClient4().Tcp(port, 80).WithFlags("A"))), label);
    labels.insert(label);
  }
  EXPECT_GT(labels.size(), 28U);
}

TEST_F(L4ForwardTest, OuterSourceIsSpreadOverTheLowBitsOfTheTunnelSource) {
  l4_settings.tunnel4.spread = 15;
  WriteSettings();
  ForwardInTunnelTo(kBackend4);
  std::set<std::string> sources;
  for (uint16_t port = 40000; port < 40200; ++port) {
    const Packet syn = FromClient4().Tcp(port, 80);
    const Outcome outcome = Run(syn);
    const std::string source = Address::FromWire(outcome.frame.substr(26, 4)).ToString();
    EXPECT_THAT(outcome, Transmits(Direct(syn)
                                       .Link()
                                       .Ip4(source, kBackend4)
                                       .WithIdentification(0)
                                       .WithDontFragment()
                                       .Carrying(Direct(syn))));
    EXPECT_EQ(Run(syn).frame, outcome.frame);
    sources.insert(source);
  }
  EXPECT_EQ(sources.size(), 16U);
  EXPECT_EQ(*sources.begin(), "10.0.9.0");
}

TEST_F(L4ForwardTest, BackendBehindAnotherInterfaceIsSentToThere) {
  const uint32_t out = MakeInterface("out0");
  const Fd devices = MapFd("koi_devices");
  ASSERT_EQ(bpf_map_update_elem(devices.get(), &out, &out, 0), 0);
  backend.egress_ifindex = out;
  WriteBackend();

  const Outcome outcome = Run(L4Syn());
  EXPECT_EQ(outcome.verdict, "FORWARDED_ELSEWHERE");
  EXPECT_THAT(outcome, Redirects(Direct(L4Syn())));
  ASSERT_EQ(bpf_map_delete_elem(devices.get(), &out), 0);
  ExpectVerdict(L4Syn(), "BACKEND_UNRESOLVED");
  ForwardInTunnelTo(kBackend4);
  ExpectVerdict(L4Syn(), "BACKEND_UNRESOLVED");
}

TEST_F(L4ForwardTest, PacketForABackendWhoseMacIsUnknownIsDropped) {
  backend.egress_ifindex = 0;
  WriteBackend();
  ExpectVerdict(L4Syn(), "BACKEND_UNRESOLVED");
}

TEST_F(L4ForwardTest, PacketForATunnelWithoutASourceIsDropped) {
  l4_settings.tunnel4.addr = {};
  l4_settings.tunnel6.addr = {};
  WriteSettings();
  for (const char* address : kBothBackends) {
    ForwardInTunnelTo(address);
    ExpectVerdict(L4Syn(), "BACKEND_UNRESOLVED");
  }
}

TEST_F(L4ForwardTest, BackendThatIsThisHostIsLeftToTheKernel) {
  backend.egress_ifindex = KOI_EGRESS_HERE;
  WriteBackend();
  ExpectVerdict(L4Syn(), "BACKEND_HERE");
}

TEST_F(L4ForwardTest, RingWithoutABackendDrops) {
  SetSlots({});
  ExpectVerdict(L4Syn(), "NO_BACKEND");
  ExpectVerdict(L4Syn6(), "NO_BACKEND");
}

TEST_F(L4ForwardTest, PacketWithNoHopLeftIsDropped) {
  for (const uint8_t hops : {0, 1}) {
    ExpectVerdict(FromClient4().WithTtl(hops).Tcp(40000, 80), "TTL_EXPIRED");
    ExpectVerdict(FromClient6().WithTtl(hops).Tcp(40000, 80), "TTL_EXPIRED");
  }
  const Packet last = FromClient4().WithTtl(2).Tcp(40000, 80);
  EXPECT_THAT(Run(last), Transmits(Direct(last).WithTtl(1)));
}

// Every sum: with each identification the checksum is another one.
TEST_F(L4ForwardTest, HopLessIsRightInEveryChecksum) {
  for (uint32_t id = 0; id < 65536; id += 31) {
    const Packet packet = FromClient4().WithIdentification(id).Tcp(40000, 80);
    ASSERT_THAT(Run(packet), Transmits(Direct(packet)));
  }
}

TEST_F(L4ForwardTest, PortThatNoServiceHasIsDroppedWhereTheVipHasL4ServicesAlone) {
  ExpectVerdict(FromClient4().Tcp(40000, 81), "NO_L4_SERVICE");
  ExpectVerdict(FromClient6().Udp(40000, 80), "NO_L4_SERVICE");
}

TEST_F(L4ForwardTest, PortThatNoServiceHasIsLeftToTheKernelWhereTheVipHasLocalServicesToo) {
  AddLocalServices();
  ExpectVerdict(FromClient4().Tcp(40000, 81), "NO_SERVICE");
  EXPECT_EQ(VerdictFor(FromClient4().Tcp(40000, 443)), "STEERED");
  EXPECT_EQ(VerdictFor(Packet::Ethernet().Vlan(7).Carrying(FromClient4().Tcp(40000, 443))),
            "TAGGED_LOCAL");
  ExpectForwarded(L4Syn());
}

TEST_F(L4ForwardTest, AnyPortIsForwardedThatHasNoServiceOfItsOwn) {
  AddLocalServices();
  SetVip(kL4Vip4, kL4Vip4Number, KOI_VIP_L4 | KOI_VIP_LOCAL | KOI_VIP_ANY_PORT);
  SetL4Service(kL4Vip4Number, IPPROTO_TCP, 0);

  ExpectForwarded(FromClient4().Tcp(40000, 81));
  ExpectForwarded(FromClient4().Tcp(40000, 65535));
  EXPECT_EQ(VerdictFor(FromClient4().Tcp(40000, 443)), "STEERED");
  ExpectVerdict(FromClient4().Udp(40000, 81), "NO_SERVICE");
}

TEST_F(L4ForwardTest, ClosedGateDrops) {
  ASSERT_OK(gates.Close(kGroup));
  ExpectVerdict(L4Syn(), "GATE_CLOSED_L4");
  ExpectVerdict(FromClient6().Udp(40000, 53), "GATE_CLOSED_L4");
}

TEST_F(L4ForwardTest, DeniedClientsGetNothingFromAVipAndTheHostIsNotAsked) {
  const koi_deny4_key key4 = {.prefix_bits = 24, .addr_be = htonl(0xc0000200)};
  koi_deny6_key key6 = {.prefix_bits = 48, .addr = {}};
  key6.addr.words_be[0] = htonl(0x20010db8);
  key6.addr.words_be[1] = htonl(0x00070000);
  const koi_deny value = {};
  const Fd deny4 = MapFd("koi_deny4");
  const Fd deny6 = MapFd("koi_deny6");
  ASSERT_EQ(bpf_map_update_elem(deny4.get(), &key4, &value, 0), 0);
  ASSERT_EQ(bpf_map_update_elem(deny6.get(), &key6, &value, 0), 0);
  ExpectForwarded(L4Syn());
  SetDenied(1);

  ExpectVerdict(L4Syn(), "DENIED");
  ExpectVerdict(L4Syn6(), "DENIED");
  ExpectVerdict(FromClient4().Icmp(8, 0), "DENIED");
  ExpectForwarded(Packet::Ethernet().Ip4("192.0.3.7", kL4Vip4).Tcp(40000, 80));
  ExpectForwarded(Packet::Ethernet().Ip6("2001:db8:8::7", kL4Vip6).Tcp(40000, 80));
  ExpectVerdict(Packet::Ethernet().Ip4(kClient4, kOwnAddress4).Tcp(40000, 22), "NOT_OURS");
  bpf_map_delete_elem(deny4.get(), &key4);
  bpf_map_delete_elem(deny6.get(), &key6);
}

}  // namespace
}  // namespace koi
