// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// IP in IP: the packet whole, inside one to the backend. RFC 2003 (4 in 4), RFC 2473 (in 6), RFC
// 4213 (6 in 4); ECN by RFC 6040, DSCP copied (RFC 2983).
#pragma once

#include "forward/hop.h"
#include "forward/way.h"

enum { TUNNEL_HOPS = 64 };

static __always_inline int is_in_ip4(const struct koi_backend* backend) {
  return is_mapped(&backend->addr);
}

static __always_inline __u32 tunnel_bytes(const struct koi_backend* backend) {
  return is_in_ip4(backend) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

// DSCP and ECN of the packet, as IPv4 has them.
static __always_inline __u8 traffic_class(const struct packet* packet, const void* header) {
  if (!packet->is_ip6) return ((const struct iphdr*)header)->tos;
  return bpf_ntohl(*(const __be32*)header) >> 20;
}

static __always_inline void write_outer_ip4(struct iphdr* outer, const struct packet* packet,
                                            const struct choice* choice,
                                            const struct koi_backend* backend, __u8 tos) {
  const struct koi_tunnel_source* source = &choice->settings->tunnel4;
  const __u32 spread = source->spread;
  outer->version = 4;
  outer->ihl = 5;
  outer->tos = tos;
  outer->tot_len = bpf_htons(packet->ip_bytes + sizeof(*outer));
  outer->id = 0;  // nobody may cut it, so nobody must tell pieces apart (RFC 6864)
  outer->frag_off = bpf_htons(0x4000);
  outer->ttl = TUNNEL_HOPS;
  outer->protocol = packet->is_ip6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
  outer->check = 0;
  outer->saddr = source->addr.words_be[3] | bpf_htonl(choice->hash & spread);
  outer->daddr = backend->addr.words_be[3];
  outer->check = ~fold(sum_ip4(outer));
}

static __always_inline void write_outer_ip6(struct ipv6hdr* outer, const struct packet* packet,
                                            const struct choice* choice,
                                            const struct koi_backend* backend, __u8 tos) {
  const struct koi_tunnel_source* source = &choice->settings->tunnel6;
  struct koi_addr from = source->addr;
  from.words_be[3] |= bpf_htonl(choice->hash & source->spread);
  // A flow label that is the same for a flow's packets alone (RFC 6437).
  *(__be32*)outer = bpf_htonl(6U << 28 | (__u32)tos << 20 | (choice->hash & 0xfffff));
  outer->payload_len = bpf_htons(packet->ip_bytes);
  outer->nexthdr = packet->is_ip6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
  outer->hop_limit = TUNNEL_HOPS;
  __builtin_memcpy(&outer->saddr, &from, sizeof(from));
  __builtin_memcpy(&outer->daddr, &backend->addr, sizeof(backend->addr));
}

static __always_inline int has_source(const struct koi_tunnel_source* source) {
  return !!(source->addr.words_be[0] | source->addr.words_be[1] | source->addr.words_be[3]);
}

// Takes away what stands behind the packet in a frame of minimal size.
static __always_inline int trim(struct xdp_md* ctx, const struct packet* packet) {
  if (packet->present_bytes <= packet->ip_bytes) return 1;
  return !bpf_xdp_adjust_tail(ctx, -(int)(packet->present_bytes - packet->ip_bytes));
}

static __always_inline enum koi_verdict forward_ipip(struct xdp_md* ctx,
                                                     const struct packet* packet,
                                                     const struct headers* headers,
                                                     const struct choice* choice,
                                                     const struct koi_backend* backend) {
  const int in_ip4 = is_in_ip4(backend);
  if (!has_source(in_ip4 ? &choice->settings->tunnel4 : &choice->settings->tunnel6)) {
    return KOI_VERDICT_BACKEND_UNRESOLVED;
  }
  const __u8 tos = traffic_class(packet, headers->ip);
  count_hop(packet, headers->ip);
  if (!trim(ctx, packet)) return KOI_VERDICT_TOO_BIG;
  const int grow = in_ip4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
  if (bpf_xdp_adjust_head(ctx, -grow)) return KOI_VERDICT_TOO_BIG;

  struct cursor frame = frame_of(ctx);
  if (!write_link_header(&frame, packet, backend->to_mac, backend->from_mac,
                         in_ip4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6))) {
    return KOI_VERDICT_TRUNCATED;
  }
  if (in_ip4) {
    struct iphdr* outer = take(&frame, sizeof(*outer));
    if (!outer) return KOI_VERDICT_TRUNCATED;
    write_outer_ip4(outer, packet, choice, backend, tos);
  } else {
    struct ipv6hdr* outer = take(&frame, sizeof(*outer));
    if (!outer) return KOI_VERDICT_TRUNCATED;
    write_outer_ip6(outer, packet, choice, backend, tos);
  }
  return send(ctx, backend);
}
