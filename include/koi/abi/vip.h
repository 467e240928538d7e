// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_vips: which addresses koi answers for, and the number of each.
// Written by koi-manager. Read by koi_xdp on every packet, and by koi_sk_lookup.
// The address alone: a fragment or an ICMP error has no port, and a packet for no VIP costs one
// lookup.
#pragma once

#include <koi/abi/abi.h>
#include <koi/abi/limits.h>

struct koi_vip_key {
  struct koi_addr addr;
};
KOI_ABI_STRUCT(struct koi_vip_key, 16);

// What services a VIP has, so that what has no port is treated as they need it.
enum koi_vip_flags {
  KOI_VIP_LOCAL = 1,     // one that a worker of this host serves
  KOI_VIP_L4 = 2,        // one that koi_xdp forwards
  KOI_VIP_ANY_PORT = 4,  // one for port 0 of koi_services
};

struct koi_vip {
  __u32 number;      // of this VIP, from 0; names it in koi_services and koi_vip_stats
  __u32 group;       // number of its group, index into koi_gates
  __u32 flags;       // of koi_vip_flags
  char address[48];  // as people write it
};
KOI_ABI_STRUCT(struct koi_vip, 60);

// Map koi_vip_stats: what arrived for each VIP, by VIP number; one copy a CPU.
// Written by koi_xdp. Read by koi-manager.
struct koi_vip_stats {
  __u64 packets;
  __u64 bytes;
  __u64 new_flows;  // of its l4 services, as koi_forwarded counts them
};
KOI_ABI_STRUCT(struct koi_vip_stats, 24);
