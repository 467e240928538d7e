// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Map koi_settings, one entry: what the programs need to know and what may change at run time.
// Written by koi-manager. Read by koi_xdp and koi_sk_lookup.
#pragma once

#include <koi/abi/abi.h>
#include <koi/abi/limits.h>

// Which packets of local services are redirected to their worker's CPU.
enum koi_steering {
  KOI_STEERING_ALWAYS,
  KOI_STEERING_ELSEWHERE,  // those that came in on another CPU
  KOI_STEERING_NEVER,      // the kernel takes them where they came in
};

struct koi_settings {
  __u32 abi_version;      // KOI_ABI_VERSION of who made the maps
  __u32 hash_seed;        // random: a client must not be able to choose its worker
  __s64 clock_offset_ns;  // added to the programs' clock; 0 outside tests
  __u8 own_mac[6];        // of the interface; a frame for another MAC is not ours
  __u16 cpu_count;        // how many entries of `cpus` count; 0: nothing is steered
  enum koi_steering steering;
  __u32 pad;
  __u16 cpus[KOI_CPUS_MAX];  // the CPUs that have a worker, ascending
};
KOI_ABI_STRUCT(struct koi_settings, 32 + 2 * KOI_CPUS_MAX);
