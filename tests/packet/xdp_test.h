// SPDX-License-Identifier: Apache-2.0
// The fixture of the packet tests: koi_xdp as it is loaded in production, every map as a master
// with one worker has it, so that kSyn is steered. A test changes the one thing it is about.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "dataplane/gate_map.h"
#include "dataplane/loader.h"
#include "dataplane/service_map.h"
#include "dataplane/steering_maps.h"
#include "dataplane/vip_map.h"
#include "support/packet/matchers.h"
#include "support/packet/packet.h"
#include "support/packet/program_runner.h"

namespace koi {

constexpr char kVip4[] = "10.0.0.1";
constexpr char kVip6[] = "2001:db8::1";
constexpr uint32_t kVip4Number = 3;
constexpr uint32_t kVip6Number = 4;
constexpr uint32_t kGroup = 2;
constexpr int kWorkerCpu = 0;

// A function, not a constant: static objects of other files use it.
inline Packet Syn() { return Packet::Ethernet().Ip4("192.0.2.7", kVip4).Tcp(40000, 443); }
inline Packet Syn6() { return Packet::Ethernet().Ip6("2001:db8::7", kVip6).Tcp(40000, 443); }

class XdpTest : public ::testing::Test {
 protected:
  static BpfObject& Object();
  static Fd MapFd(const std::string& name);

  void SetUp() override;
  void TearDown() override;

  Outcome Run(const Packet& packet);
  std::string VerdictFor(const Packet& packet) { return Run(packet).verdict; }

  void AddVip(const std::string& address, uint32_t number);
  void AddService(uint32_t vip_number, uint16_t port, ServiceMode mode);
  void SetCpus(const std::vector<int>& cpus);

  GateMap gates{MapFd("koi_gates")};
  VipMap vips{MapFd("koi_vips")};
  ServiceMap services{MapFd("koi_services")};
  SettingsMap settings_map{MapFd("koi_settings")};
  CpuMap cpus{MapFd("koi_cpus")};
  VipStatsMap vip_stats{MapFd("koi_vip_stats")};
  SteeredMap steered{MapFd("koi_steered")};
  Settings settings = {.hash_seed = 0x5eed, .own_mac = kOurMac, .cpus = {kWorkerCpu}};
  ProgramRunner runner{Object().xdp_program_fd(), VerdictMap(MapFd("koi_verdicts"))};
};

}  // namespace koi

#define ASSERT_OK(expression) ASSERT_TRUE((expression).ok())
#define EXPECT_OK(expression) EXPECT_TRUE((expression).ok())
