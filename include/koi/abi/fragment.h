// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_frags, an LRU hash: which backend the first fragment of a packet went to, so that the
// others, which have no ports, follow it. Written and read by koi_xdp.
#pragma once

#include <koi/abi/abi.h>

// What IPv4 (RFC 791) or IPv6 (RFC 8200 4.5) tells fragments of different packets apart by.
struct koi_frag_key {
  struct koi_addr src;
  struct koi_addr dst;
  __be32 id_be;
  __u8 protocol;
  __u8 pad[3];
};
KOI_ABI_STRUCT(struct koi_frag_key, 40);

struct koi_frag {
  __u64 made_ns;
  __u16 pool;
  __u16 backend;
  __u32 pad;
};
KOI_ABI_STRUCT(struct koi_frag, 16);
