// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The way to a backend: whether there is one, and sending there.
#pragma once

#include "balance/choice.h"
#include "packet/link.h"

static __always_inline enum koi_verdict judge_way(const struct koi_backend* backend) {
  if (!backend->egress_ifindex) return KOI_VERDICT_BACKEND_UNRESOLVED;
  if (backend->egress_ifindex == KOI_EGRESS_HERE) return KOI_VERDICT_BACKEND_HERE;
  return KOI_UNDECIDED;
}

static __always_inline void write_macs(struct ethhdr* eth, const struct koi_backend* backend) {
  __builtin_memcpy(eth->h_dest, backend->to_mac, ETH_ALEN);
  __builtin_memcpy(eth->h_source, backend->from_mac, ETH_ALEN);
}

static __always_inline enum koi_verdict send(const struct xdp_md* ctx,
                                             const struct koi_backend* backend) {
  if (backend->egress_ifindex == ctx->ingress_ifindex) return KOI_VERDICT_FORWARDED;
  if (bpf_redirect_map(&koi_devices, backend->egress_ifindex, XDP_DROP) != XDP_REDIRECT) {
    return KOI_VERDICT_BACKEND_UNRESOLVED;
  }
  return KOI_VERDICT_FORWARDED_ELSEWHERE;
}
