// SPDX-License-Identifier: Apache-2.0
// The numbers by which maps and messages know groups, VIPs, services and pools.
#pragma once

#include "config/config.h"

namespace koi {

// Numbers everything in `config`. What is in `before` under the same name (a group's vhid, a VIP's
// address) keeps its number from there; what is new gets one that nothing in `before` has, as long
// as there is one: whoever reads a map during the change never takes one thing for another.
void AssignNumbers(const Config& before, Config& config);

}  // namespace koi
