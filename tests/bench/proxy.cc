// SPDX-License-Identifier: Apache-2.0
// What is the same for every proxy.
#include "bench/proxy.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace koi::bench {

std::vector<int> Proxy::Pids(const lab::Lab& lab) const {
  std::vector<int> pids;
  const lab::ProgramResult result = lab.Run({"ip", "netns", "pids", host().namespace_name()});
  for (const absl::string_view line : absl::StrSplit(result.out, '\n', absl::SkipEmpty())) {
    int pid = 0;
    if (absl::SimpleAtoi(line, &pid)) pids.push_back(pid);
  }
  return pids;
}

void PrepareWire(const lab::Lab& lab, const lab::Host& host, int peers_cpu) {
  lab.MustRun(host.Enter(
      {"ethtool", "-K", "eth0", "tx", "on", "sg", "on", "tso", "on", "gso", "on", "gro", "on"}));
  // Connections that a test left in TIME_WAIT must not use up the ports.
  lab.MustRun(host.Enter({"sysctl", "-qw", "net.ipv4.ip_local_port_range=10000 65000"}));
  // A veth polls, and so batches, only what comes from a peer that cannot send more than a frame.
  lab.MustRun({"nsenter", absl::StrCat("--net=/run/netns/", lab.NamespaceName("switch")), "--",
               "ethtool", "-K", host.name(), "tso", "off"});
  lab.MustRun({"ip", "netns", "exec", lab.NamespaceName("switch"), "sh", "-c",
               absl::StrCat("printf %x ", 1ULL << peers_cpu, " >/sys/class/net/", host.name(),
                            "/queues/rx-0/rps_cpus")});
}

lab::Argv OnCpu(int cpu, const lab::Argv& argv) {
  lab::Argv whole = {"taskset", "-c", absl::StrCat(cpu)};
  whole.insert(whole.end(), argv.begin(), argv.end());
  return whole;
}

}  // namespace koi::bench
