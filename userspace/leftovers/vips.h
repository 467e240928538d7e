// SPDX-License-Identifier: Apache-2.0
// Which addresses of this host are leases of koi's, and which VIPs the host has for other reasons.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "config/config.h"
#include "net/netlink.h"

namespace koi {

// Whether koi-carp set it, as carp/lease.cc does and nobody else: for two seconds, never preferred,
// for this one address alone. A host's own address, also one from DHCP, is none of these.
bool IsVipLease(const InterfaceAddress& address);

// AlreadyExists when a VIP is an address of this host that koi did not set: it would answer for the
// VIP while it is backup. The message tells what to type; koi never removes such an address itself.
absl::Status CheckVipsAreFree(const std::vector<VipConfig>& vips);

}  // namespace koi
