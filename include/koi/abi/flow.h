// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_flows, a hash: the backend of each flow that began, or was taken over, while its slot was
// moved (ring.h). Slots at rest have no entries.
// Written by koi_xdp. Read and swept by koi-manager: never evicted, so never lost while it counts.
#pragma once

#include <koi/abi/abi.h>

// A keyed hash of addresses, protocol and ports: only equality counts, and the keys of koi_settings
// are secret.
struct koi_flow_key {
  __u64 words[2];
};
KOI_ABI_STRUCT(struct koi_flow_key, 16);

struct koi_flow {
  __u64 used_ns;           // when its last packet came, to within KOI_TIME_GRAIN_NS
  __be32 syn_sequence_be;  // TCP: of the SYN that made it; another one is another connection
  __u32 slot;
  __u16 pool;
  __u16 backend;
  __u16 epoch;  // of the slot when it was made
  __u16 src_port;
  __u16 dst_port;
  __u8 protocol;
  __u8 pad[5];
};
KOI_ABI_STRUCT(struct koi_flow, 32);

// Map koi_flow_state, one entry: what happens when koi_flows is full. Written by koi_xdp.
struct koi_flow_state {
  __u64 full_ns;  // when it last could not take an entry; 0: never
  __u64 refused;  // how often, since the maps were made
};
KOI_ABI_STRUCT(struct koi_flow_state, 16);
