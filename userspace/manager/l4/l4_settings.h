// SPDX-License-Identifier: Apache-2.0
// What koi_xdp is to know for l4 services, from the configuration and the host's addresses.
#pragma once

#include <vector>

#include "base/address.h"
#include "config/config.h"
#include "dataplane/steering_maps.h"

namespace koi {

bool HasL4(const Config& config);

// Brings `l4` up to date; what is random in it is kept once it is chosen. `own` are the interface's
// addresses without VIPs; where there is none of a family, what was known of it stays.
void FillL4Settings(const Config& config, const std::vector<Address>& own, L4Settings& l4);

}  // namespace koi
