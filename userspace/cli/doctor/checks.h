// SPDX-License-Identifier: Apache-2.0
// The judgement of `koi doctor`, area by area. Pure: from facts to findings.
#pragma once

#include "cli/doctor/finding.h"
#include "cli/doctor/host_facts.h"

namespace koi {

// link_checks.cc: the interface, its queues, its MTU.
Findings CheckLink(const HostFacts& facts);
Findings CheckQueues(const HostFacts& facts);
Findings CheckMtu(const HostFacts& facts);
// offload_checks.cc: what the device does to packets before koi sees them.
Findings CheckXdpMode(const HostFacts& facts);
Findings CheckReceiveOffload(const HostFacts& facts);
Findings CheckChecksums(const HostFacts& facts);
// stack_checks.cc: what the kernel's network stack does with them.
Findings CheckReversePath(const HostFacts& facts);
Findings CheckArp(const HostFacts& facts);
Findings CheckTimeouts(const HostFacts& facts);
Findings CheckVips(const HostFacts& facts);
// system_checks.cc: what the system permits, and what it is.
Findings CheckConfigured(const HostFacts& facts);
Findings CheckKoid(const HostFacts& facts);
Findings CheckCapabilities(const HostFacts& facts);
Findings CheckBpffs(const HostFacts& facts);
Findings CheckRealTime(const HostFacts& facts);
Findings CheckKernel(const HostFacts& facts);

// All of them, in the order in which they are to be read.
Findings CheckAll(const HostFacts& facts);

// How the interface would run koi_xdp, or does: whether not in its driver.
bool IsGenericMode(const HostFacts& facts);
// Whether a pool forwards so; false without a configuration.
bool HasPool(const HostFacts& facts, Forward forward);

}  // namespace koi
