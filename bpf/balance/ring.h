// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The ring first: a packet's slot, and for a slot at rest the backend; nothing else is read then,
// so a packet costs the same with one flow or ten million.
#pragma once

#include "balance/flows.h"
#include "packet/hash.h"

static __always_inline int read_slot(struct choice* choice) {
  void* ring = bpf_map_lookup_elem(&koi_rings, &choice->pool_number);
  if (!ring) return 0;
  const __u64* word = bpf_map_lookup_elem(ring, &choice->slot_number);
  if (!word) return 0;
  // One load: koi-manager stores the whole slot at once.
  const __u64 all = *(const volatile __u64*)word;
  __builtin_memcpy(&choice->slot, &all, sizeof(all));
  return 1;
}

static __always_inline void choose_backend(const struct packet* packet, struct choice* choice) {
  const __u64 seed = choice->settings->ring_seed;
  choice->hash = flow_hash(packet, seed);
  const __u32 hash =
      choice->pool->affinity == KOI_AFFINITY_SOURCE ? source_hash(packet, seed) : choice->hash;
  choice->slot_number = reduce(hash, choice->pool->ring_slots);
  if (!read_slot(choice)) return;
  if (choice->slot.moved) {
    choose_in_moved_slot(packet, choice);
    return;
  }
  choice->backend = choice->slot.current;
  choice->why = KOI_CHOICE_AT_REST;
  choice->is_new = packet->opens;
}
