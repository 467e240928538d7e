// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Maps koi_rings and koi_slots, arrays of arrays, by number of the pool: an l4 pool's slots. Which
// slot a flow is in, its hash says; which backend, the slot. The inner arrays have as many entries
// as the pool's ring has slots and are pinned as `rings/POOL` and `slots/POOL`.
//
// koi_rings is read for every packet of an l4 service and is all that a slot at rest needs. A slot
// is one word and written as one, in place: no reader ever sees half a change. Written by
// koi-manager. Read by koi_xdp.
//
// koi_slots holds what only slots that changed need; a pool gets its array when a slot of it first
// leaves rest. Written by both.
//
// A flow never moves:
//   at rest        all packets go to `current`
//   moved          a flow that has an entry in koi_flows goes where that says; a new one to
//   `current`,
//                  and gets an entry; what is neither was there before and goes to `previous`
#pragma once

#include <koi/abi/abi.h>

struct koi_slot {
  __u16 current;   // number of a backend; 0: the pool has none that is up
  __u16 previous;  // likewise, of when the slot was last at rest; counts only while `moved`
  __u16 epoch;     // goes up when the slot leaves rest: entries of another epoch do not exist
  __u16 moved;     // 0: at rest
};
KOI_ABI_STRUCT(struct koi_slot, 8);

// All times are CLOCK_MONOTONIC, coarse, with the clock offset of koi_settings.
struct koi_slot_times {
  __u64 left_rest_ns;  // koi-manager, before the slot says `moved`
  // When a packet without an entry last went to `previous`. koi_xdp, to within
  // KOI_TIME_GRAIN_NS; koi-manager sets it to `left_rest_ns` when the slot leaves rest.
  __u64 previous_used_ns;
};
KOI_ABI_STRUCT(struct koi_slot_times, 16);

// koi_xdp renews a time only when it is older than this, so that packets do not write.
#define KOI_TIME_GRAIN_NS 1000000000ULL
