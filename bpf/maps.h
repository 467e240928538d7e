// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The maps: the memory of the product and its window. Their shapes are in include/koi/abi.
#pragma once

#include <koi/abi/backend.h>
#include <koi/abi/cpu.h>
#include <koi/abi/deny.h>
#include <koi/abi/explained.h>
#include <koi/abi/flow.h>
#include <koi/abi/forwarded.h>
#include <koi/abi/fragment.h>
#include <koi/abi/gate.h>
#include <koi/abi/limits.h>
#include <koi/abi/listener.h>
#include <koi/abi/pool.h>
#include <koi/abi/ring.h>
#include <koi/abi/service.h>
#include <koi/abi/settings.h>
#include <koi/abi/verdict.h>
#include <koi/abi/vip.h>
#include <koi/abi/worker.h>

#include "base.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, KOI_GROUPS_MAX);
  __type(key, __u32);
  __type(value, struct koi_gate);
} koi_gates SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct koi_settings);
} koi_settings SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, KOI_VIPS_MAX);
  __type(key, struct koi_vip_key);
  __type(value, struct koi_vip);
} koi_vips SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, KOI_SERVICES_MAX);
  __type(key, struct koi_service_key);
  __type(value, struct koi_service);
} koi_services SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, KOI_BACKENDS_MAX);
  __type(key, __u32);
  __type(value, struct koi_backend);
} koi_backends SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_CPUMAP);
  __uint(max_entries, KOI_CPUS_MAX);  // the loader lowers it to what the kernel was built for
  __type(key, __u32);
  __type(value, struct bpf_cpumap_val);
} koi_cpus SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SOCKMAP);
  __uint(max_entries, KOI_CPUS_MAX* KOI_LISTENER_FAMILIES);
  __type(key, __u32);
  __type(value, __u64);
} koi_listeners SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, KOI_VERDICT_COUNT);
  __type(key, __u32);
  __type(value, __u64);
} koi_verdicts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, KOI_VIPS_MAX);
  __type(key, __u32);
  __type(value, struct koi_vip_stats);
} koi_vip_stats SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, KOI_CPUS_MAX);
  __type(key, __u32);
  __type(value, struct koi_steered);
} koi_steered SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, KOI_POOLS_MAX);
  __type(key, __u32);
  __type(value, struct koi_pool);
} koi_pools SEC(".maps");

// A pool's slots. The pattern alone: koi-manager makes each with as many entries as it needs, which
// BPF_F_INNER_MAP allows.
struct koi_ring_array {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct koi_slot);
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, KOI_POOLS_MAX);
  __type(key, __u32);
  __array(values, struct koi_ring_array);
} koi_rings SEC(".maps");

struct koi_slots_array {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct koi_slot_times);
};

// Clang 14 does not describe a type that an inner map alone names, and libbpf 1.1 then says "can't
// determine value size"; a use in code makes it.
static __attribute__((used)) __u64 koi_describe(const struct koi_slot_times* times) {
  return times->left_rest_ns;
}

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, KOI_POOLS_MAX);
  __type(key, __u32);
  __array(values, struct koi_slots_array);
} koi_slots SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, KOI_FLOWS_MAX);
  __type(key, struct koi_flow_key);
  __type(value, struct koi_flow);
} koi_flows SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct koi_flow_state);
} koi_flow_state SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, KOI_FRAGMENTS_MAX);
  __type(key, struct koi_frag_key);
  __type(value, struct koi_frag);
} koi_frags SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, KOI_BACKENDS_MAX);
  __type(key, __u32);
  __type(value, struct koi_forwarded);
} koi_forwarded SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct koi_icmp_budget);
} koi_icmp_budget SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
  __uint(max_entries, KOI_DEVICES_MAX);
  __type(key, __u32);
  __type(value, __u32);
} koi_devices SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, KOI_DENIED_MAX);
  __type(key, struct koi_deny4_key);
  __type(value, struct koi_deny);
} koi_deny4 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, KOI_DENIED_MAX);
  __type(key, struct koi_deny6_key);
  __type(value, struct koi_deny);
} koi_deny6 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct koi_explained);
} koi_explained SEC(".maps");

// Never made as it stands: the loader makes koi_worker_0, koi_worker_1, ... after its pattern.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, KOI_WORKER_ENTRIES* KOI_WORKER_SEATS);
  __type(key, __u32);
  __type(value, struct koi_worker);
} koi_worker_N SEC(".maps");
