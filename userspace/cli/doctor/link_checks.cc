// SPDX-License-Identifier: Apache-2.0
// The interface: there, up, with enough queues and room for tunnels.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/doctor/checks.h"

namespace koi {
namespace {

constexpr int kEthernetMtu = 1500;  // what clients send at most
constexpr int kLeastMtu = 1280;     // what every IPv6 link takes (RFC 8200 5)
constexpr int kIp4Bytes = 20;
constexpr int kIp6Bytes = 40;
constexpr int kTcpBytes = 20;

// What ipip adds to a packet for the pools of `config`: the most of their backends.
int TunnelBytes(const Config& config) {
  int bytes = 0;
  for (const PoolConfig& pool : config.pools) {
    if (pool.l4.forward != Forward::kIpip) continue;
    bytes = std::max(bytes, kIp4Bytes);
    for (const BackendConfig& backend : pool.backends) {
      if (!backend.endpoint.address.is_ip4()) bytes = kIp6Bytes;
    }
  }
  return bytes;
}

}  // namespace

Findings CheckLink(const HostFacts& facts) {
  constexpr char kArea[] = "link";
  const std::string& name = facts.interface;
  if (!facts.interface_status.ok()) {
    return {{Severity::kProblem, kArea, std::string(facts.interface_status.message()),
             "ip link    # and name one of them as node.interface"}};
  }
  if (!facts.link.up) {
    return {{Severity::kProblem, kArea, absl::StrCat(name, " is down"),
             absl::StrCat("ip link set ", name, " up")}};
  }
  if (!facts.link.carrier) {
    return {{Severity::kProblem, kArea,
             absl::StrCat(
                 name, " is up, but has no carrier: is the cable or the port of the switch out?"),
             absl::StrCat("ethtool ", name)}};
  }
  return {{Severity::kOk, kArea, absl::StrCat(name, " is up and has a carrier")}};
}

Findings CheckQueues(const HostFacts& facts) {
  constexpr char kArea[] = "queues";
  const DeviceFeatures& device = facts.device;
  if (!device.receive_queues.has_value()) {
    return {{Severity::kOk, kArea,
             absl::StrCat(facts.interface, " does not say how many receive queues it has")}};
  }
  const int queues = *device.receive_queues;
  const std::string counted =
      absl::StrCat(queues, queues == 1 ? " receive queue for " : " receive queues for ", facts.cpus,
                   facts.cpus == 1 ? " CPU" : " CPUs");
  const int possible = std::min(facts.cpus, device.receive_queues_max.value_or(queues));
  if (queues < possible) {
    return {
        {Severity::kWarning, kArea,
         absl::StrCat(counted, ": some CPUs run no XDP, though the device could have ", possible),
         absl::StrCat("ethtool -L ", facts.interface, " combined ", possible)}};
  }
  if (queues < facts.cpus) {
    return {{Severity::kOk, kArea,
             absl::StrCat(counted,
                          ", as many as the device has: koi_xdp spreads flows of local services "
                          "over all CPUs")}};
  }
  return {{Severity::kOk, kArea, counted}};
}

Findings CheckMtu(const HostFacts& facts) {
  constexpr char kArea[] = "MTU";
  if (!facts.device.mtu.has_value()) return {};
  const int mtu = *facts.device.mtu;
  const std::string now = absl::StrCat(facts.interface, " has MTU ", mtu);
  const int tunnel = facts.config.has_value() ? TunnelBytes(*facts.config) : 0;
  if (mtu < kLeastMtu + tunnel) {
    return {{Severity::kProblem, kArea,
             absl::StrCat(now, ", too small for packets of ", kLeastMtu, " bytes",
                          tunnel > 0 ? absl::StrCat(" in a tunnel, which adds ", tunnel) : "",
                          ": IPv6 clients cannot send anything smaller"),
             absl::StrCat("ip link set ", facts.interface, " mtu ", kEthernetMtu + tunnel)}};
  }
  if (tunnel > 0 && mtu < kEthernetMtu + tunnel) {
    const int advertised = mtu - tunnel - kIp6Bytes - kTcpBytes;
    return {{Severity::kWarning, kArea,
             absl::StrCat(now, ", and ipip adds ", tunnel, ": of clients' packets of ",
                          kEthernetMtu, " bytes only the sender is told that they are too big"),
             absl::StrCat("ip link set ", facts.interface, " mtu ", kEthernetMtu + tunnel,
                          "    # also on backends and switches; else on each backend: ip route "
                          "change default ... advmss ",
                          advertised)}};
  }
  return {{Severity::kOk, kArea,
           absl::StrCat(
               now, tunnel > 0 ? absl::StrCat(", room for the ", tunnel, " bytes of ipip") : "")}};
}

}  // namespace koi
