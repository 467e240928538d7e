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

// Malformed options name no source route: the backend judges them.
static __always_inline int has_source_route(const __u8 options[IP4_OPTION_BYTES_MAX]) {
  __u32 at = 0;
  for (__u32 i = 0; i < IP4_OPTION_BYTES_MAX; ++i) {
    if (at >= IP4_OPTION_BYTES_MAX - 1) return 0;
    const __u8 kind = options[at];
    if (is_source_route(kind)) return 1;
    if (kind == 0) return 0;
    const __u8 bytes = kind == 1 ? 1 : options[at + 1];
    if (!bytes) return 0;
    at += bytes;
  }
  return 0;
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
    if (has_source_route(options)) return KOI_VERDICT_SOURCE_ROUTED;
  }
  walk->fragment = !!(ip.frag_off & bpf_htons(0x3fff));
  walk->later_fragment = !!(ip.frag_off & bpf_htons(0x1fff));
  walk->fragment_id_be = ip.id;
  return KOI_UNDECIDED;
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
