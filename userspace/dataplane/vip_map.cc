// SPDX-License-Identifier: Apache-2.0
// Reading and writing koi_vips; summing koi_vip_stats.
#include "dataplane/vip_map.h"

#include <koi/abi/vip.h>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "dataplane/abi_address.h"
#include "dataplane/map_calls.h"

namespace koi {
namespace {

uint32_t FlagsOf(const VipEntry& vip) {
  return (vip.local ? KOI_VIP_LOCAL : 0U) | (vip.l4 ? KOI_VIP_L4 : 0U) |
         (vip.any_port ? KOI_VIP_ANY_PORT : 0U);
}

}  // namespace

absl::Status VipMap::Set(const VipEntry& vip) {
  const koi_vip_key key = {.addr = ToAbi(vip.address)};
  koi_vip value = {.number = vip.number, .group = vip.group, .flags = FlagsOf(vip), .address = {}};
  ToField(vip.address.ToString(), value.address);
  return map_calls::Set(map_fd_.get(), key, value,
                        absl::StrCat("cannot set VIP ", vip.address.ToString()));
}

absl::Status VipMap::Remove(const Address& vip) {
  const koi_vip_key key = {.addr = ToAbi(vip)};
  return map_calls::Remove(map_fd_.get(), key, absl::StrCat("cannot remove VIP ", vip.ToString()));
}

absl::StatusOr<std::vector<VipEntry>> VipMap::List() const {
  KOI_ASSIGN_OR_RETURN(const auto keys,
                       map_calls::Keys<koi_vip_key>(map_fd_.get(), "cannot list the VIPs"));
  std::vector<VipEntry> vips;
  for (const koi_vip_key& key : keys) {
    KOI_ASSIGN_OR_RETURN(const koi_vip vip,
                         map_calls::Get<koi_vip>(map_fd_.get(), key, "cannot read a VIP"));
    vips.push_back({.address = FromAbi(key.addr),
                    .number = vip.number,
                    .group = vip.group,
                    .local = (vip.flags & KOI_VIP_LOCAL) != 0,
                    .l4 = (vip.flags & KOI_VIP_L4) != 0,
                    .any_port = (vip.flags & KOI_VIP_ANY_PORT) != 0});
  }
  return vips;
}

absl::StatusOr<VipTraffic> VipStatsMap::Read(uint32_t vip_number) const {
  KOI_ASSIGN_OR_RETURN(const auto of_cpus, map_calls::GetPerCpu<koi_vip_stats>(
                                               map_fd_.get(), vip_number,
                                               absl::StrCat("cannot read VIP ", vip_number)));
  VipTraffic sum;
  for (const koi_vip_stats& of_cpu : of_cpus) {
    sum.packets += of_cpu.packets;
    sum.bytes += of_cpu.bytes;
    sum.new_flows += of_cpu.new_flows;
  }
  return sum;
}

absl::Status VipStatsMap::Clear(uint32_t vip_number) {
  return map_calls::ClearPerCpu<koi_vip_stats>(map_fd_.get(), vip_number,
                                               absl::StrCat("cannot clear VIP ", vip_number));
}

}  // namespace koi
