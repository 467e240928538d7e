// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The link header of a frame that was given a new beginning.
#pragma once

#include "packet/packet.h"

static __always_inline struct cursor frame_of(const struct xdp_md* ctx) {
  return (struct cursor){.at = (void*)(long)ctx->data, .end = (void*)(long)ctx->data_end};
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
