// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a packet must be to be sent one hop further, and what that changes in it.
#pragma once

#include "packet/checksum.h"
#include "packet/packet.h"

// Never repaired by the change of its hop count, so a wrong one must be found before.
static __always_inline int has_bad_checksum(struct xdp_md* ctx, const struct packet* packet,
                                            const struct iphdr* ip) {
  if (packet->header_bytes > sizeof(struct iphdr)) {
    return koi_sum_header(ctx, packet->ip_offset, packet->header_bytes) != 0xffff;
  }
  return fold(sum_ip4(ip)) != 0xffff;
}

// Backends are one hop further, so that packets that go round between two hosts end.
static __always_inline enum koi_verdict judge_hop(struct xdp_md* ctx, const struct packet* packet,
                                                  const void* header) {
  if (packet->is_ip6) {
    const struct ipv6hdr* ip = header;
    if (ip->hop_limit <= 1) return KOI_VERDICT_TTL_EXPIRED;
    return packet->no_checksum ? KOI_VERDICT_NO_UDP_CHECKSUM : KOI_UNDECIDED;
  }
  const struct iphdr* ip = header;
  if (has_bad_checksum(ctx, packet, ip)) return KOI_VERDICT_BAD_IP_CHECKSUM;
  return ip->ttl <= 1 ? KOI_VERDICT_TTL_EXPIRED : KOI_UNDECIDED;
}

static __always_inline void count_hop(const struct packet* packet, void* header) {
  if (packet->is_ip6) {
    struct ipv6hdr* ip = header;
    ip->hop_limit -= 1;
  } else {
    decrement_ttl(header);
  }
}
