// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// From a packet and its backend to the wire.
#pragma once

#include "forward/dsr.h"
#include "forward/ipip.h"
#include "forward/too_big.h"

static __always_inline void count_forwarded(const struct packet* packet,
                                            const struct choice* choice) {
  struct koi_forwarded* forwarded = bpf_map_lookup_elem(&koi_forwarded, &choice->backend);
  if (!forwarded) return;
  forwarded->packets += 1;
  forwarded->bytes += packet->frame_bytes;
  forwarded->new_flows += choice->is_new;
}

static __always_inline enum koi_verdict forward(struct xdp_md* ctx, const struct packet* packet,
                                                const struct choice* choice) {
  const struct koi_backend* backend = find_backend(choice->backend);
  if (!choice->backend || !backend) return KOI_VERDICT_NO_BACKEND;
  struct headers headers;
  if (!find_headers(ctx, packet, &headers)) return KOI_VERDICT_TRUNCATED;
  enum koi_verdict verdict = judge_way(backend);
  if (verdict == KOI_UNDECIDED) verdict = judge_hop(ctx, packet, headers.ip);
  if (verdict != KOI_UNDECIDED) return verdict;

  const int in_tunnel = choice->pool->forward == KOI_FORWARD_IPIP;
  const __u32 more = in_tunnel ? tunnel_bytes(backend) : 0;
  if (packet->ip_bytes + more > backend->mtu) {
    return refuse_too_big(ctx, packet, &headers, choice, backend->mtu - more);
  }
  if (choice->dry) {
    return backend->egress_ifindex == ctx->ingress_ifindex ? KOI_VERDICT_FORWARDED
                                                           : KOI_VERDICT_FORWARDED_ELSEWHERE;
  }
  count_forwarded(packet, choice);
  return in_tunnel ? forward_ipip(ctx, packet, &headers, choice, backend)
                   : forward_dsr(ctx, packet, &headers, backend);
}
