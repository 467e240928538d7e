// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reads a frame up to the destination of its IP header. Nothing may be dropped here, because
// nothing is known to be ours yet.
#pragma once

#include "packet/packet.h"

static __always_inline enum koi_verdict parse_ip4(struct cursor* rest, struct packet* out) {
  struct iphdr* ip = take(rest, sizeof(*ip));
  if (!ip) return KOI_VERDICT_UNREADABLE;  // passes: until we know the destination, nothing is ours

  out->src = mapped(ip->saddr);
  out->dst = mapped(ip->daddr);
  out->is_ip6 = 0;
  out->version = ip->version;
  out->protocol = ip->protocol;
  out->header_bytes = ip->ihl * 4;  // judged after the VIP lookup, with the rest of the header
  out->ip_bytes = bpf_ntohs(ip->tot_len);
  out->fragment_be = ip->frag_off & bpf_htons(0x3fff);  // "more follow", or an offset
  out->has_more = out->header_bytes > sizeof(*ip) || out->fragment_be;
  return KOI_UNDECIDED;
}

static __always_inline int is_extension_header(__u8 protocol) {
  switch (protocol) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_FRAGMENT:
    case IPPROTO_AH:
    case IPPROTO_DSTOPTS:
    case 135:  // mobility (RFC 6275)
    case 139:  // host identity (RFC 7401)
    case 140:  // shim6 (RFC 5533)
      return 1;
    default: return 0;
  }
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
  out->has_more = is_extension_header(ip->nexthdr);
  out->fragment_be = 0;
  return KOI_UNDECIDED;
}

static __always_inline int is_vlan(__be16 type_be) {
  return type_be == bpf_htons(ETH_P_8021Q) || type_be == bpf_htons(ETH_P_8021AD);
}

// Tags that the NIC has not stripped: noted, since they must be there again when the frame leaves.
static __always_inline __be16 parse_tags(struct cursor* rest, struct packet* out, __be16 type_be) {
  for (__u32 i = 0; i < VLAN_TAGS_MAX && is_vlan(type_be); ++i) {
    const __be16* tag = take(rest, 2 * sizeof(*tag));
    if (!tag) return 0;
    out->tags[i].protocol_be = type_be;
    out->tags[i].control_be = tag[0];
    out->vlan_tags = i + 1;
    type_be = tag[1];
  }
  return type_be;
}

static __always_inline enum koi_verdict parse_destination(struct cursor* rest, struct packet* out) {
  const void* start = rest->at;
  struct ethhdr* eth = take(rest, sizeof(*eth));
  if (!eth) return KOI_VERDICT_UNREADABLE;

  out->vlan_tags = 0;
  __builtin_memset(out->tags, 0, sizeof(out->tags));
  __be16 type_be = eth->h_proto;
  if (is_vlan(type_be)) type_be = parse_tags(rest, out, type_be);
  out->ip_offset = rest->at - start;
  if (type_be == bpf_htons(ETH_P_IP)) return parse_ip4(rest, out);
  if (type_be == bpf_htons(ETH_P_IPV6)) return parse_ip6(rest, out);
  return KOI_VERDICT_NOT_IP;
}
