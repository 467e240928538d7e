// SPDX-License-Identifier: Apache-2.0
// What the device does to packets before koi_xdp sees them: whether it runs it at all, merges them,
// leaves their checksums to somebody else.
#include "absl/strings/str_cat.h"
#include "cli/doctor/checks.h"

namespace koi {
namespace {

constexpr char kVeth[] = "veth";

bool HasL4(const HostFacts& facts) {
  return HasPool(facts, Forward::kDsr) || HasPool(facts, Forward::kIpip);
}

}  // namespace

bool HasPool(const HostFacts& facts, Forward forward) {
  if (!facts.config.has_value()) return false;
  for (const PoolConfig& pool : facts.config->pools) {
    if (pool.l4.forward == forward) return true;
  }
  return false;
}

bool IsGenericMode(const HostFacts& facts) {
  if (!facts.link.xdp_mode.empty()) return facts.link.xdp_mode == "generic";
  if (facts.config.has_value() && facts.config->xdp.mode != XdpMode::kAuto) {
    return facts.config->xdp.mode == XdpMode::kGeneric;
  }
  return facts.device.xdp.has_value() && !facts.device.xdp->basic;
}

Findings CheckXdpMode(const HostFacts& facts) {
  constexpr char kArea[] = "XDP";
  const bool attached = !facts.link.xdp_mode.empty();
  const std::string driver = facts.device.driver.empty() ? "the driver" : facts.device.driver;
  const std::string is = attached ? "runs" : "would run";
  if (facts.config.has_value() && facts.config->xdp.mode == XdpMode::kNative &&
      facts.device.xdp.has_value() && !facts.device.xdp->basic) {
    return {{Severity::kProblem, kArea,
             absl::StrCat("xdp.mode is \"native\", and ", driver, " cannot run XDP"),
             "set xdp.mode = \"auto\" in koi.toml"}};
  }
  if (!IsGenericMode(facts)) {
    const bool sure = attached || facts.device.xdp.has_value();
    Findings findings = {
        {Severity::kOk, kArea,
         absl::StrCat(driver, " ", is, " XDP itself, driver mode",
                      sure ? "" : ", unless it refuses: this kernel does not tell")}};
    const int largest = 3506;  // of a veth that runs a program without fragments; measured
    if (facts.device.driver == kVeth && facts.device.mtu.value_or(0) > largest) {
      findings = {
          {Severity::kWarning, kArea,
           absl::StrCat("veth takes XDP in its driver up to MTU ", largest,
                        " at its other end: koi falls back to generic mode, which is slower"),
           absl::StrCat("ip link set ", facts.interface, " mtu ", largest)}};
    }
    return findings;
  }
  std::string why = absl::StrCat(driver, " cannot");
  if (facts.config.has_value() && facts.config->xdp.mode == XdpMode::kGeneric)
    why = "xdp.mode asks for it";
  if (facts.koid.ok() && facts.stats.xdp.attached && !facts.stats.xdp.why.empty())
    why = facts.stats.xdp.why;
  return {
      {Severity::kWarning, kArea,
       absl::StrCat(
           "the kernel ", is,
           " XDP after it has allocated each packet, generic mode, several times slower: ", why),
       absl::StrCat("ethtool -i ", facts.interface, "    # a NIC whose driver has XDP is needed")}};
}

Findings CheckReceiveOffload(const HostFacts& facts) {
  constexpr char kArea[] = "offload";
  Findings findings;
  if (facts.device.lro.value_or(false)) {
    findings.push_back({Severity::kProblem, kArea,
                        absl::StrCat("LRO is on: ", facts.interface,
                                     " merges packets in a way that cannot be undone, and its "
                                     "driver refuses XDP or hands it none of them"),
                        absl::StrCat("ethtool -K ", facts.interface, " lro off")});
  }
  if (IsGenericMode(facts) && HasL4(facts) && facts.device.gro.value_or(false)) {
    findings.push_back(
        {Severity::kProblem, kArea,
         "GRO is on: in generic mode koi_xdp sees merged packets, which are too big to "
         "be sent on: transfers through l4 services stall",
         absl::StrCat("ethtool -K ", facts.interface, " gro off")});
  }
  if (!findings.empty()) return findings;
  return {{Severity::kOk, kArea,
           facts.device.gro.value_or(false)
               ? "LRO is off; GRO is on, behind XDP, where it does no harm"
               : "LRO and GRO are off"}};
}

// Senders on a veth leave checksums to a NIC that is not there. What XDP sends on, to a CPU too,
// keeps the wrong ones; a real NIC has no part in this.
Findings CheckChecksums(const HostFacts& facts) {
  constexpr char kArea[] = "checksums";
  if (facts.device.driver != kVeth) {
    return {{Severity::kOk, kArea, "packets come from a wire, with their checksums"}};
  }
  if (facts.peer_tx_checksum.has_value()) {
    if (!*facts.peer_tx_checksum) {
      return {
          {Severity::kOk, kArea,
           absl::StrCat(facts.peer, ", the other end of ", facts.interface, ", sends checksums")}};
    }
    return {{Severity::kProblem, kArea,
             absl::StrCat(facts.peer, ", the other end of ", facts.interface,
                          ", sends packets without checksums: what koi_xdp sends on is dropped"),
             absl::StrCat("ethtool -K ", facts.peer, " tx off")}};
  }
  const std::string repair =
      "ethtool -K eth0 tx off    # in each namespace or container that sends to this host by veth";
  if (facts.checksum_errors > 0) {
    return {
        {Severity::kProblem, kArea,
         absl::StrCat(facts.checksum_errors, " packets came with a wrong checksum, and ",
                      facts.interface, " is a veth: somebody behind it leaves checksums to a NIC"),
         repair}};
  }
  const bool off = facts.device.tx_checksum.has_value() && !*facts.device.tx_checksum;
  if (off) {
    return {{Severity::kOk, kArea,
             absl::StrCat(facts.interface,
                          " is a veth; it sends checksums, and none that came was wrong")}};
  }
  return {{Severity::kWarning, kArea,
           absl::StrCat(facts.interface,
                        " is a veth that sends packets without checksums: where an XDP program "
                        "receives them, they are dropped"),
           absl::StrCat("ethtool -K ", facts.interface,
                        " tx off    # and the same where clients and backends are")}};
}

}  // namespace koi
