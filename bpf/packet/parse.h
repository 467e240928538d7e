// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reads a frame into a struct packet, in two steps: up to the destination, where nothing may be
// dropped because nothing is known to be ours; and, for a VIP, the rest, where each header is
// judged.
#pragma once

#include <koi/abi/verdict.h>

#include "base.h"

struct packet {
  struct koi_addr src;
  struct koi_addr dst;
  __u8 to_mac[ETH_ALEN];
  __u8 is_ip6;   // by the frame's type
  __u8 version;  // by the IP header, which may lie
  __u8 protocol;
  __u8 opens;           // SYN without ACK: a new connection
  __u16 fragment;       // 0: whole
  __u32 header_bytes;   // of the IP header with its options, as it says
  __u32 ip_bytes;       // of the IP header and what follows, as it says
  __u32 frame_bytes;    // of the whole frame
  __u32 present_bytes;  // of the frame from the IP header on, padding included
  __u16 src_port;
  __u16 dst_port;
};

static __always_inline struct koi_addr mapped(__be32 ip4) {
  return (struct koi_addr){.words_be = {0, 0, bpf_htonl(0xffff), ip4}};
}

static __always_inline int is_mapped(const struct koi_addr* addr) {
  return !addr->words_be[0] && !addr->words_be[1] && addr->words_be[2] == bpf_htonl(0xffff);
}

static __always_inline enum koi_verdict parse_ip4(struct cursor* rest, struct packet* out) {
  struct iphdr* ip = take(rest, sizeof(*ip));
  if (!ip) return KOI_VERDICT_UNREADABLE;  // passes: until we know the destination, nothing is ours

  out->src = mapped(ip->saddr);
  out->dst = mapped(ip->daddr);
  out->version = ip->version;
  out->protocol = ip->protocol;
  out->header_bytes = ip->ihl * 4;  // judged after the VIP lookup, with the rest of the header
  out->ip_bytes = bpf_ntohs(ip->tot_len);
  out->fragment = ip->frag_off & bpf_htons(0x3fff);  // "more follow", or an offset
  return KOI_UNDECIDED;
}

static __always_inline enum koi_verdict parse_ip6(struct cursor* rest, struct packet* out) {
  struct ipv6hdr* ip = take(rest, sizeof(*ip));
  if (!ip) return KOI_VERDICT_UNREADABLE;

  __builtin_memcpy(&out->src, &ip->saddr, sizeof(out->src));
  __builtin_memcpy(&out->dst, &ip->daddr, sizeof(out->dst));
  // ::ffff:10.0.0.1 on the wire is not the VIP 10.0.0.1, though koi_vips writes that one alike.
  if (is_mapped(&out->dst)) return KOI_VERDICT_NOT_OURS;
  out->is_ip6 = 1;
  out->version = ip->version;
  out->protocol = ip->nexthdr;
  out->header_bytes = sizeof(*ip);
  out->ip_bytes = sizeof(*ip) + bpf_ntohs(ip->payload_len);
  out->fragment = ip->nexthdr == IPPROTO_FRAGMENT;
  return KOI_UNDECIDED;
}

// Step one. It does not look behind a VLAN tag: what the NIC has not stripped is not ours.
static __always_inline enum koi_verdict parse_destination(struct cursor* rest, struct packet* out) {
  out->frame_bytes = rest->end - rest->at;
  struct ethhdr* eth = take(rest, sizeof(*eth));
  if (!eth) return KOI_VERDICT_UNREADABLE;

  __builtin_memcpy(out->to_mac, eth->h_dest, ETH_ALEN);
  out->present_bytes = rest->end - rest->at;
  if (eth->h_proto == bpf_htons(ETH_P_IP)) return parse_ip4(rest, out);
  if (eth->h_proto == bpf_htons(ETH_P_IPV6)) return parse_ip6(rest, out);
  return KOI_VERDICT_NOT_IP;
}

// Addresses that RFC 6890 lets nobody send from, and the VIP itself, which would answer itself.
static __always_inline int is_bad_source(const struct packet* packet) {
  const __be32* src = packet->src.words_be;
  const __be32* dst = packet->dst.words_be;
  if (src[0] == dst[0] && src[1] == dst[1] && src[2] == dst[2] && src[3] == dst[3]) return 1;
  if (packet->is_ip6) {
    const int starts_with_zeros = !src[0] && !src[1] && !src[2];
    return (src[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000) || is_mapped(&packet->src) ||
           (starts_with_zeros && (!src[3] || src[3] == bpf_htonl(1)));
  }
  const __u32 first_byte = bpf_ntohl(src[3]) >> 24;
  return first_byte == 0 || first_byte == 127 || first_byte >= 224;
}

static __always_inline int is_extension_header(__u8 protocol) {
  switch (protocol) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_AH:
    case IPPROTO_DSTOPTS:
    case 135:  // mobility (RFC 6275)
    case 139:  // host identity (RFC 7401)
    case 140:  // shim6 (RFC 5533)
      return 1;
    default: return 0;
  }
}

static __always_inline enum koi_verdict judge_ip(const struct packet* packet) {
  if (packet->version != (packet->is_ip6 ? 6 : 4)) return KOI_VERDICT_BAD_HEADER;
  if (packet->header_bytes < sizeof(struct iphdr)) return KOI_VERDICT_BAD_HEADER;
  if (packet->ip_bytes < packet->header_bytes) return KOI_VERDICT_BAD_HEADER;
  if (packet->header_bytes > packet->present_bytes) return KOI_VERDICT_TRUNCATED;
  if (is_bad_source(packet)) return KOI_VERDICT_BAD_SOURCE;

  if (packet->fragment) return KOI_VERDICT_FRAGMENT_LOCAL;
  if (!packet->is_ip6 && packet->header_bytes > sizeof(struct iphdr)) {
    return KOI_VERDICT_OPTIONS_LOCAL;
  }
  if (packet->is_ip6 && is_extension_header(packet->protocol)) return KOI_VERDICT_OPTIONS_LOCAL;
  if (packet->protocol != IPPROTO_TCP) return KOI_VERDICT_OTHER_PROTOCOL;
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
  if (!tcp) return KOI_VERDICT_TRUNCATED;

  const __u32 tcp_bytes = tcp->doff * 4;
  if (tcp_bytes < sizeof(*tcp)) return KOI_VERDICT_BAD_HEADER;
  if (out->header_bytes + tcp_bytes > out->present_bytes) return KOI_VERDICT_TRUNCATED;
  if (out->header_bytes + tcp_bytes > out->ip_bytes) return KOI_VERDICT_BAD_HEADER;
  if (out->ip_bytes > out->present_bytes) return KOI_VERDICT_BAD_HEADER;
  if (has_bad_flags(tcp)) return KOI_VERDICT_BAD_FLAGS;

  out->src_port = bpf_ntohs(tcp->source);
  out->dst_port = bpf_ntohs(tcp->dest);
  out->opens = tcp->syn && !tcp->ack;
  return KOI_UNDECIDED;
}

// Step two, for a VIP. Leaves the ports in `out`, or says why not.
static __always_inline enum koi_verdict parse_rest(struct cursor* rest, struct packet* out) {
  const enum koi_verdict verdict = judge_ip(out);
  if (verdict != KOI_UNDECIDED) return verdict;
  return parse_tcp(rest, out);
}
