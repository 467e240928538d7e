// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// ICMP and ICMPv6 for a VIP: an error is about a packet that a backend, or a worker, has sent from
// the VIP. It quotes that packet, so it can go where the flow goes.
#pragma once

#include <koi/abi/vip.h>

#include "packet/parse.h"

enum icmp_kind { ICMP_ASKS, ICMP_IS_ABOUT_A_PACKET, ICMP_IS_REFUSED };

static __always_inline enum icmp_kind icmp_kind_of(__u8 type, int is_ip6) {
  if (is_ip6) {
    if (type >= 1 && type <= 4) return ICMP_IS_ABOUT_A_PACKET;
    return type == 137 ? ICMP_IS_REFUSED : ICMP_ASKS;  // redirect
  }
  switch (type) {
    case 3:
    case 11:
    case 12: return ICMP_IS_ABOUT_A_PACKET;
    case 4:                          // source quench (RFC 6633)
    case 5: return ICMP_IS_REFUSED;  // redirect
    default: return ICMP_ASKS;
  }
}

// The quoted packet's IP header. Its transport protocol, or 0 where it is none whose ports are
// there; then `client` is where it went.
static __always_inline __u8 read_quoted_ip4(struct cursor* rest, const struct packet* packet,
                                            struct koi_addr* client) {
  const struct iphdr* ip = take(rest, sizeof(*ip));
  if (!ip || ip->version != 4 || ip->saddr != packet->dst.words_be[3]) return 0;
  if (ip->ihl < 5 || ip->frag_off & bpf_htons(0x1fff)) return 0;
  const __u8 protocol = ip->protocol;
  *client = mapped(ip->daddr);
  const __u32 option_bytes = (ip->ihl * 4 - sizeof(*ip)) & 0x3c;
  return take(rest, option_bytes) ? protocol : 0;
}

static __always_inline __u8 read_quoted_ip6(struct cursor* rest, const struct packet* packet,
                                            struct koi_addr* client) {
  const struct ipv6hdr* ip = take(rest, sizeof(*ip));
  if (!ip || ip->version != 6) return 0;
  struct koi_addr from;
  __builtin_memcpy(&from, &ip->saddr, sizeof(from));
  if (!is_same(&from, &packet->dst)) return 0;
  __builtin_memcpy(client, &ip->daddr, sizeof(*client));
  return ip->nexthdr;
}

// Leaves addresses and ports of the flow as the client's packets have them: the quoted packet went
// the other way. Eight bytes behind the quoted header are enough (RFC 792).
static __always_inline enum koi_verdict parse_icmp(struct cursor* rest, struct packet* out,
                                                   const struct koi_vip* vip) {
  const void* start = rest->at;
  const __u8* icmp = take(rest, 8);
  if (!icmp) return KOI_VERDICT_TRUNCATED;
  switch (icmp_kind_of(icmp[0], out->is_ip6)) {
    case ICMP_ASKS: return KOI_VERDICT_ICMP_LOCAL;
    case ICMP_IS_REFUSED: return KOI_VERDICT_BAD_ICMP;
    case ICMP_IS_ABOUT_A_PACKET: break;
  }
  if (!(vip->flags & KOI_VIP_L4)) return KOI_VERDICT_ICMP_LOCAL;
  if (out->ip_bytes > out->present_bytes) return KOI_VERDICT_BAD_HEADER;

  const enum koi_verdict about_nothing =
      vip->flags & KOI_VIP_LOCAL ? KOI_VERDICT_ICMP_LOCAL : KOI_VERDICT_BAD_ICMP;
  if (out->fragment) return about_nothing;
  struct koi_addr client = {};
  const __u8 protocol =
      out->is_ip6 ? read_quoted_ip6(rest, out, &client) : read_quoted_ip4(rest, out, &client);
  if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) return about_nothing;
  const __be16* ports = take(rest, 8);
  if (!ports) return about_nothing;
  // What is behind the packet in a frame of minimal size is no quote.
  if (out->header_bytes + (__u32)(rest->at - start) > out->ip_bytes) return about_nothing;

  out->about = 1;
  out->protocol = protocol;
  out->src = client;
  out->src_port = bpf_ntohs(ports[1]);
  out->dst_port = bpf_ntohs(ports[0]);
  return KOI_UNDECIDED;
}
