// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_forwarded: what koi_xdp sent to each backend of an l4 pool, by number of the backend; one
// copy a CPU. Written by koi_xdp; koi-manager clears an entry when its number goes to another
// backend. Read by koi-manager.
#pragma once

#include <koi/abi/abi.h>

struct koi_forwarded {
  __u64 packets;
  __u64 bytes;      // of frames as they came in
  __u64 new_flows;  // TCP: SYNs. UDP: entries made, so none while its slot is at rest
};
KOI_ABI_STRUCT(struct koi_forwarded, 24);

// Map koi_icmp_budget, one entry, one copy a CPU: how many answers (too big) the CPU sent this
// second. Written and read by koi_xdp.
struct koi_icmp_budget {
  __u64 second;
  __u64 answers;
};
KOI_ABI_STRUCT(struct koi_icmp_budget, 16);

// Map koi_devices, a devmap hash by index of the interface: where packets for backends may leave.
// Written by koi-manager; the one that koi_xdp is attached to needs no entry.
