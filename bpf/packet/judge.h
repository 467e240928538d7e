// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reads the rest of a packet for a VIP, where each header is judged, and leaves its ports, or says
// why not.
#pragma once

#include <koi/abi/settings.h>
#include <koi/abi/vip.h>

#include "packet/icmp.h"
#include "packet/walk.h"

// Addresses that RFC 6890 lets nobody send from; the VIP itself, which would answer itself; and our
// own, whose packets do not come from outside.
static __always_inline int is_bad_source(const struct packet* packet,
                                         const struct koi_settings* settings) {
  const __be32* src = packet->src.words_be;
  if (is_same(&packet->src, &packet->dst)) return 1;
  if (packet->is_ip6) {
    const int starts_with_zeros = !src[0] && !src[1] && !src[2];
    return (src[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000) || is_mapped(&packet->src) ||
           (starts_with_zeros && (!src[3] || src[3] == bpf_htonl(1))) ||
           is_same(&packet->src, &settings->own_ip6);
  }
  const __u32 first_byte = bpf_ntohl(src[3]) >> 24;
  return first_byte == 0 || first_byte == 127 || first_byte >= 224 ||
         src[3] == settings->own_ip4.words_be[3];
}

static __always_inline enum koi_verdict judge_ip(const struct packet* packet,
                                                 const struct koi_settings* settings) {
  if (packet->version != (packet->is_ip6 ? 6 : 4)) return KOI_VERDICT_BAD_HEADER;
  if (packet->header_bytes < sizeof(struct iphdr)) return KOI_VERDICT_BAD_HEADER;
  if (packet->ip_bytes < packet->header_bytes) return KOI_VERDICT_BAD_HEADER;
  if (packet->header_bytes > packet->present_bytes) return KOI_VERDICT_TRUNCATED;
  if (is_bad_source(packet, settings)) return KOI_VERDICT_BAD_SOURCE;
  return KOI_UNDECIDED;
}

// Every segment but the first and a reset carries ACK (RFC 9293 3.10); no sender opens and ends a
// connection in one.
static __always_inline int has_bad_flags(const struct tcphdr* tcp) {
  if (tcp->syn) return tcp->fin || tcp->rst;
  return !tcp->ack && !tcp->rst;
}

static __always_inline enum koi_verdict parse_tcp(struct cursor* rest, struct packet* out) {
  const struct tcphdr* tcp = take(rest, sizeof(*tcp));
  if (!tcp) return out->fragment ? KOI_VERDICT_TINY_FRAGMENT : KOI_VERDICT_TRUNCATED;

  const __u32 tcp_bytes = tcp->doff * 4;
  if (tcp_bytes < sizeof(*tcp)) return KOI_VERDICT_BAD_HEADER;
  if (out->header_bytes + tcp_bytes > out->present_bytes) return KOI_VERDICT_TRUNCATED;
  if (out->header_bytes + tcp_bytes > out->ip_bytes) {
    return out->fragment ? KOI_VERDICT_TINY_FRAGMENT : KOI_VERDICT_BAD_HEADER;
  }
  if (out->ip_bytes > out->present_bytes) return KOI_VERDICT_BAD_HEADER;
  if (has_bad_flags(tcp)) return KOI_VERDICT_BAD_FLAGS;

  out->src_port = bpf_ntohs(tcp->source);
  out->dst_port = bpf_ntohs(tcp->dest);
  out->opens = tcp->syn && !tcp->ack;
  out->sequence_be = tcp->seq;
  return KOI_UNDECIDED;
}

static __always_inline enum koi_verdict parse_udp(struct cursor* rest, struct packet* out) {
  const struct udphdr* udp = take(rest, sizeof(*udp));
  if (!udp) return out->fragment ? KOI_VERDICT_TINY_FRAGMENT : KOI_VERDICT_TRUNCATED;

  if (out->header_bytes + sizeof(*udp) > out->ip_bytes) {
    return out->fragment ? KOI_VERDICT_TINY_FRAGMENT : KOI_VERDICT_BAD_HEADER;
  }
  if (out->ip_bytes > out->present_bytes) return KOI_VERDICT_BAD_HEADER;
  const __u32 udp_bytes = bpf_ntohs(udp->len);
  if (udp_bytes < sizeof(*udp)) return KOI_VERDICT_BAD_HEADER;
  if (!out->fragment && out->header_bytes + udp_bytes > out->ip_bytes) {
    return KOI_VERDICT_BAD_HEADER;
  }
  out->src_port = bpf_ntohs(udp->source);
  out->dst_port = bpf_ntohs(udp->dest);
  out->no_checksum = !udp->check;
  return KOI_UNDECIDED;
}

// What has options, extension headers, or came in pieces. Where no l4 service is, the kernel reads
// all that, and reassembles.
static __always_inline enum koi_verdict judge_more(struct xdp_md* ctx, struct cursor* rest,
                                                   struct packet* out, const struct koi_vip* vip) {
  if (!(vip->flags & KOI_VIP_L4)) {
    return out->fragment_be || out->protocol == IPPROTO_FRAGMENT ? KOI_VERDICT_FRAGMENT_LOCAL
                                                                 : KOI_VERDICT_OPTIONS_LOCAL;
  }
  const enum koi_verdict verdict = walk_headers(ctx, rest, out);
  if (verdict != KOI_VERDICT_TOO_MANY_HEADERS) return verdict;
  return vip->flags & KOI_VIP_LOCAL ? KOI_VERDICT_OPTIONS_LOCAL : verdict;
}

static __always_inline enum koi_verdict parse_rest(struct xdp_md* ctx, struct cursor* rest,
                                                   struct packet* out, const struct koi_vip* vip,
                                                   const struct koi_settings* settings) {
  enum koi_verdict verdict = judge_ip(out, settings);
  if (verdict == KOI_UNDECIDED && out->has_more) verdict = judge_more(ctx, rest, out, vip);
  if (verdict != KOI_UNDECIDED) return verdict;
  if (out->later_fragment) {
    return out->ip_bytes > out->present_bytes ? KOI_VERDICT_BAD_HEADER : KOI_UNDECIDED;
  }
  switch (out->protocol) {
    case IPPROTO_TCP: return parse_tcp(rest, out);
    case IPPROTO_UDP:
      if (!(vip->flags & KOI_VIP_L4)) return KOI_VERDICT_OTHER_PROTOCOL;
      return parse_udp(rest, out);
    case IPPROTO_ICMP: return out->is_ip6 ? KOI_VERDICT_OTHER_PROTOCOL : parse_icmp(rest, out, vip);
    case IPPROTO_ICMPV6:
      return out->is_ip6 ? parse_icmp(rest, out, vip) : KOI_VERDICT_OTHER_PROTOCOL;
    default: return KOI_VERDICT_OTHER_PROTOCOL;
  }
}
