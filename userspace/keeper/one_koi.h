// SPDX-License-Identifier: Apache-2.0
// One koi a network namespace: its VIPs, listeners and lookups are the namespace's.
#pragma once

#include "absl/status/statusor.h"
#include "net/namespace_lock.h"

namespace koi {

// AlreadyExists, saying who it is, when another koi runs in this network namespace.
absl::StatusOr<NamespaceLock> LockNode();

// Kills koi's programs that run in this network namespace without a keeper, and says so. Whoever
// holds the lock is the only keeper here: they are left from one that died and could not take them
// along, and would renew the VIPs that this one is to elect for.
void EndOrphans();

}  // namespace koi
