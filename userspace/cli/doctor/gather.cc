// SPDX-License-Identifier: Apache-2.0
// Asking the kernel, the configuration and koi-manager.
#include "cli/doctor/gather.h"

#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <sys/utsname.h>

#include <cerrno>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "cli/manager_client.h"
#include "config/load.h"
#include "dataplane/bpffs.h"
#include "leftovers/vips.h"

namespace koi {
namespace {

struct NamedCapability {
  int number;
  const char* name;
};

// What koid and its children need (keeper/privileges.h), and what they can do without.
constexpr NamedCapability kNeeded[] = {
    {CAP_BPF, "CAP_BPF"},         {CAP_PERFMON, "CAP_PERFMON"}, {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
    {CAP_NET_RAW, "CAP_NET_RAW"}, {CAP_SETUID, "CAP_SETUID"},   {CAP_SETGID, "CAP_SETGID"},
    {CAP_SETPCAP, "CAP_SETPCAP"}, {CAP_KILL, "CAP_KILL"}};
constexpr NamedCapability kOptional[] = {{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
                                         {CAP_SYS_NICE, "CAP_SYS_NICE"},
                                         {CAP_IPC_LOCK, "CAP_IPC_LOCK"}};

std::optional<int> ReadSetting(const std::string& path) {
  int value = 0;
  const absl::StatusOr<std::string> text = ReadFile(absl::StrCat("/proc/sys/net/", path));
  if (!text.ok() || !absl::SimpleAtoi(*text, &value)) return std::nullopt;
  return value;
}

void GatherSettings(HostFacts& facts) {
  const std::string own = absl::StrCat("ipv4/conf/", facts.interface, "/");
  facts.rp_filter_all = ReadSetting("ipv4/conf/all/rp_filter");
  facts.rp_filter = ReadSetting(own + "rp_filter");
  facts.arp_ignore_all = ReadSetting("ipv4/conf/all/arp_ignore");
  facts.arp_ignore = ReadSetting(own + "arp_ignore");
  facts.tcp_keepalive_s = ReadSetting("ipv4/tcp_keepalive_time");
  facts.conntrack_established_s = ReadSetting("netfilter/nf_conntrack_tcp_timeout_established");
}

// The sum of InCsumErrors over the protocols of /proc/net/snmp: a line of names, then one of
// values.
uint64_t ChecksumErrors() {
  const std::string text = ReadFile("/proc/self/net/snmp").value_or("");
  uint64_t sum = 0;
  std::vector<std::string> names;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.empty() || (words[0] != "Tcp:" && words[0] != "Udp:")) continue;
    if (names.empty() || names[0] != words[0]) {
      names = words;
      continue;
    }
    for (size_t i = 1; i < words.size() && i < names.size(); ++i) {
      uint64_t value = 0;
      if (names[i] == "InCsumErrors" && absl::SimpleAtoi(words[i], &value)) sum += value;
    }
  }
  return sum;
}

// The bits of `field` ("CapEff") of this process.
uint64_t CapabilityBits(absl::string_view field) {
  const std::string text = ReadFile("/proc/self/status").value_or("");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(":\t "), absl::SkipEmpty());
    uint64_t bits = 0;
    if (words.size() == 2 && words[0] == field && absl::SimpleHexAtoi(words[1], &bits)) return bits;
  }
  return 0;
}

void GatherRights(HostFacts& facts) {
  const uint64_t held = CapabilityBits("CapEff") & CapabilityBits("CapBnd");
  const auto has = [held](int number) { return (held >> number & 1) != 0; };
  for (const NamedCapability& each : kNeeded) {
    if (!has(each.number)) facts.missing_capabilities.emplace_back(each.name);
  }
  for (const NamedCapability& each : kOptional) {
    if (!has(each.number)) facts.missing_optional.emplace_back(each.name);
  }
  facts.may_mount = has(CAP_SYS_ADMIN);
}

// A thread of its own, which ends with what it tried.
absl::Status TryRealTime() {
  absl::Status status;
  std::thread([&status] {
    const sched_param lowest = {.sched_priority = 1};
    if (::sched_setscheduler(0, SCHED_FIFO, &lowest) != 0) {
      status = absl::ErrnoToStatus(errno, "");
      status = absl::Status(status.code(), absl::StripPrefix(status.message(), ": "));
    }
  }).join();
  return status;
}

int UsableCpus() {
  cpu_set_t cpus;
  return ::sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
}

std::string InterfaceNames() {
  std::vector<std::string> names;
  struct if_nameindex* const all = ::if_nameindex();
  for (const auto* each = all; each != nullptr && each->if_index != 0; ++each)
    names.emplace_back(each->if_name);
  ::if_freenameindex(all);
  return absl::StrJoin(names, ", ");
}

void GatherInterface(HostFacts& facts) {
  if (::if_nametoindex(facts.interface.c_str()) == 0) {
    facts.interface_status = absl::NotFoundError(
        facts.interface.empty()
            ? absl::StrCat("no interface is named; there are: ", InterfaceNames())
            : absl::StrCat("interface \"", facts.interface,
                           "\" does not exist; there are: ", InterfaceNames()));
    return;
  }
  absl::StatusOr<Netlink> netlink = Netlink::Open();
  facts.interface_status = netlink.status();
  if (!netlink.ok()) return;
  const absl::StatusOr<Interface> link = netlink->FindInterface(facts.interface);
  const absl::StatusOr<DeviceFeatures> device = ReadDeviceFeatures(facts.interface);
  facts.interface_status = link.ok() ? device.status() : link.status();
  if (!facts.interface_status.ok()) return;
  facts.link = *link;
  facts.device = *device;
  // An index of another namespace may be that of some other interface here: that one's other end is
  // not ours then.
  char peer[IF_NAMESIZE] = {};
  if (device->veth_peer == 0 ||
      ::if_indextoname(static_cast<unsigned>(device->veth_peer), peer) == nullptr) {
    return;
  }
  const absl::StatusOr<DeviceFeatures> other = ReadDeviceFeatures(peer);
  if (!other.ok() || other->veth_peer != link->index) return;
  facts.peer = peer;
  facts.peer_tx_checksum = other->tx_checksum;
}

void GatherConfig(const DoctorQuestion& question, HostFacts& facts) {
  ConfigResult result = LoadConfig(ConfigFiles(question.config_path));
  facts.interface = question.interface;
  facts.bpffs = NodeConfig().bpffs;
  if (!result.config.has_value()) {
    if (!question.interface.empty()) return;
    for (const ConfigError& error : result.errors) facts.config_errors.push_back(error.ToString());
    return;
  }
  facts.config = std::move(result.config);
  if (facts.interface.empty()) facts.interface = facts.config->node.interface;
  facts.bpffs = facts.config->node.bpffs;
  facts.vips_free = CheckVipsAreFree(facts.config->vips);
}

void GatherKoid(const std::string& socket, HostFacts& facts) {
  absl::StatusOr<Stats> stats = ManagerClient(socket).CollectStats();
  facts.koid = stats.status();
  if (!stats.ok()) return;
  facts.stats = *std::move(stats);
  if (facts.interface.empty()) facts.interface = facts.stats.interface;
}

}  // namespace

HostFacts GatherFacts(const DoctorQuestion& question) {
  HostFacts facts;
  GatherConfig(question, facts);
  GatherKoid(question.socket, facts);
  GatherInterface(facts);
  GatherSettings(facts);
  GatherRights(facts);
  facts.checksum_errors = ChecksumErrors();
  facts.cpus = UsableCpus();
  facts.real_time = TryRealTime();
  facts.on_bpffs = IsOnBpffs(facts.bpffs);
  facts.kernel = TryKernelFeatures();
  utsname kernel = {};
  if (::uname(&kernel) == 0) facts.kernel_release = kernel.release;
  return facts;
}

}  // namespace koi
