// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What koi_explain tells of a choice.
#pragma once

#include "balance/choice.h"
#include "packet/hash.h"

static __always_inline struct koi_explained* find_explained(void) {
  const __u32 only = 0;
  return bpf_map_lookup_elem(&koi_explained, &only);
}

static __always_inline void explain_choice(const struct packet* packet,
                                           const struct choice* choice) {
  struct koi_explained* out = find_explained();
  if (!out) return;
  out->choice = choice->why;
  out->backend = choice->backend;
  if (choice->why == KOI_CHOICE_NONE) return;
  out->has_slot = 1;
  out->slot_number = choice->slot_number;
  out->slot = choice->slot;
  const struct koi_flow_key key = flow_key(packet, choice->settings->flow_keys);
  const struct koi_flow* flow = bpf_map_lookup_elem(&koi_flows, &key);
  if (!flow) return;
  out->has_flow = 1;
  out->flow = *flow;
}
