// SPDX-License-Identifier: Apache-2.0
// What a reload would do, and what the CLI changed, in the words of the control API. Pure.
#pragma once

#include <vector>

#include "manager/desired.h"
#include "protocol/control_messages.h"

namespace koi {

// From what runs to `next`: pending, unchanged, invalid, or what a running node cannot change.
ReloadReport PlanReload(const Desired& running, const DesiredResult& next);

std::vector<CliChange> CliChangesOf(const State& state);

}  // namespace koi
