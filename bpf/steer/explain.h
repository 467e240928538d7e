// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What koi_explain tells.
#pragma once

#include "balance/choice.h"
#include "steer/worker.h"

static __always_inline void explain_flow(struct koi_explained* out, const struct packet* packet,
                                         const struct choice* choice) {
  const struct koi_flow_key key = flow_key(packet, choice->settings->flow_keys);
  const struct koi_flow* flow = bpf_map_lookup_elem(&koi_flows, &key);
  if (!flow) return;
  out->has_flow = 1;
  out->flow = *flow;
}

static __always_inline void explain(enum koi_verdict verdict, const struct packet* packet,
                                    const struct choice* choice) {
  const __u32 only = 0;
  struct koi_explained* out = bpf_map_lookup_elem(&koi_explained, &only);
  if (!out) return;
  // Field by field: the whole would not fit on the program's stack.
  __builtin_memset(out, 0, sizeof(*out));
  out->verdict = verdict;
  out->choice = choice->why;
  out->backend = choice->backend;
  out->slot_number = choice->slot_number;
  out->slot = choice->slot;
  if (!choice->service) return;
  out->has_service = 1;
  out->service = choice->service->number;
  out->pool = choice->service->pool;
  if (verdict == KOI_VERDICT_STEERED) out->cpu = worker_cpu(packet, choice->settings);
  if (choice->why == KOI_CHOICE_NONE) return;
  out->has_slot = 1;
  explain_flow(out, packet, choice);
}
