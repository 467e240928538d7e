// SPDX-License-Identifier: Apache-2.0
// Interfaces, by ip(8) and ethtool(8).
#include "bench/wire.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace koi::bench {
namespace {

constexpr char kSwitch[] = "switch";
constexpr char kBridge[] = "br1";

// The other end of eth1 of `host`.
std::string BackendPort(const lab::Host& host) { return absl::StrCat(host.name(), "-1"); }

void PrepareWire(const lab::Lab& lab, const lab::Host& host, const std::string& interface,
                 const std::string& port, int peers_cpu) {
  lab.MustRun(host.Enter(
      {"ethtool", "-K", interface, "tx", "on", "sg", "on", "tso", "on", "gso", "on", "gro", "on"}));
  // A veth polls, and so batches, only what comes from a peer that cannot send more than a frame.
  lab.MustRun({"nsenter", absl::StrCat("--net=/run/netns/", lab.NamespaceName(kSwitch)), "--",
               "ethtool", "-K", port, "tso", "off"});
  lab.MustRun({"ip", "netns", "exec", lab.NamespaceName(kSwitch), "sh", "-c",
               absl::StrCat("printf %x ", 1ULL << peers_cpu, " >/sys/class/net/", port,
                            "/queues/rx-0/rps_cpus")});
}

}  // namespace

void MakeBackendNetwork(const lab::Lab& lab) {
  const std::string space = lab.NamespaceName(kSwitch);
  lab.MustRun({"ip", "-n", space, "link", "add", kBridge, "type", "bridge", "stp_state", "0",
               "forward_delay", "0", "mcast_snooping", "0"});
  lab.MustRun({"ip", "-n", space, "link", "set", kBridge, "up"});
}

std::string JoinBackendNetwork(const lab::Lab& lab, const lab::Host& host) {
  const std::string address = absl::StrReplaceAll(host.ip4(), {{"10.9.0.", "10.9.1."}});
  const std::string& space = host.namespace_name();
  const std::string port = BackendPort(host);
  const std::string at = lab.NamespaceName(kSwitch);
  lab.MustRun({"ip", "link", "add", "eth1", "netns", space, "type", "veth", "peer", "name", port,
               "netns", at});
  lab.MustRun({"ip", "-n", at, "link", "set", port, "master", kBridge, "up"});
  lab.MustRun({"ip", "-n", space, "addr", "add", absl::StrCat(address, "/24"), "dev", "eth1"});
  lab.MustRun({"ip", "-n", space, "link", "set", "eth1", "up"});
  return address;
}

void PrepareWires(const lab::Lab& lab, const lab::Host& host, Arms arms, int peers_cpu) {
  PrepareWire(lab, host, "eth0", host.name(), peers_cpu);
  if (arms == Arms::kTwo) {
    JoinBackendNetwork(lab, host);
    PrepareWire(lab, host, "eth1", BackendPort(host), peers_cpu);
  }
}

void PrepareTcp(const lab::Lab& lab, const lab::Host& host) {
  // Connections that a test left in TIME_WAIT must not use up the ports.
  lab.MustRun(host.Enter({"sysctl", "-qw", "net.ipv4.ip_local_port_range=10000 65000",
                          "net.ipv4.tcp_congestion_control=reno"}));
}

}  // namespace koi::bench
