// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_pools: how each l4 pool forwards, by number of the pool.
// Written by koi-manager. Read by koi_xdp.
#pragma once

#include <koi/abi/abi.h>
#include <koi/abi/limits.h>

enum koi_forward {
  KOI_FORWARD_NONE,  // the entry is free, or of a pool that workers use
  KOI_FORWARD_DSR,   // to the backend's MAC, on a network it shares with this host
  KOI_FORWARD_IPIP,  // in an IP packet to the backend (RFC 2003, RFC 2473, RFC 4213)
};

enum koi_affinity {
  KOI_AFFINITY_FLOW,    // by addresses, protocol and ports
  KOI_AFFINITY_SOURCE,  // by the client's address alone
};

// What becomes of the flows of a backend that is down.
enum koi_on_down {
  KOI_ON_DOWN_LEAVE,  // they go to another one
  KOI_ON_DOWN_KEEP,   // they stay
};

struct koi_pool {
  enum koi_forward forward;
  enum koi_affinity affinity;
  enum koi_on_down on_down;
  __u32 ring_slots;  // of its arrays in koi_rings and koi_slots
  char name[KOI_NAME_BYTES];
};
KOI_ABI_STRUCT(struct koi_pool, 48);
