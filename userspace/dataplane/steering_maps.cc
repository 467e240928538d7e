// SPDX-License-Identifier: Apache-2.0
// Reading and writing koi_settings, koi_cpus, koi_listeners and koi_steered.
#include "dataplane/steering_maps.h"

#include <koi/abi/cpu.h>
#include <koi/abi/listener.h>
#include <koi/abi/settings.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "dataplane/abi_address.h"
#include "dataplane/map_calls.h"

namespace koi {
namespace {

constexpr uint32_t kOnlyEntry = 0;

koi_steering ToAbi(XdpSteer steer) {
  switch (steer) {
    case XdpSteer::kAlways: return KOI_STEERING_ALWAYS;
    case XdpSteer::kElsewhere: return KOI_STEERING_ELSEWHERE;
    case XdpSteer::kNever: return KOI_STEERING_NEVER;
  }
  KOI_UNREACHABLE();
}

XdpSteer FromAbi(koi_steering steering) {
  if (steering == KOI_STEERING_NEVER) return XdpSteer::kNever;
  return steering == KOI_STEERING_ELSEWHERE ? XdpSteer::kElsewhere : XdpSteer::kAlways;
}

koi_tunnel_source ToAbi(const TunnelSource& source) {
  return {.addr = koi::ToAbi(source.address), .spread = source.spread};
}

TunnelSource FromAbi(const koi_tunnel_source& source) {
  return {.address = koi::FromAbi(source.addr), .spread = source.spread};
}

uint64_t NanosecondsOf(Duration duration) {
  return static_cast<uint64_t>(std::chrono::nanoseconds(duration).count());
}

Duration DurationOf(uint64_t nanoseconds) {
  return std::chrono::nanoseconds(static_cast<int64_t>(nanoseconds));
}

void ToAbi(const L4Settings& l4, koi_settings& value) {
  value.ring_seed = l4.ring_seed;
  std::copy(l4.flow_keys.begin(), l4.flow_keys.end(), value.flow_keys);
  value.tunnel4 = ToAbi(l4.tunnel4);
  value.tunnel6 = ToAbi(l4.tunnel6);
  value.own_ip4 = koi::ToAbi(l4.own_ip4);
  value.own_ip6 = koi::ToAbi(l4.own_ip6);
  value.icmp_per_second = l4.icmp_per_second;
  value.idle_tcp_ns = NanosecondsOf(l4.idle_tcp);
  value.idle_udp_ns = NanosecondsOf(l4.idle_udp);
  value.handshake_ns = NanosecondsOf(l4.handshake);
  value.full_ns = NanosecondsOf(l4.full);
}

L4Settings L4FromAbi(const koi_settings& value) {
  return {.ring_seed = value.ring_seed,
          .flow_keys = {value.flow_keys[0], value.flow_keys[1]},
          .tunnel4 = FromAbi(value.tunnel4),
          .tunnel6 = FromAbi(value.tunnel6),
          .own_ip4 = koi::FromAbi(value.own_ip4),
          .own_ip6 = koi::FromAbi(value.own_ip6),
          .icmp_per_second = value.icmp_per_second,
          .idle_tcp = DurationOf(value.idle_tcp_ns),
          .idle_udp = DurationOf(value.idle_udp_ns),
          .handshake = DurationOf(value.handshake_ns),
          .full = DurationOf(value.full_ns)};
}

absl::StatusOr<uint32_t> ListenerIndex(int cpu, ListenerFamily family) {
  if (cpu < 0 || cpu >= KOI_CPUS_MAX) {
    return absl::InvalidArgumentError(absl::StrCat("CPU ", cpu, " is out of range"));
  }
  const uint32_t offset = family == ListenerFamily::kIp4 ? KOI_LISTENER_IP4 : KOI_LISTENER_IP6;
  return KOI_LISTENER_INDEX(static_cast<uint32_t>(cpu), offset);
}

}  // namespace

absl::Status SettingsMap::Write(const Settings& settings) {
  if (settings.cpus.size() > KOI_CPUS_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot steer to ", settings.cpus.size(), " CPUs, only to ", +KOI_CPUS_MAX));
  }
  koi_settings value = {};
  value.abi_version = KOI_ABI_VERSION;
  value.hash_seed = settings.hash_seed;
  value.clock_offset_ns = settings.clock_offset_ns;
  value.steering = ToAbi(settings.steer);
  value.deny = settings.deny ? 1 : 0;
  ToAbi(settings.l4, value);
  std::copy(settings.own_mac.begin(), settings.own_mac.end(), value.own_mac);
  value.cpu_count = static_cast<uint16_t>(settings.cpus.size());
  for (size_t i = 0; i < settings.cpus.size(); ++i) {
    if (settings.cpus[i] < 0 || settings.cpus[i] >= KOI_CPUS_MAX) {
      return absl::InvalidArgumentError(absl::StrCat("CPU ", settings.cpus[i], " is out of range"));
    }
    value.cpus[i] = static_cast<uint16_t>(settings.cpus[i]);
  }
  return map_calls::Set(map_fd_.get(), kOnlyEntry, value, "cannot write koi_settings");
}

absl::StatusOr<Settings> SettingsMap::Read() const {
  KOI_ASSIGN_OR_RETURN(
      const koi_settings value,
      map_calls::Get<koi_settings>(map_fd_.get(), kOnlyEntry, "cannot read koi_settings"));
  Settings settings;
  settings.hash_seed = value.hash_seed;
  settings.clock_offset_ns = value.clock_offset_ns;
  settings.steer = FromAbi(value.steering);
  settings.deny = value.deny != 0;
  settings.l4 = L4FromAbi(value);
  std::copy(std::begin(value.own_mac), std::end(value.own_mac), settings.own_mac.begin());
  const size_t count = std::min<size_t>(value.cpu_count, KOI_CPUS_MAX);
  settings.cpus.assign(value.cpus, value.cpus + count);
  return settings;
}

absl::Status CpuMap::Set(int cpu, uint32_t queue_packets) {
  bpf_cpumap_val value = {};
  value.qsize = queue_packets;
  const std::string doing = absl::StrCat("cannot send packets to CPU ", cpu);
  const absl::Status status =
      map_calls::Set(map_fd_.get(), static_cast<uint32_t>(cpu), value, doing);
  // For "past the end of the map", which is as large as the kernel allows, the kernel says E2BIG.
  return absl::IsResourceExhausted(status) ? absl::NotFoundError(doing) : status;
}

absl::Status CpuMap::Remove(int cpu) {
  return map_calls::Remove(map_fd_.get(), static_cast<uint32_t>(cpu),
                           absl::StrCat("cannot stop sending packets to CPU ", cpu));
}

absl::Status ListenerMap::Set(int cpu, ListenerFamily family, int listener_fd) {
  KOI_ASSIGN_OR_RETURN(const uint32_t index, ListenerIndex(cpu, family));
  const auto value = static_cast<uint64_t>(listener_fd);
  return map_calls::Set(map_fd_.get(), index, value,
                        absl::StrCat("cannot set the listener of CPU ", cpu));
}

absl::Status ListenerMap::Remove(int cpu, ListenerFamily family) {
  KOI_ASSIGN_OR_RETURN(const uint32_t index, ListenerIndex(cpu, family));
  const absl::Status status = map_calls::Remove(
      map_fd_.get(), index, absl::StrCat("cannot remove the listener of CPU ", cpu));
  // A sockmap says EINVAL for an empty slot; the index itself is right.
  return absl::IsInvalidArgument(status) ? absl::OkStatus() : status;
}

absl::StatusOr<SteeredFigures> SteeredMap::Read(int cpu) const {
  KOI_ASSIGN_OR_RETURN(
      const auto of_cpus,
      map_calls::GetPerCpu<koi_steered>(map_fd_.get(), static_cast<uint32_t>(cpu),
                                        absl::StrCat("cannot read what CPU ", cpu, " was sent")));
  SteeredFigures sum;
  for (const koi_steered& of_cpu : of_cpus) {
    sum.packets += of_cpu.packets;
    sum.bytes += of_cpu.bytes;
    sum.connections += of_cpu.connections;
  }
  return sum;
}

}  // namespace koi
