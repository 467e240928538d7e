// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What koi_xdp knows of a frame once it has read it.
#pragma once

#include <koi/abi/verdict.h>

#include "base.h"

// Of 802.1Q and 802.1ad: one in the other.
enum { VLAN_TAGS_MAX = 2 };

struct vlan_tag {
  __be16 protocol_be;  // of the tag: 802.1Q or 802.1ad
  __be16 control_be;   // priority and VLAN
};

// No pointer into the frame: it is handed to functions that the verifier walks for themselves. Not
// zeroed as a whole, since most packets are for no VIP and pay for it.
struct packet {
  // What parse_destination() leaves.
  struct koi_addr src;
  struct koi_addr dst;
  __u8 dry;       // only asked (koi_explain): nothing may change
  __u8 is_ip6;    // by the frame's type
  __u8 version;   // by the IP header, which may lie
  __u8 protocol;  // of what the IP header and its extensions carry
  __u8 has_more;  // IP options, or extension headers: `walk.h` must read them
  __u8 vlan_tags;
  __be16 fragment_be;  // IPv4: the field, without "do not fragment"
  __u32 header_bytes;  // of the IP header with options and extensions, as they say
  __u32 ip_bytes;      // of the IP header and what follows, as it says
  __u32 ip_offset;     // of the IP header in the frame
  struct vlan_tag tags[VLAN_TAGS_MAX];

  // And what is known of one for a VIP: begin_rest() zeroes it.
  __u16 src_port;
  __u16 dst_port;
  __u8 opens;           // SYN without ACK: a new connection
  __u8 about;           // an ICMP error about a flow: addresses and ports are the flow's
  __u8 no_checksum;     // UDP, with a checksum of 0
  __u8 fragment;        // any piece of a packet that came in pieces
  __u8 later_fragment;  // not the first: it has no ports
  __u8 pad[3];
  __be32 fragment_id_be;
  __be32 sequence_be;   // TCP
  __u32 frame_bytes;    // of the whole frame
  __u32 present_bytes;  // of the frame from the IP header on, padding included
  __u32 vip_number;
  __u32 pool;  // of its l4 service
};

static __always_inline void begin_rest(struct packet* packet, __u32 frame_bytes) {
  __builtin_memset(&packet->src_port, 0, sizeof(*packet) - offsetof(struct packet, src_port));
  packet->frame_bytes = frame_bytes;
  packet->present_bytes = frame_bytes - packet->ip_offset;
}

static __always_inline struct koi_addr mapped(__be32 ip4) {
  return (struct koi_addr){.words_be = {0, 0, bpf_htonl(0xffff), ip4}};
}

static __always_inline int is_mapped(const struct koi_addr* addr) {
  return !addr->words_be[0] && !addr->words_be[1] && addr->words_be[2] == bpf_htonl(0xffff);
}

static __always_inline int is_same(const struct koi_addr* a, const struct koi_addr* b) {
  return !((a->words_be[0] ^ b->words_be[0]) | (a->words_be[1] ^ b->words_be[1]) |
           (a->words_be[2] ^ b->words_be[2]) | (a->words_be[3] ^ b->words_be[3]));
}
