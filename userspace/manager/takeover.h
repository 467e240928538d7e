// SPDX-License-Identifier: Apache-2.0
// What a first manager does before it makes anything: it refuses to disturb what others own, and
// removes what a koi that died left behind.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "base/fd.h"
#include "config/config.h"

namespace koi {

// AlreadyExists when a VIP is the host's own address, or another koi uses node.run or node.bpffs:
// nothing was touched then. Else the lock on the pins, which must be held as long as koid runs.
// Each kind of leftover is said in one line.
absl::StatusOr<Fd> TakeOverHost(const NodeConfig& node, const std::vector<VipConfig>& vips);

}  // namespace koi
