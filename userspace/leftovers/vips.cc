// SPDX-License-Identifier: Apache-2.0
// Addresses, told apart by their lifetime.
#include "leftovers/vips.h"

#include <net/if.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace koi {
namespace {

constexpr uint32_t kLongestLeaseSeconds = 2;

std::string InterfaceName(int index) {
  char name[IF_NAMESIZE] = {};
  if (::if_indextoname(static_cast<unsigned>(index), name) != nullptr) return name;
  return absl::StrCat("interface ", index);
}

}  // namespace

bool IsVipLease(const InterfaceAddress& address) {
  const bool alone = address.prefix_bits == (address.address.is_ip4() ? 32 : 128);
  return alone && address.lifetime.preferred == 0 && address.lifetime.valid <= kLongestLeaseSeconds;
}

absl::Status CheckVipsAreFree(const std::vector<VipConfig>& vips) {
  KOI_ASSIGN_OR_RETURN(Netlink netlink, Netlink::Open());
  KOI_ASSIGN_OR_RETURN(const std::vector<InterfaceAddress> addresses, netlink.AllAddresses());
  for (const InterfaceAddress& present : addresses) {
    const bool is_vip = std::any_of(vips.begin(), vips.end(), [&](const VipConfig& vip) {
      return vip.address == present.address;
    });
    if (!is_vip || IsVipLease(present)) continue;
    const std::string interface = InterfaceName(present.interface_index);
    const std::string address = absl::StrCat(present.address.ToString(), "/", present.prefix_bits);
    return absl::AlreadyExistsError(absl::StrCat(
        "VIP ", present.address.ToString(), " is an address of ", interface,
        " already, and koi did not put it there. If a killed ucarp or keepalived left it: ip addr "
        "del ",
        address, " dev ", interface, ". If it is this host's own, choose another VIP"));
  }
  return absl::OkStatus();
}

}  // namespace koi
