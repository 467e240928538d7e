// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Packets larger than the way to their backend: their sender is told what fits (RFC 1191, RFC
// 8201).
#pragma once

#include "forward/hop.h"
#include "forward/way.h"

enum {
  IP6_MTU_MIN = 1280,      // RFC 8200 5: less is told to nobody
  QUOTED_BY_ICMP = 128,    // RFC 1812 4.3.2.3: as much as fits 576 bytes is welcome, 28 suffice
  QUOTED_BY_ICMP6 = 1232,  // RFC 4443 2.4: an error of 1280 bytes in all
  CHECKSUM_STEP = 512,     // what bpf_csum_diff takes at once
};

struct icmp_error {
  __u8 type;
  __u8 code;
  __u16 check;
  __be32 mtu_be;  // of RFC 1191 the low half
};

// What an answer costs is little, but an attacker could have many sent: each CPU has a budget.
static __always_inline int may_answer(const struct koi_settings* settings) {
  const __u32 only = 0;
  struct koi_icmp_budget* budget = bpf_map_lookup_elem(&koi_icmp_budget, &only);
  if (!budget) return 0;
  const __u64 second = now_ns(settings) / 1000000000ULL;
  if (budget->second != second) {
    budget->second = second;
    budget->answers = 0;
  }
  if (budget->answers >= settings->icmp_per_second) return 0;
  budget->answers += 1;
  return 1;
}

static __always_inline enum koi_verdict tell_ip4(struct xdp_md* ctx, const struct packet* packet,
                                                 const struct headers* headers, __u32 mtu) {
  const int grow = sizeof(struct iphdr) + sizeof(struct icmp_error);
  const __u32 to_keep = packet->ip_offset + QUOTED_BY_ICMP;
  const struct ethhdr link = *headers->eth;
  if (bpf_xdp_adjust_tail(ctx, -(int)(packet->frame_bytes - to_keep))) return KOI_VERDICT_TOO_BIG;
  if (bpf_xdp_adjust_head(ctx, -grow)) return KOI_VERDICT_TOO_BIG;

  struct cursor frame = frame_of(ctx);
  if (!write_link_header(&frame, packet, link.h_source, link.h_dest, bpf_htons(ETH_P_IP))) {
    return KOI_VERDICT_TOO_BIG;
  }
  struct iphdr* ip = take(&frame, sizeof(*ip));
  if (!ip) return KOI_VERDICT_TOO_BIG;
  *ip = (struct iphdr){.version = 4,
                       .ihl = 5,
                       .tot_len = bpf_htons(grow + QUOTED_BY_ICMP),
                       .ttl = 64,
                       .protocol = IPPROTO_ICMP,
                       .saddr = packet->dst.words_be[3],
                       .daddr = packet->src.words_be[3]};
  ip->check = ~fold(sum_ip4(ip));
  struct icmp_error* icmp = take(&frame, sizeof(*icmp) + QUOTED_BY_ICMP);
  if (!icmp) return KOI_VERDICT_TOO_BIG;
  *icmp = (struct icmp_error){.type = 3, .code = 4, .mtu_be = bpf_htonl(mtu)};
  icmp->check = ~fold(bpf_csum_diff(NULL, 0, (__be32*)icmp, sizeof(*icmp) + QUOTED_BY_ICMP, 0));
  return KOI_VERDICT_TOO_BIG_TOLD;
}

// Of ICMPv6 with its pseudo header (RFC 8200 8.1).
static __always_inline __u16 checksum_icmp6(struct icmp_error* icmp, const struct ipv6hdr* ip) {
  __be32* at = (__be32*)icmp;
  __s64 sum = bpf_csum_diff(NULL, 0, (__be32*)&ip->saddr, 32, 0);
  sum = bpf_csum_diff(NULL, 0, at, CHECKSUM_STEP, sum);
  sum = bpf_csum_diff(NULL, 0, at + CHECKSUM_STEP / 4, CHECKSUM_STEP, sum);
  sum = bpf_csum_diff(NULL, 0, at + CHECKSUM_STEP / 2,
                      sizeof(*icmp) + QUOTED_BY_ICMP6 - 2 * CHECKSUM_STEP, sum);
  return ~fold((__u32)sum + (__u64)bpf_htonl(sizeof(*icmp) + QUOTED_BY_ICMP6) +
               bpf_htonl(IPPROTO_ICMPV6));
}

static __always_inline enum koi_verdict tell_ip6(struct xdp_md* ctx, const struct packet* packet,
                                                 const struct headers* headers, __u32 mtu) {
  const int grow = sizeof(struct ipv6hdr) + sizeof(struct icmp_error);
  const __u32 to_keep = packet->ip_offset + QUOTED_BY_ICMP6;
  const struct ethhdr link = *headers->eth;
  if (bpf_xdp_adjust_tail(ctx, -(int)(packet->frame_bytes - to_keep))) return KOI_VERDICT_TOO_BIG;
  if (bpf_xdp_adjust_head(ctx, -grow)) return KOI_VERDICT_TOO_BIG;

  struct cursor frame = frame_of(ctx);
  if (!write_link_header(&frame, packet, link.h_source, link.h_dest, bpf_htons(ETH_P_IPV6))) {
    return KOI_VERDICT_TOO_BIG;
  }
  struct ipv6hdr* ip = take(&frame, sizeof(*ip));
  if (!ip) return KOI_VERDICT_TOO_BIG;
  *(__be32*)ip = bpf_htonl(6U << 28);
  ip->payload_len = bpf_htons(sizeof(struct icmp_error) + QUOTED_BY_ICMP6);
  ip->nexthdr = IPPROTO_ICMPV6;
  ip->hop_limit = 64;
  __builtin_memcpy(&ip->saddr, &packet->dst, sizeof(packet->dst));
  __builtin_memcpy(&ip->daddr, &packet->src, sizeof(packet->src));
  struct icmp_error* icmp = take(&frame, sizeof(*icmp) + QUOTED_BY_ICMP6);
  if (!icmp) return KOI_VERDICT_TOO_BIG;
  *icmp = (struct icmp_error){.type = 2, .mtu_be = bpf_htonl(mtu)};
  icmp->check = checksum_icmp6(icmp, ip);
  return KOI_VERDICT_TOO_BIG_TOLD;
}

// For a packet that is larger than `mtu`, which is what the way leaves it.
static __always_inline enum koi_verdict refuse_too_big(struct xdp_md* ctx,
                                                       const struct packet* packet,
                                                       const struct headers* headers,
                                                       const struct choice* choice, __u32 mtu) {
  if (choice->dry || packet->about || packet->later_fragment) return KOI_VERDICT_TOO_BIG;
  if (packet->is_ip6) {
    if (packet->ip_bytes <= IP6_MTU_MIN || !may_answer(choice->settings))
      return KOI_VERDICT_TOO_BIG;
    return tell_ip6(ctx, packet, headers, mtu < IP6_MTU_MIN ? IP6_MTU_MIN : mtu);
  }
  const struct iphdr* ip = headers->ip;
  if (!(ip->frag_off & bpf_htons(0x4000)) || packet->ip_bytes < QUOTED_BY_ICMP ||
      !may_answer(choice->settings)) {
    return KOI_VERDICT_TOO_BIG;
  }
  return tell_ip4(ctx, packet, headers, mtu);
}
