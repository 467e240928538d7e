// SPDX-License-Identifier: Apache-2.0
// Reading and writing koi_pools, koi_forwarded and koi_devices.
#include "dataplane/l4_maps.h"

#include <koi/abi/forwarded.h>
#include <koi/abi/pool.h>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/text.h"
#include "dataplane/map_calls.h"

namespace koi {
namespace {

koi_forward ToAbi(Forward forward) {
  switch (forward) {
    case Forward::kNone: return KOI_FORWARD_NONE;
    case Forward::kDsr: return KOI_FORWARD_DSR;
    case Forward::kIpip: return KOI_FORWARD_IPIP;
  }
  KOI_UNREACHABLE();
}

Forward FromAbi(koi_forward forward) {
  return forward == KOI_FORWARD_DSR ? Forward::kDsr : Forward::kIpip;
}

L4PoolEntry FromAbi(const koi_pool& pool, uint32_t number) {
  return {.number = number,
          .options = {.forward = FromAbi(pool.forward),
                      .ring_size = pool.ring_slots,
                      .affinity = pool.affinity == KOI_AFFINITY_SOURCE ? Affinity::kSource
                                                                       : Affinity::kFlow,
                      .on_down = pool.on_down == KOI_ON_DOWN_KEEP ? OnDown::kKeep : OnDown::kLeave},
          .name = FromField(pool.name)};
}

}  // namespace

absl::Status L4PoolMap::Set(const L4PoolEntry& pool) {
  const L4PoolOptions& options = pool.options;
  koi_pool value = {
      .forward = ToAbi(options.forward),
      .affinity = options.affinity == Affinity::kSource ? KOI_AFFINITY_SOURCE : KOI_AFFINITY_FLOW,
      .on_down = options.on_down == OnDown::kKeep ? KOI_ON_DOWN_KEEP : KOI_ON_DOWN_LEAVE,
      .ring_slots = options.ring_size,
      .name = {}};
  ToField(pool.name, value.name);
  return map_calls::Set(map_fd_.get(), pool.number, value,
                        absl::StrCat("cannot set pool \"", pool.name, "\""));
}

absl::Status L4PoolMap::Remove(uint32_t number) {
  return map_calls::Set(map_fd_.get(), number, koi_pool{},
                        absl::StrCat("cannot remove pool ", number));
}

absl::StatusOr<std::vector<L4PoolEntry>> L4PoolMap::List() const {
  std::vector<L4PoolEntry> pools;
  for (uint32_t number = 0; number < KOI_POOLS_MAX; ++number) {
    KOI_ASSIGN_OR_RETURN(const koi_pool pool,
                         map_calls::Get<koi_pool>(map_fd_.get(), number, "cannot read a pool"));
    if (pool.forward != KOI_FORWARD_NONE) pools.push_back(FromAbi(pool, number));
  }
  return pools;
}

absl::StatusOr<ForwardedFigures> ForwardedMap::Read(uint32_t backend) const {
  KOI_ASSIGN_OR_RETURN(
      const auto of_cpus,
      map_calls::GetPerCpu<koi_forwarded>(
          map_fd_.get(), backend, absl::StrCat("cannot read what backend ", backend, " was sent")));
  ForwardedFigures sum;
  for (const koi_forwarded& of_cpu : of_cpus) {
    sum.packets += of_cpu.packets;
    sum.bytes += of_cpu.bytes;
    sum.new_flows += of_cpu.new_flows;
  }
  return sum;
}

absl::Status ForwardedMap::Clear(uint32_t backend) {
  return map_calls::ClearPerCpu<koi_forwarded>(
      map_fd_.get(), backend, absl::StrCat("cannot clear what backend ", backend, " was sent"));
}

absl::Status DeviceMap::Set(uint32_t ifindex) {
  return map_calls::Set(map_fd_.get(), ifindex, ifindex,
                        absl::StrCat("cannot send packets out of interface ", ifindex));
}

absl::Status DeviceMap::Remove(uint32_t ifindex) {
  return map_calls::Remove(map_fd_.get(), ifindex,
                           absl::StrCat("cannot stop sending packets out of interface ", ifindex));
}

absl::StatusOr<std::vector<uint32_t>> DeviceMap::List() const {
  return map_calls::Keys<uint32_t>(map_fd_.get(), "cannot list the interfaces to send out of");
}

}  // namespace koi
