// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The link header of a frame, also of one that was given a new beginning.
#pragma once

#include "packet/packet.h"

// Of the frame as it is now: void once a helper has moved its ends.
struct headers {
  struct ethhdr* eth;
  void* ip;
};

// Whether they are there: the verifier has forgotten that they were read before.
static __always_inline int find_headers(const struct xdp_md* ctx, const struct packet* packet,
                                        struct headers* out) {
  const __u32 ip_bytes = packet->is_ip6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
  struct cursor rest = frame_of(ctx);
  out->eth = take(&rest, sizeof(*out->eth));
  if (!out->eth) return 0;
  rest.at = (void*)out->eth + (packet->ip_offset & 0x1f);
  out->ip = take(&rest, ip_bytes);
  return out->ip != NULL;
}

// Ethernet header and VLAN tags at the beginning of a frame that was given a new one, with
// `type_be` for what follows. Where that begins, or NULL: the verifier does not know the length.
static __always_inline void* write_link_header(struct cursor* frame, const struct packet* packet,
                                               const __u8* to_mac, const __u8* from_mac,
                                               __be16 type_be) {
  struct ethhdr* eth = take(frame, sizeof(*eth));
  if (!eth) return NULL;
  __builtin_memcpy(eth->h_dest, to_mac, ETH_ALEN);
  __builtin_memcpy(eth->h_source, from_mac, ETH_ALEN);
  __be16* type = (void*)eth + offsetof(struct ethhdr, h_proto);
  for (__u32 i = 0; i < VLAN_TAGS_MAX && i < packet->vlan_tags; ++i) {
    __be16* tag = take(frame, 2 * sizeof(*tag));
    if (!tag) return NULL;
    *type = packet->tags[i].protocol_be;
    tag[0] = packet->tags[i].control_be;
    type = &tag[1];
  }
  *type = type_be;
  return frame->at;
}
