// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Pieces of a packet: the first goes where its flow goes and leaves a note; the others follow it.
#pragma once

#include "balance/choice.h"

// How long the rest of a packet is waited for; a receiver waits no longer (RFC 8200 4.5).
#define FRAGMENT_LIFE_NS 60000000000ULL

static __always_inline struct koi_frag_key frag_key(const struct packet* packet) {
  return (struct koi_frag_key){
      .src = packet->src,
      .dst = packet->dst,
      .id_be = packet->fragment_id_be,
      // Of IPv6 each piece may name another one; only the first counts.
      .protocol = packet->is_ip6 ? 0 : packet->protocol,
  };
}

static __always_inline void note_fragment(const struct packet* packet,
                                          const struct choice* choice) {
  if (choice->dry || !packet->fragment || packet->about) return;
  const struct koi_frag_key key = frag_key(packet);
  const struct koi_frag note = {
      .made_ns = now_ns(choice->settings), .pool = choice->pool_number, .backend = choice->backend};
  bpf_map_update_elem(&koi_frags, &key, &note, BPF_ANY);
}

// Whether the first piece is known; then `choice` has its pool and backend.
static __always_inline int follow_fragment(const struct packet* packet, struct choice* choice) {
  const struct koi_frag_key key = frag_key(packet);
  const struct koi_frag* note = bpf_map_lookup_elem(&koi_frags, &key);
  if (!note || now_ns(choice->settings) - note->made_ns > FRAGMENT_LIFE_NS) return 0;
  choice->pool_number = note->pool;
  choice->pool = bpf_map_lookup_elem(&koi_pools, &choice->pool_number);
  choice->backend = note->backend;
  choice->why = KOI_CHOICE_ENTRY;
  return choice->pool != NULL;
}
