// SPDX-License-Identifier: Apache-2.0
// The judgement of koi doctor: what each mistake is called, and what repairs it.
#include "cli/doctor/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"

namespace koi {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

// A host on which all is well: driver mode, as many queues as CPUs.
HostFacts GoodHost() {
  HostFacts facts;
  facts.interface = "eth0";
  facts.config.emplace();
  facts.link = {.index = 2, .name = "eth0", .up = true, .carrier = true};
  facts.device = {.driver = "ixgbe",
                  .mtu = 1500,
                  .receive_queues = 4,
                  .receive_queues_max = 8,
                  .lro = false,
                  .gro = true,
                  .tx_checksum = true,
                  .xdp = DeviceFeatures::Xdp{.basic = true, .redirect = true}};
  facts.cpus = 4;
  facts.rp_filter_all = 0;
  facts.rp_filter = 2;
  facts.arp_ignore_all = 0;
  facts.arp_ignore = 0;
  facts.tcp_keepalive_s = 7200;
  facts.bpffs = "/sys/fs/bpf/koi";
  facts.on_bpffs = true;
  facts.may_mount = true;
  facts.kernel_release = "6.1.0";
  facts.kernel = {{.name = "XDP programs", .since = "4.8", .used = "every packet"},
                  {.name = "tries of prefixes", .since = "4.11", .used = "koi deny"}};
  facts.koid = absl::UnavailableError("nobody answers");
  return facts;
}

PoolConfig PoolOf(Forward forward, const char* backend) {
  PoolConfig pool;
  pool.name = "l4";
  pool.l4.forward = forward;
  pool.backends = {{.name = "b", .endpoint = Endpoint::Parse(backend).value()}};
  return pool;
}

auto Says(Severity severity, const std::string& what, const std::string& repair) {
  return Contains(AllOf(Field(&Finding::severity, severity), Field(&Finding::what, HasSubstr(what)),
                        Field(&Finding::repair, HasSubstr(repair))));
}

// All but what is well.
Findings Complaints(const HostFacts& facts) {
  Findings complaints;
  for (Finding& finding : CheckAll(facts)) {
    if (finding.severity != Severity::kOk) complaints.push_back(std::move(finding));
  }
  return complaints;
}

TEST(DoctorChecksTest, GoodHostHasNothingToRepair) {
  EXPECT_THAT(Complaints(GoodHost()), IsEmpty());
  for (const Finding& finding : CheckAll(GoodHost())) {
    EXPECT_FALSE(finding.area.empty());
    EXPECT_FALSE(finding.what.empty());
    EXPECT_FALSE(absl::EndsWith(finding.what, ".")) << finding.what;
  }
}

TEST(DoctorChecksTest, EveryProblemSaysWhatToType) {
  HostFacts facts = GoodHost();
  facts.link.carrier = false;
  facts.device = {.driver = "veth", .mtu = 1000, .lro = true, .gro = true, .tx_checksum = true};
  facts.device.xdp = DeviceFeatures::Xdp{};
  facts.rp_filter = 1;
  facts.arp_ignore = 2;
  facts.on_bpffs = false;
  facts.may_mount = false;
  facts.missing_capabilities = {"CAP_BPF"};
  facts.real_time = absl::PermissionDeniedError("Operation not permitted");
  facts.kernel[0].status = absl::InvalidArgumentError("Invalid argument");
  facts.kernel[1].status = absl::PermissionDeniedError("Operation not permitted");
  facts.config->pools = {PoolOf(Forward::kIpip, "10.0.0.1:80")};
  const Findings complaints = Complaints(facts);
  EXPECT_GE(complaints.size(), 12U);
  for (const Finding& finding : complaints) EXPECT_NE(finding.repair, "") << finding.what;
}

TEST(DoctorChecksTest, LinkThatPassesNothingIsAProblem) {
  HostFacts facts = GoodHost();
  facts.link.carrier = false;
  EXPECT_THAT(CheckLink(facts), Says(Severity::kProblem, "no carrier", "ethtool eth0"));
  facts.link.up = false;
  EXPECT_THAT(CheckLink(facts), Says(Severity::kProblem, "is down", "ip link set eth0 up"));
  facts.interface_status = absl::NotFoundError("interface \"eth0\" does not exist; there are: lo");
  EXPECT_THAT(Complaints(facts),
              Says(Severity::kProblem, "does not exist; there are: lo", "ip link"));
}

TEST(DoctorChecksTest, QueuesAreComparedWithCpus) {
  HostFacts facts = GoodHost();
  facts.device.receive_queues = 2;
  EXPECT_THAT(CheckQueues(facts), Says(Severity::kWarning, "2 receive queues for 4 CPUs",
                                       "ethtool -L eth0 combined 4"));
  facts.device.receive_queues_max = 2;
  EXPECT_THAT(CheckQueues(facts), Says(Severity::kOk, "as many as the device has", ""));
}

TEST(DoctorChecksTest, MtuMustHoldTheTunnel) {
  HostFacts facts = GoodHost();
  facts.config->pools = {PoolOf(Forward::kIpip, "10.0.0.1:80")};
  EXPECT_THAT(CheckMtu(facts),
              Says(Severity::kWarning, "MTU 1500, and ipip adds 20", "ip link set eth0 mtu 1520 "));
  EXPECT_THAT(CheckMtu(facts), Says(Severity::kWarning, "", "advmss 1420"));
  facts.config->pools = {PoolOf(Forward::kIpip, "[fd00::1]:80")};
  EXPECT_THAT(CheckMtu(facts), Says(Severity::kWarning, "ipip adds 40", "mtu 1540 "));
  facts.device.mtu = 1540;
  EXPECT_THAT(CheckMtu(facts), Says(Severity::kOk, "room for the 40 bytes", ""));
  facts.device.mtu = 1300;
  EXPECT_THAT(CheckMtu(facts),
              Says(Severity::kProblem, "too small for packets of 1280", "mtu 1540"));
  facts.config->pools = {PoolOf(Forward::kDsr, "10.0.0.1:80")};
  EXPECT_THAT(CheckMtu(facts), Says(Severity::kOk, "MTU 1300", ""));
}

TEST(DoctorChecksTest, ModeIsThatOfTheProgramElseThatOfTheDriver) {
  HostFacts facts = GoodHost();
  EXPECT_THAT(CheckXdpMode(facts), Says(Severity::kOk, "ixgbe would run XDP itself", ""));
  facts.device.xdp->basic = false;
  EXPECT_THAT(CheckXdpMode(facts), Says(Severity::kWarning, "generic mode", "ethtool -i eth0"));
  facts.config->xdp.mode = XdpMode::kNative;
  EXPECT_THAT(CheckXdpMode(facts),
              Says(Severity::kProblem, "cannot run XDP", "xdp.mode = \"auto\""));
  facts.config->xdp.mode = XdpMode::kAuto;
  facts.link.xdp_mode = "native";
  EXPECT_THAT(CheckXdpMode(facts), Says(Severity::kOk, "ixgbe runs XDP itself", ""));
  facts.link.xdp_mode = "generic";
  facts.koid = absl::OkStatus();
  facts.stats.xdp = {.attached = true, .mode = "generic", .why = "The driver refused (ERANGE)."};
  EXPECT_THAT(CheckXdpMode(facts), Says(Severity::kWarning, "The driver refused (ERANGE).", ""));
}

TEST(DoctorChecksTest, MergedPacketsAreAProblem) {
  HostFacts facts = GoodHost();
  facts.device.lro = true;
  EXPECT_THAT(CheckReceiveOffload(facts),
              Says(Severity::kProblem, "LRO is on", "ethtool -K eth0 lro off"));
  facts.device.lro = false;
  facts.link.xdp_mode = "generic";
  EXPECT_THAT(CheckReceiveOffload(facts), Says(Severity::kOk, "GRO is on, behind XDP", ""))
      << "local services do not mind";
  facts.config->pools = {PoolOf(Forward::kDsr, "10.0.0.1:80")};
  EXPECT_THAT(CheckReceiveOffload(facts),
              Says(Severity::kProblem, "GRO is on", "ethtool -K eth0 gro off"));
}

TEST(DoctorChecksTest, VethsMustSendChecksums) {
  HostFacts facts = GoodHost();
  facts.device.driver = "veth";
  EXPECT_THAT(CheckChecksums(facts),
              Says(Severity::kWarning, "is a veth", "ethtool -K eth0 tx off"));
  facts.device.tx_checksum = false;
  EXPECT_THAT(CheckChecksums(facts), Says(Severity::kOk, "none that came was wrong", ""));
  facts.checksum_errors = 3;
  EXPECT_THAT(CheckChecksums(facts),
              Says(Severity::kProblem, "3 packets came with a wrong", "tx off"));
  facts.peer = "veth1";
  facts.peer_tx_checksum = true;
  EXPECT_THAT(CheckChecksums(facts),
              Says(Severity::kProblem, "veth1, the other end of eth0", "ethtool -K veth1 tx off"));
  facts.peer_tx_checksum = false;
  EXPECT_THAT(CheckChecksums(facts), Says(Severity::kOk, "sends checksums", ""));
}

TEST(DoctorChecksTest, SettingsOfTheKernelThatHinderAreNamed) {
  HostFacts facts = GoodHost();
  facts.rp_filter = 1;
  EXPECT_THAT(CheckReversePath(facts), Says(Severity::kWarning, "strict (all 0, eth0 1)",
                                            "sysctl -w net.ipv4.conf.eth0.rp_filter=2"));
  facts.rp_filter_all = 2;
  EXPECT_THAT(CheckReversePath(facts), Says(Severity::kOk, "not strict", ""))
      << "the greater one counts";

  facts.arp_ignore_all = 8;
  EXPECT_THAT(CheckArp(facts), Says(Severity::kProblem, "answers for no address", "arp_ignore=0"));
  facts.arp_ignore_all = 2;
  EXPECT_THAT(CheckArp(facts), Says(Severity::kProblem, "does not answer for it", "arp_ignore=1"));
  facts.arp_ignore_all = 1;
  facts.config->pools = {PoolOf(Forward::kDsr, "10.0.0.1:80")};
  EXPECT_THAT(CheckArp(facts), Says(Severity::kOk, "backends of dsr pools", "arp_announce=2"));

  facts.tcp_keepalive_s = 8000;
  EXPECT_THAT(CheckTimeouts(facts),
              Says(Severity::kWarning, "tcp_keepalive_time is 8000 s", "tcp_keepalive_time=7200"));
  facts.config->services.resize(1);
  facts.conntrack_established_s = 600;
  EXPECT_THAT(CheckTimeouts(facts),
              Says(Severity::kWarning, "after 600 s of silence", "timeout_established=3600"));
}

TEST(DoctorChecksTest, WhatTheSystemDoesNotPermitIsNamed) {
  HostFacts facts = GoodHost();
  facts.missing_capabilities = {"CAP_BPF", "CAP_KILL"};
  EXPECT_THAT(CheckCapabilities(facts),
              Says(Severity::kProblem, "lacks CAP_BPF, CAP_KILL", "--cap-add=BPF --cap-add=KILL"));
  facts.missing_capabilities = {};
  facts.missing_optional = {"CAP_SYS_NICE"};
  EXPECT_THAT(CheckCapabilities(facts), Says(Severity::kOk, "without CAP_SYS_NICE", ""));

  facts.on_bpffs = false;
  EXPECT_THAT(CheckBpffs(facts), Says(Severity::kOk, "koi mounts it", ""));
  facts.may_mount = false;
  EXPECT_THAT(CheckBpffs(facts), Says(Severity::kProblem, "cannot mount it", "mount -t bpf"));

  facts.real_time = absl::PermissionDeniedError("Operation not permitted");
  EXPECT_THAT(CheckRealTime(facts), Says(Severity::kWarning, "is refused (Operation", "SYS_NICE"));

  facts.kernel[1].status = absl::InvalidArgumentError("Invalid argument");
  EXPECT_THAT(CheckKernel(facts), Says(Severity::kProblem, "lacks tries of prefixes (koi deny)",
                                       "install Linux 4.11 or later"));
  for (KernelFeature& each : facts.kernel) each.status = absl::PermissionDeniedError("no");
  EXPECT_THAT(CheckKernel(facts),
              Says(Severity::kProblem, "may not use BPF: 2 of 2", "--cap-add=PERFMON"));

  facts.vips_free = absl::AlreadyExistsError("10.0.0.1 is an address of eth0");
  EXPECT_THAT(CheckVips(facts), Says(Severity::kProblem, "10.0.0.1 is an address", ""));
}

TEST(DoctorChecksTest, RunningKoiIsHeard) {
  HostFacts facts = GoodHost();
  facts.koid = absl::OkStatus();
  facts.stats.interface = "eth0";
  facts.stats.role = "master";
  facts.stats.xdp = {.attached = false, .mode = "off", .why = "no such device"};
  facts.stats.warnings = {"the clock of 10.0.0.7 is off"};
  EXPECT_THAT(CheckKoid(facts), Says(Severity::kOk, "runs on eth0, master", ""));
  EXPECT_THAT(CheckKoid(facts),
              Says(Severity::kProblem, "not attached: no such device", "koi status"));
  EXPECT_THAT(CheckKoid(facts), Says(Severity::kWarning, "the clock of 10.0.0.7 is off", ""));
  facts.koid = absl::PermissionDeniedError("cannot reach koi-manager");
  EXPECT_THAT(CheckKoid(facts), Says(Severity::kWarning, "cannot reach koi-manager", "as root"));
}

TEST(DoctorChecksTest, WithoutAConfigurationWhatDependsOnItIsLeftOut) {
  HostFacts facts = GoodHost();
  facts.config.reset();
  EXPECT_THAT(Complaints(facts), IsEmpty()) << "the options name the interface";
  facts.config_errors = {"koi.toml:1:1: a", "koi.toml:2:1: b"};
  EXPECT_THAT(Complaints(facts),
              Says(Severity::kProblem, "koi.toml:1:1: a (2 errors)", "koi check"));
}

}  // namespace
}  // namespace koi
