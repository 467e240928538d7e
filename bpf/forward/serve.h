// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A packet of an l4 service, from its pool to the wire.
#pragma once

#include "balance/explain.h"
#include "balance/fragments.h"
#include "balance/ring.h"
#include "forward/forward.h"
#include "steer/vip.h"

static __always_inline void count_new_flow(const struct packet* packet) {
  struct koi_vip_stats* stats = bpf_map_lookup_elem(&koi_vip_stats, &packet->vip_number);
  if (stats) stats->new_flows += 1;
}

// Global, so that the verifier walks it once, and not once for each kind of packet that gets here:
// 316,000 instructions and 0.6 s to load on 6.18 else. A fragment of which the first piece is
// unknown is FRAGMENT_UNKNOWN, whatever else the VIP serves.
__noinline enum koi_verdict koi_serve_l4(struct xdp_md* ctx, struct packet* packet) {
  if (!packet) return KOI_VERDICT_TRUNCATED;
  struct choice choice = {
      .settings = find_settings(), .pool_number = packet->pool, .dry = packet->dry};
  if (!choice.settings) return KOI_VERDICT_NO_BACKEND;
  if (packet->later_fragment) {
    if (!follow_fragment(packet, &choice)) return KOI_VERDICT_FRAGMENT_UNKNOWN;
    return forward(ctx, packet, &choice);
  }
  choice.pool = bpf_map_lookup_elem(&koi_pools, &choice.pool_number);
  if (!choice.pool) return KOI_VERDICT_NO_BACKEND;
  choose_backend(packet, &choice);
  if (choice.dry) {
    explain_choice(packet, &choice);
  } else {
    note_fragment(packet, &choice);
    if (choice.is_new) count_new_flow(packet);
  }
  return forward(ctx, packet, &choice);
}
