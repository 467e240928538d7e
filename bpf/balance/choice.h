// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What is decided about a packet of an l4 service on its way through the program.
#pragma once

#include "maps.h"
#include "packet/packet.h"

struct choice {
  const struct koi_pool* pool;
  const struct koi_settings* settings;
  __u64 now_ns;  // 0: nobody has asked yet
  __u32 pool_number;
  __u32 hash;  // of the flow, whatever the pool's affinity
  __u32 slot_number;
  __u32 backend;  // its number; 0: none
  struct koi_slot slot;
  enum koi_choice why;
  __u8 is_new;  // the flow
  __u8 dry;     // only asked: nothing may change
};

static __always_inline __u64 now_ns(const struct koi_settings* settings) {
  return bpf_ktime_get_coarse_ns() + settings->clock_offset_ns;
}

static __always_inline const struct koi_backend* find_backend(__u32 number) {
  return bpf_map_lookup_elem(&koi_backends, &number);
}
