// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What stands between an IP header and the ports: IPv4 options, IPv6 extension headers, fragments.
// Few packets have any. The functions are global, so that the verifier walks them once and not on
// every path to them (inlined: over a million instructions on 6.18), and read by copies.
#pragma once

#include "packet/packet.h"

enum {
  EXTENSION_HEADERS_MAX = 6,
  EXTENSION_BYTES_MAX = 128,
  IP4_OPTION_BYTES_MAX = 40,
  IP_BYTES_MAX = 65535,
};

// What is known before and after.
struct walk {
  __u32 ip_offset;
  __u32 ip_bytes;
  __u32 header_bytes;  // so far
  __u8 protocol;       // of what comes next
  __u8 fragment;
  __u8 later_fragment;
  __u8 pad;
  __be32 fragment_id_be;
};

// Loose and strict source routes (RFC 791 3.1), which RFC 7126 has everybody drop.
static __always_inline int is_source_route(__u8 option) { return option == 131 || option == 137; }

// Of the options of an IPv4 header, `bytes` in all.
static __always_inline enum koi_verdict judge_options(const __u8 options[IP4_OPTION_BYTES_MAX],
                                                      __u32 bytes) {
  __u32 at = 0;
  for (__u32 i = 0; i < IP4_OPTION_BYTES_MAX; ++i) {
    if (at >= bytes || at >= IP4_OPTION_BYTES_MAX) return KOI_UNDECIDED;
    const __u8 kind = options[at];
    if (is_source_route(kind)) return KOI_VERDICT_SOURCE_ROUTED;
    if (kind == 0) return KOI_UNDECIDED;
    at += 1;
    if (kind == 1) continue;
    if (at >= bytes || at >= IP4_OPTION_BYTES_MAX || options[at] < 2) return KOI_VERDICT_BAD_HEADER;
    at += options[at] - 1;
    if (at > bytes) return KOI_VERDICT_BAD_HEADER;
  }
  return KOI_UNDECIDED;
}

// A piece at `offset` of `bytes`: those that others follow are of whole words, and none ends past
// what a packet can have (RFC 791 3.2, RFC 8200 4.5).
static __always_inline int is_impossible_piece(__u32 offset, __u32 bytes, int more) {
  return offset + bytes > IP_BYTES_MAX || (more && (bytes & 7 || !bytes));
}

static __always_inline enum koi_verdict judge_piece4(const struct iphdr* ip,
                                                     const struct walk* walk) {
  const __u32 offset = (bpf_ntohs(ip->frag_off) & 0x1fff) * 8;
  const __u32 bytes = walk->ip_bytes - walk->header_bytes;
  const int more = !!(ip->frag_off & bpf_htons(0x2000));
  if (is_impossible_piece(offset + walk->header_bytes, bytes, more)) return KOI_VERDICT_BAD_HEADER;
  // It would write over the flags of a TCP header (RFC 3128).
  if (offset == 8 && ip->protocol == IPPROTO_TCP) return KOI_VERDICT_TINY_FRAGMENT;
  return KOI_UNDECIDED;
}

__noinline enum koi_verdict koi_walk_ip4(struct xdp_md* ctx, struct walk* walk) {
  if (!walk) return KOI_VERDICT_TRUNCATED;
  const __u32 bytes = (walk->header_bytes - sizeof(struct iphdr)) & 0x3c;
  struct iphdr ip;
  __u8 options[IP4_OPTION_BYTES_MAX] = {};
  if (bpf_xdp_load_bytes(ctx, walk->ip_offset, &ip, sizeof(ip))) return KOI_VERDICT_TRUNCATED;
  if (bytes && bytes <= sizeof(options)) {
    if (bpf_xdp_load_bytes(ctx, walk->ip_offset + sizeof(ip), options, bytes)) {
      return KOI_VERDICT_TRUNCATED;
    }
    const enum koi_verdict verdict = judge_options(options, bytes);
    if (verdict != KOI_UNDECIDED) return verdict;
  }
  walk->fragment = !!(ip.frag_off & bpf_htons(0x3fff));
  walk->later_fragment = !!(ip.frag_off & bpf_htons(0x1fff));
  walk->fragment_id_be = ip.id;
  return judge_piece4(&ip, walk);
}

// As the extension headers have in common (RFC 8200 4, RFC 6564).
struct extension {
  __u8 next;
  __u8 length;
  union {
    struct {
      __u8 type;  // of a routing header
      __u8 left;
    };
    __be16 offset_be;  // of a fragment header (RFC 8200 4.5)
  };
  __be32 id_be;  // likewise
};

static __always_inline __u32 extension_bytes(__u8 protocol, const struct extension* header) {
  switch (protocol) {
    case IPPROTO_FRAGMENT: return sizeof(*header);
    case IPPROTO_AH: return (header->length + 2) * 4;
    default: return (header->length + 1) * 8;
  }
}

__noinline enum koi_verdict koi_walk_ip6(struct xdp_md* ctx, struct walk* walk) {
  if (!walk) return KOI_VERDICT_TRUNCATED;
  for (__u32 i = 0; i < EXTENSION_HEADERS_MAX; ++i) {
    struct extension header;
    const __u8 protocol = walk->protocol;
    if (!is_extension_header(protocol)) return KOI_UNDECIDED;
    if (protocol == IPPROTO_HOPOPTS && i) return KOI_VERDICT_BAD_HEADER;  // RFC 8200 4.1
    if (bpf_xdp_load_bytes(ctx, walk->ip_offset + walk->header_bytes, &header, sizeof(header))) {
      return KOI_VERDICT_TRUNCATED;
    }
    // Deprecated by RFC 5095: it makes traffic go back and forth.
    if (protocol == IPPROTO_ROUTING && header.type == 0) return KOI_VERDICT_SOURCE_ROUTED;
    walk->header_bytes += extension_bytes(protocol, &header);
    walk->protocol = header.next;
    if (walk->header_bytes > walk->ip_bytes) return KOI_VERDICT_BAD_HEADER;
    if (walk->header_bytes > sizeof(struct ipv6hdr) + EXTENSION_BYTES_MAX) {
      return KOI_VERDICT_TOO_MANY_HEADERS;
    }
    if (protocol != IPPROTO_FRAGMENT) continue;
    // One that is not in pieces after all is a whole packet (RFC 6946).
    walk->fragment = !!(header.offset_be & bpf_htons(0xfff9));
    walk->later_fragment = !!(header.offset_be & bpf_htons(0xfff8));
    walk->fragment_id_be = header.id_be;
    const __u32 offset = bpf_ntohs(header.offset_be) & 0xfff8;
    if (is_impossible_piece(offset, walk->ip_bytes - walk->header_bytes,
                            !!(header.offset_be & bpf_htons(1)))) {
      return KOI_VERDICT_BAD_HEADER;
    }
    if (walk->later_fragment) return KOI_UNDECIDED;
  }
  return is_extension_header(walk->protocol) ? KOI_VERDICT_TOO_MANY_HEADERS : KOI_UNDECIDED;
}

// Leaves `frame` behind all headers, and in `packet` what they said.
static __always_inline enum koi_verdict walk_headers(struct xdp_md* ctx, struct cursor* rest,
                                                     struct packet* packet) {
  struct walk walk = {.ip_offset = packet->ip_offset,
                      .ip_bytes = packet->ip_bytes,
                      .header_bytes = packet->header_bytes,
                      .protocol = packet->protocol};
  const enum koi_verdict verdict =
      packet->is_ip6 ? koi_walk_ip6(ctx, &walk) : koi_walk_ip4(ctx, &walk);
  packet->header_bytes = walk.header_bytes;
  packet->protocol = walk.protocol;
  packet->fragment = walk.fragment;
  packet->later_fragment = walk.later_fragment;
  packet->fragment_id_be = walk.fragment_id_be;
  rest->at = (void*)(long)ctx->data + ((walk.ip_offset + walk.header_bytes) & 0xff);
  return verdict;
}
