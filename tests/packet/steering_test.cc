// SPDX-License-Identifier: Apache-2.0
// Which packets are steered to a worker's CPU, to which one, and what is counted.
#include <sched.h>

#include <vector>

#include "packet/xdp_test.h"

namespace koi {
namespace {

constexpr int kAbsentCpu = 200;  // in koi_settings, not in koi_cpus

using XdpSteeringTest = XdpTest;

// Keeps this thread, and so the program it runs, on the CPU it is on.
class OnOneCpu {
 public:
  OnOneCpu() {
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu_, &set);
    sched_setaffinity(0, sizeof(set), &set);
  }
  ~OnOneCpu() { sched_setaffinity(0, sizeof(before_), &before_); }
  OnOneCpu(const OnOneCpu&) = delete;
  OnOneCpu& operator=(const OnOneCpu&) = delete;

  int cpu() const { return cpu_; }

 private:
  const int cpu_ = sched_getcpu();
  cpu_set_t before_;
};

TEST_F(XdpSteeringTest, SynForAServiceGoesToTheWorkersCpuUnchanged) {
  const Outcome outcome = Run(Syn());

  EXPECT_THAT(outcome, Redirects(Syn()));
  EXPECT_EQ(outcome.verdict, "STEERED");
}

TEST_F(XdpSteeringTest, SynOverIp6GoesToTheWorkersCpuUnchanged) {
  const Outcome outcome = Run(Syn6());

  EXPECT_THAT(outcome, Redirects(Syn6()));
  EXPECT_EQ(outcome.verdict, "STEERED");
}

TEST_F(XdpSteeringTest, EverySegmentOfAConnectionIsSteered) {
  for (const char* flags : {"S", "A", "PA", "FA", "FPA", "R", "RA", "SA", "PAU"}) {
    SCOPED_TRACE(flags);
    EXPECT_EQ(VerdictFor(Syn().WithFlags(flags)), "STEERED");
  }
}

TEST_F(XdpSteeringTest, SegmentWithTcpOptionsAndPayloadIsSteeredUnchanged) {
  const Packet segment = Packet::Ethernet()
                             .Ip4("192.0.2.7", kVip4)
                             .Tcp(40000, 443)
                             .WithFlags("PA")
                             .WithOptions(absl::string_view("\x02\x04\x05\xb4\x01\x01", 6))
                             .Payload("hello");

  EXPECT_THAT(Run(segment), Redirects(segment));
}

TEST_F(XdpSteeringTest, FrameWithEthernetPaddingIsSteeredUnchanged) {
  EXPECT_THAT(Run(Syn().PaddedTo(60)), Redirects(Syn().PaddedTo(60)));
}

TEST_F(XdpSteeringTest, BadTcpChecksumIsLeftToTheKernelToFind) {
  EXPECT_EQ(VerdictFor(Syn().WithBadChecksum()), "STEERED");
}

TEST_F(XdpSteeringTest, PacketOnItsWorkersCpuIsLeftThereWhereSteeringIsForTheOthers) {
  settings.steer = XdpSteer::kElsewhere;
  const OnOneCpu pinned;
  const int here = pinned.cpu();
  const uint64_t before = steered.Read(here)->packets;
  SetCpus({here});
  EXPECT_THAT(Run(Syn()), Passes(Syn()));
  EXPECT_EQ(VerdictFor(Syn()), "AT_WORKER");
  EXPECT_EQ(steered.Read(here)->packets, before + 2);

  const int elsewhere = here == kWorkerCpu ? kWorkerCpu + 1 : kWorkerCpu;
  if (!cpus.Set(elsewhere).ok()) GTEST_SKIP() << "the only CPU";
  SetCpus({elsewhere});
  EXPECT_EQ(VerdictFor(Syn()), "STEERED");
  if (elsewhere != kWorkerCpu) {
    EXPECT_OK(cpus.Remove(elsewhere));
  }
}

TEST_F(XdpSteeringTest, WithSteeringOffPacketsAreLeftWhereTheyCameIn) {
  settings.steer = XdpSteer::kNever;
  ASSERT_OK(settings_map.Write(settings));

  EXPECT_THAT(Run(Syn()), Passes(Syn()));
  EXPECT_EQ(VerdictFor(Syn()), "NOT_STEERED");
}

TEST_F(XdpSteeringTest, AnotherPortOfAVipIsLeftToTheKernel) {
  const Packet ssh = Packet::Ethernet().Ip4("192.0.2.7", kVip4).Tcp(40000, 22);
  const Outcome outcome = Run(ssh);

  EXPECT_THAT(outcome, Passes(ssh));
  EXPECT_EQ(outcome.verdict, "NO_SERVICE");
}

TEST_F(XdpSteeringTest, ServiceOfOneVipIsNoServiceOfAnother) {
  AddVip("10.0.0.2", 9);

  EXPECT_EQ(VerdictFor(Packet::Ethernet().Ip4("192.0.2.7", "10.0.0.2").Tcp(40000, 443)),
            "NO_SERVICE");
}

TEST_F(XdpSteeringTest, FrameForAnotherMacIsLeftToTheKernel) {
  for (const Mac& mac : {kOtherMac, kBroadcastMac, Mac{0x01, 0, 0x5e, 0, 0, 1}, Mac{}}) {
    SCOPED_TRACE(Packet(Syn().ToMac(mac)));
    const Outcome outcome = Run(Syn().ToMac(mac));
    EXPECT_THAT(outcome, Passes(Syn().ToMac(mac)));
    EXPECT_EQ(outcome.verdict, "OTHER_MAC");
  }
}

TEST_F(XdpSteeringTest, WithoutAnOwnMacNoFrameIsOurs) {
  settings.own_mac = {};
  ASSERT_OK(settings_map.Write(settings));

  EXPECT_EQ(VerdictFor(Syn()), "OTHER_MAC");
  EXPECT_EQ(VerdictFor(Syn().ToMac({})), "OTHER_MAC");
}

TEST_F(XdpSteeringTest, WithoutWorkersPacketsAreLeftToTheKernel) {
  SetCpus({});
  const Outcome outcome = Run(Syn());

  EXPECT_THAT(outcome, Passes(Syn()));
  EXPECT_EQ(outcome.verdict, "NO_CPU");
}

TEST_F(XdpSteeringTest, CpuThatTakesNoPacketsIsNotSentAny) {
  SetCpus({kAbsentCpu});

  EXPECT_EQ(VerdictFor(Syn()), "NO_CPU");
}

TEST_F(XdpSteeringTest, SteeredPacketsBytesAndConnectionsAreCountedForTheirCpu) {
  const absl::StatusOr<SteeredFigures> before = steered.Read(kWorkerCpu);
  ASSERT_OK(before);
  Run(Syn());
  Run(Syn().WithFlags("A"));
  Run(Syn().WithFlags("SA"));
  const absl::StatusOr<SteeredFigures> after = steered.Read(kWorkerCpu);

  ASSERT_OK(after);
  EXPECT_EQ(after->packets - before->packets, 3U);
  EXPECT_EQ(after->bytes - before->bytes, 3 * Syn().Bytes().size());
  EXPECT_EQ(after->connections - before->connections, 1U);
}

TEST_F(XdpSteeringTest, WhatArrivesForAVipIsCountedWhateverItIs) {
  const absl::StatusOr<VipTraffic> before = vip_stats.Read(kVip4Number);
  ASSERT_OK(before);
  Run(Syn());
  Run(Syn().WithFlags("SF"));
  Run(Syn6());
  const absl::StatusOr<VipTraffic> after = vip_stats.Read(kVip4Number);

  ASSERT_OK(after);
  EXPECT_EQ(after->packets - before->packets, 2U);
  EXPECT_EQ(after->bytes - before->bytes, 2 * Syn().Bytes().size());
}

class XdpFlowHashTest : public XdpTest {
 protected:
  static Packet FlowNumber(uint32_t number) {
    const std::string client = absl::StrCat("198.51.100.", number % 7);
    return Packet::Ethernet().Ip4(client, kVip4).Tcp(static_cast<uint16_t>(20000 + number), 443);
  }
  static Packet Ip6FlowNumber(uint32_t number) {
    const std::string client = absl::StrCat("2001:db8::1:", number % 7);
    return Packet::Ethernet().Ip6(client, kVip6).Tcp(static_cast<uint16_t>(20000 + number), 443);
  }
  // With `count` CPUs with a worker, of which only that at `index` takes packets: the test needs no
  // such machine.
  void OnlyIndex(size_t index, size_t count) {
    std::vector<int> with_worker(count, kAbsentCpu);
    with_worker[index] = kWorkerCpu;
    SetCpus(with_worker);
  }
  bool IsSteered(const Packet& packet) { return runner.ActionFor(packet) == "redirect"; }
  std::vector<bool> Steered(Packet (*flow)(uint32_t), uint32_t flows) {
    std::vector<bool> steered_flows;
    for (uint32_t i = 0; i < flows; ++i) steered_flows.push_back(IsSteered(flow(i)));
    return steered_flows;
  }
};

TEST_F(XdpFlowHashTest, FlowsSpreadEvenlyOverAnyNumberOfCpus) {
  constexpr uint32_t kFlows = 800;
  for (const auto flow : {FlowNumber, Ip6FlowNumber}) {
    for (size_t count = 1; count <= 8; ++count) {
      std::vector<int> cpus_of_flow(kFlows, 0);
      for (size_t index = 0; index < count; ++index) {
        SCOPED_TRACE(testing::Message() << "CPU " << index << " of " << count);
        OnlyIndex(index, count);
        uint32_t here = 0;
        for (uint32_t i = 0; i < kFlows; ++i) {
          if (!IsSteered(flow(i))) continue;
          ++here;
          ++cpus_of_flow[i];
        }
        EXPECT_GT(here, kFlows / count * 6 / 10);  // chance alone stays within 1/3 of even
        EXPECT_LT(here, kFlows / count * 14 / 10 + 1);
      }
      EXPECT_THAT(cpus_of_flow, testing::Each(1)) << "every flow has one CPU";
    }
  }
}

TEST_F(XdpFlowHashTest, EveryPacketOfAFlowGoesTheSameWay) {
  OnlyIndex(0, 2);
  for (uint32_t i = 0; i < 200; ++i) {
    SCOPED_TRACE(FlowNumber(i));
    const bool here = IsSteered(FlowNumber(i));
    EXPECT_EQ(IsSteered(FlowNumber(i).WithFlags("A")), here);
    EXPECT_EQ(IsSteered(FlowNumber(i).WithFlags("PA").Payload("data")), here);
    EXPECT_EQ(IsSteered(FlowNumber(i).FromMac(kOtherMac)), here);
  }
}

TEST_F(XdpFlowHashTest, AddressesAndPortsAllMatter) {
  OnlyIndex(0, 2);
  AddVip("10.0.0.2", 9);
  AddService(9, 443, ServiceMode::kHttp);
  AddService(kVip4Number, 80, ServiceMode::kHttp);
  int by_address = 0, by_port = 0, by_vip = 0;
  for (int i = 0; i < 200; ++i) {
    const auto port = static_cast<uint16_t>(20000 + i);
    const bool here = IsSteered(Packet::Ethernet().Ip4("192.0.2.7", kVip4).Tcp(port, 443));
    by_address += here != IsSteered(Packet::Ethernet().Ip4("192.0.2.8", kVip4).Tcp(port, 443));
    by_port += here != IsSteered(Packet::Ethernet().Ip4("192.0.2.7", kVip4).Tcp(port, 80));
    by_vip += here != IsSteered(Packet::Ethernet().Ip4("192.0.2.7", "10.0.0.2").Tcp(port, 443));
  }
  EXPECT_GT(by_address, 50);  // half of them, give or take
  EXPECT_GT(by_port, 50);
  EXPECT_GT(by_vip, 50);
}

TEST_F(XdpFlowHashTest, AnotherSeedSpreadsOtherwise) {
  OnlyIndex(0, 2);
  const std::vector<bool> first = Steered(FlowNumber, 200);
  settings.hash_seed = 0xfeed;
  ASSERT_OK(settings_map.Write(settings));

  EXPECT_NE(Steered(FlowNumber, 200), first);
}

TEST_F(XdpFlowHashTest, FlowsSpreadWithoutASeedToo) {
  OnlyIndex(0, 2);
  settings.hash_seed = 0;
  ASSERT_OK(settings_map.Write(settings));
  const std::vector<bool> steered_flows = Steered(FlowNumber, 400);
  const auto here = std::count(steered_flows.begin(), steered_flows.end(), true);

  EXPECT_GT(here, 120);
  EXPECT_LT(here, 280);
}

}  // namespace
}  // namespace koi
